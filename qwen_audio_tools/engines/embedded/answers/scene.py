"""Write answers about a whole clip: what is going on in it, and what differs between clips."""

from collections.abc import Sequence

from qwen_audio_tools.answer import Evidence
from qwen_audio_tools.engines.embedded.analysis import Analysis
from qwen_audio_tools.engines.embedded.answers.languages import language_name
from qwen_audio_tools.engines.embedded.answers.phrases import Say
from qwen_audio_tools.engines.embedded.answers.sounds import list_sounds, sound_evidence
from qwen_audio_tools.engines.embedded.answers.speech import language_evidence, speech_evidence
from qwen_audio_tools.engines.embedded.answers.voices import measures_of
from qwen_audio_tools.engines.embedded.answers.written import Asked, Written, placed

OPENING = 160  # characters of speech that a description quotes


def write_caption(heard: Analysis, asked: Asked, say: Say) -> Written:
    """Describe a clip: its length, its sounds, and how its speech begins."""
    sounds = heard.sounds.events() if heard.sounds is not None else ()
    sentences = [say("scene", seconds=f"{heard.duration:.0f}", language=_speech_in(heard, say))]
    if sounds:
        sentences.append(say("sounds", sounds=list_sounds(sounds, say)))
    if heard.words.segments:
        sentences.append(say("scene_words", text=_opening(heard.words.text)))
    language = (language_evidence(heard.words),) if heard.words.segments else ()
    words = speech_evidence(heard.words.segments[:5])
    return Written(say.sentences(sentences), (*sound_evidence(sounds, say), *language, *words))


def write_comparison(clips: Sequence[Analysis], say: Say) -> Written:
    """Tell for each measure and finding whether the clips agree or differ."""
    lines = [say("compared")]
    for what, values in _findings(clips, say):
        if len(set(values)) == 1:
            lines.append("- " + say("same", what=what, value=values[0]))
        else:
            named = say.join(
                f"{clip.name}: {value}" for clip, value in zip(clips, values, strict=True)
            )
            lines.append("- " + say("differs", what=what, values=named))
    evidence: list[Evidence] = []
    for clip in clips:
        evidence += placed(speech_evidence(clip.words.segments[:3]), clip)
        if clip.sounds is not None:
            evidence += placed(sound_evidence(clip.sounds.events(), say), clip)
    return Written("\n".join(lines), tuple(evidence))


def _findings(clips: Sequence[Analysis], say: Say) -> list[tuple[str, list[str]]]:
    chinese = say.language == "zh"
    nothing = say.either("none", "无")
    pitches = [
        measures.pitch if (measures := measures_of(clip)) is not None else None for clip in clips
    ]
    sounds = [
        list_sounds(clip.sounds.events(), say) if clip.sounds is not None else "" for clip in clips
    ]
    return [
        (say.either("Length", "时长"), [f"{clip.duration:.1f} s" for clip in clips]),
        (
            say.either("Language", "语言"),
            [
                language_name(clip.words.language, chinese=chinese)
                if clip.words.segments
                else nothing
                for clip in clips
            ],
        ),
        (
            say.either("Pitch of the voice", "音高"),
            [f"{round(pitch)} Hz" if pitch else nothing for pitch in pitches],
        ),
        (say.either("Sounds", "声音"), [names or nothing for names in sounds]),
        (
            say.either("Words", "内容"),
            [f'"{_opening(clip.words.text)}"' if clip.words.text else nothing for clip in clips],
        ),
    ]


def _speech_in(heard: Analysis, say: Say) -> str:
    if not heard.words.segments:
        return say("scene_no_speech") if not heard.speech else ""
    share = round(100 * heard.speech_seconds / max(heard.duration, 0.1))
    name = language_name(heard.words.language, chinese=say.language == "zh")
    return say("scene_language", share=min(100, share), name=name)


def _opening(text: str) -> str:
    if len(text) <= OPENING:
        return text
    cut = text[:OPENING]
    return (cut.rsplit(" ", 1)[0] if " " in cut else cut) + " …"
