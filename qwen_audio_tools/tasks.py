"""The table of tasks: what each asks of an engine, in which words, and how to read the reply."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from qwen_audio_tools.answer import Answer
from qwen_audio_tools.errors import SettingsError
from qwen_audio_tools.transcript import Segment, Transcript


class Ability(StrEnum):
    """What an engine may be able to do."""

    CHAT = "chat"  # free conversation about a clip, earlier turns included
    TRANSCRIBE = "transcribe"
    TRANSLATE = "translate"
    SOUNDS = "sounds"
    VOICE = "voice"  # pitch, loudness, pace, activation
    SPEAKERS = "speakers"  # how many, who when
    MUSIC = "music"
    TIMES = "times"  # its evidence carries times of the recording


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One thing that people ask of audio.

    `base` is the prompt that Qwen2-Audio's base model was trained on (empty where it has none),
    `instruct` the question for a model that chats, `chinese` the same in Chinese; `{language}` in
    them is filled in by `prompt`.
    `read` turns an Answer into the value that a program wants.
    """

    name: str
    about: str
    needs: frozenset[Ability]
    instruct: str
    chinese: str
    base: str = ""
    read: Callable[[Answer], object] = lambda answer: answer.text

    def prompt(self, family: str, *, language: str = "en") -> str:
        """Return the prompt for a model family, "base" or "instruct"; `language` is ISO 639-1."""
        words = self.base if family == "base" and self.base else self.instruct
        return words.replace("{language}", language)


def read_transcript(answer: Answer) -> Transcript:
    """Return the transcript that an answer's evidence holds.

    Speech evidence gives the segments; speaker evidence that overlaps them most gives names.
    """
    turns = [item for item in answer.evidence if item.kind == "speaker" and item.start is not None]
    language = next((item.text for item in answer.evidence if item.kind == "language"), None)
    segments = []
    for item in answer.evidence:
        if item.kind not in ("speech", "translation") or item.start is None or item.end is None:
            continue
        start, end = item.start, item.end
        best = max(
            turns,
            key=lambda turn: min(end, turn.end or 0.0) - max(start, turn.start or 0.0),
            default=None,
        )
        overlaps = best is not None and min(end, best.end or 0.0) > max(start, best.start or 0.0)
        segments.append(
            Segment(
                start=start,
                end=end,
                text=item.text,
                speaker=best.text if best is not None and overlaps else None,
                language="en" if item.kind == "translation" else language,
                confidence=item.score,
            )
        )
    return Transcript(
        segments=tuple(segments),
        language=language,
        duration=answer.coverage.total,
        source=answer.clip or None,
    )


def _task(
    name: str, about: str, needs: tuple[Ability, ...], instruct: str, chinese: str, base: str = ""
) -> Task:
    read: Callable[[Answer], object] = lambda answer: answer.text  # noqa: E731
    if name in ("transcribe", "translate"):
        read = read_transcript
    return Task(
        name=name,
        about=about,
        needs=frozenset(needs),
        instruct=instruct,
        chinese=chinese,
        base=base,
        read=read,
    )


# The base prompts are those of the model's training tasks; the evaluation scripts of
# QwenLM/Qwen2-Audio use them word for word, so they must not be "improved".
TASKS: dict[str, Task] = {
    task.name: task
    for task in (
        _task(
            "transcribe",
            "the words, verbatim, with times",
            (Ability.TRANSCRIBE,),
            "Write down what is said in this audio, word for word, and nothing else.",
            "逐字写出这段音频里说的话，不要写别的。",
            "Detect the language and recognize the speech: <|{language}|>",
        ),
        _task(
            "translate",
            "the words in English",
            (Ability.TRANSLATE,),
            "Translate what is said in this audio into English, and write nothing else.",
            "把这段音频里说的话翻译成英语，不要写别的。",
            "Detect the language and translate the speech into English: <|{language}|>",
        ),
        _task(
            "language",
            "which language is spoken",
            (Ability.TRANSCRIBE,),
            "Which language is spoken in this audio?",
            "这段音频里说的是哪种语言？",
        ),
        _task(
            "emotion",
            "how the speaker seems to feel, and from what one can tell",
            (Ability.VOICE,),
            "What emotion does the speaker show? Say what in the voice and words tells you so.",
            "说话人表现出什么情绪？请说明声音和用词里有哪些依据。",
            "Recognize the emotion with keywords in English:",
        ),
        _task(
            "speaker",
            "what the voice is like: pitch, pace, likely gender",
            (Ability.VOICE,),
            "Describe the speaker: gender, age and the sound of the voice.",
            "描述说话人：性别、年龄和音色。",
        ),
        _task(
            "voice",
            "how the voice goes on, measured stretch by stretch",
            (Ability.VOICE,),
            "How do the pitch, loudness and liveliness of the voice change over this audio?",
            "这段音频里嗓音的音高、响度和活跃程度如何变化？",
        ),
        _task(
            "speakers",
            "how many people speak, and who when",
            (Ability.SPEAKERS,),
            "How many people speak in this audio, and who speaks when?",
            "这段音频里有几个人说话？分别在什么时候？",
        ),
        _task(
            "vocal_sound",
            "laughter, coughs, sighs and other sounds of people that are not words",
            (Ability.SOUNDS,),
            "Which sounds does a person make in this audio that are not words?",
            "这段音频里，人发出了哪些不是词语的声音？",
            "Classify the human vocal sound to VocalSound in English:",
        ),
        _task(
            "sound_events",
            "which sounds are heard, and when",
            (Ability.SOUNDS,),
            "Which sounds are heard in this audio, and when?",
            "这段音频里有哪些声音？分别在什么时候？",
        ),
        _task(
            "caption",
            "the whole scene in a few sentences",
            (Ability.SOUNDS,),
            "Describe this audio in one or two sentences.",
            "用一两句话描述这段音频。",
            "Generate the caption in English:",
        ),
        _task(
            "music",
            "whether there is music, and of which kind",
            (Ability.MUSIC,),
            "Is there music in this audio? Describe its instruments, genre and mood.",
            "这段音频里有音乐吗？请描述乐器、风格和情绪。",
        ),
        _task(
            "summarize",
            "the gist of what is said",
            (Ability.TRANSCRIBE,),
            "Summarize what is said in this audio.",
            "概括这段音频里说的内容。",
        ),
        _task(
            "compare",
            "what differs between clips",
            (Ability.TRANSCRIBE, Ability.SOUNDS),
            "Compare these clips: what is the same, what differs?",
            "比较这些音频：哪些相同，哪些不同？",
        ),
        _task(
            "question",
            "any question about what was said",
            (Ability.TRANSCRIBE,),
            "{question}",
            "{question}",
        ),
    )
}


def tasks_named(names: str) -> tuple[Task, ...]:
    """Return the tasks of that name, or of several names joined by "+".

    Raises:
        SettingsError: one of them is no task.
    """
    try:
        return tuple(TASKS[name.strip()] for name in names.split("+"))
    except KeyError as error:
        raise SettingsError(
            f"no task is called {error.args[0]!r}; there are {', '.join(TASKS)}", hint="qwa tasks"
        ) from None
