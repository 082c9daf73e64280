"""Write answers about voices: what one is like, how many there are, who speaks when."""

from qwen_audio_tools.answer import Evidence
from qwen_audio_tools.engines.embedded.analysis import Analysis
from qwen_audio_tools.engines.embedded.answers.phrases import Say
from qwen_audio_tools.engines.embedded.answers.written import Asked, Written
from qwen_audio_tools.engines.embedded.voices.speakers import MODEL as SPEAKER_MODEL
from qwen_audio_tools.engines.embedded.voices.voice_meter import MODEL as VOICE_MODEL
from qwen_audio_tools.engines.embedded.voices.voice_meter import VoiceMeasures
from qwen_audio_tools.transcript import spoken_words

SURE_OF_GENDER = 0.65
MANY_TURNS = 12


def write_speaker(heard: Analysis, asked: Asked, say: Say) -> Written:
    """Describe the voice by what was measured: pitch, pace, pauses; gender only with a hedge."""
    measures = measures_of(heard)
    if measures is None or measures.pitch is None:
        return Written(say("no_speech", seconds=f"{heard.duration:.1f}"))
    guess = measures.adult()
    if guess is None or guess[1] < SURE_OF_GENDER:
        gender = say("voice_between")
    else:
        percent = round(100 * guess[1])
        gender = say("voice_male" if guess[0] == "male" else "voice_female", percent=percent)
    text = say.sentences(
        [gender, say("voice_is", measures=in_words(measures, say)), say("age_unknown")]
    )
    return Written(text, voice_evidence(heard, measures, say))


def write_speakers(heard: Analysis, asked: Asked, say: Say) -> Written:
    """Tell how many voices there seem to be, and which speaks when."""
    turns = heard.speakers
    if turns is None or not turns.turns:
        return Written(say("no_speech", seconds=f"{heard.duration:.1f}"))
    evidence = tuple(
        Evidence(
            kind="speaker",
            text=turn.speaker,
            start=turn.start,
            end=turn.end,
            score=turn.score,
            model=SPEAKER_MODEL,
        )
        for turn in turns.turns
    )
    percent = round(100 * turns.certainty)
    if turns.count == 1:
        return Written(say("one_speaker", percent=percent), evidence)
    shares = [
        say("speaks_for", name=name, seconds=f"{seconds:.0f}")
        for name, seconds in turns.seconds().items()
    ]
    told = say("many_speakers", count=turns.count, who=say.join(shares), percent=percent)
    in_turns = [f"{turn.speaker} {say.at(turn.start, turn.end)}" for turn in turns.turns]
    if len(in_turns) > MANY_TURNS:
        rest = len(in_turns) - MANY_TURNS
        in_turns[MANY_TURNS:] = [say.either(f"and {rest} more", f"等另外 {rest} 段")]
    return Written(say.sentences([told, say("turns", turns=say.join(in_turns))]), evidence)


def measures_of(heard: Analysis) -> VoiceMeasures | None:
    """Return the measures of all speech in the clip, or None where there is none."""
    if heard.voice is None or not heard.speech:
        return None
    words = spoken_words(heard.words.text) or None
    return heard.voice.measures(heard.speech, words=words)


def voice_evidence(heard: Analysis, measures: VoiceMeasures, say: Say) -> tuple[Evidence, ...]:
    """Return the measures of a voice as evidence over the time in which it speaks."""
    return (
        Evidence(
            kind="voice",
            text=in_words(measures, say),
            start=heard.speech[0].start,
            end=heard.speech[-1].end,
            model=VOICE_MODEL,
        ),
    )


def in_words(measures: VoiceMeasures, say: Say) -> str:
    """Return what was measured of a voice as a list within a sentence."""
    parts = []
    if measures.pitch and measures.pitch_low and measures.pitch_high:
        parts.append(
            say(
                "pitch",
                hertz=round(measures.pitch),
                low=round(measures.pitch_low),
                high=round(measures.pitch_high),
            )
        )
    if measures.words_per_minute:
        parts.append(say("pace", rate=round(measures.words_per_minute)))
    if measures.pauses:
        share = round(100 * measures.pause_share)
        parts.append(say("pauses", count=measures.pauses, share=share))
    if measures.level is not None:
        parts.append(say("loudness", db=round(measures.level)))
    return say.join(parts)
