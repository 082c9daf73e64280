"""Tools of an agent as plain functions: words of a model in, a text for the model and values out.

Arguments are what a model can write; who calls adds an `Ears`. They raise as the core does: each
framework turns a QwenAudioError into what its agents read, by `told`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from qwen_audio_tools.agents.references import References
from qwen_audio_tools.agents.telling import (
    MOST,
    tell_answer,
    tell_inspection,
    tell_transcript,
)
from qwen_audio_tools.answer import Answer
from qwen_audio_tools.asking import ask, transcribe
from qwen_audio_tools.clip import Clip
from qwen_audio_tools.engines.base import Engine, Options
from qwen_audio_tools.errors import ClipMissing, QwenAudioError, SettingsError
from qwen_audio_tools.inspection import Inspection, inspect
from qwen_audio_tools.stopping import Stop
from qwen_audio_tools.tasks import Ability
from qwen_audio_tools.transcript import Transcript


@dataclass(frozen=True, slots=True, kw_only=True)
class Ears:
    """What an agent hears with: an engine, and what it may open.

    `most` is how many characters a text for the model may have; what is cut off is said.
    """

    engine: Engine
    references: References = field(default_factory=References)
    options: Options = field(default_factory=Options)
    most: int = MOST


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Which audio a model means: a name, seconds, and what is attached (ids, the latest last)."""

    audio: str | None = None
    start_s: float | None = None
    end_s: float | None = None
    attachments: Sequence[str] = ()

    def clip(self, references: References) -> Clip:
        """Return the clip. Raises ClipError, as `References.resolve`."""
        return references.resolve(
            self.audio, start=self.start_s, end=self.end_s, attachments=self.attachments
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolReply:
    """What a tool gives back: `text` for the model; the rest for programs."""

    text: str
    clips: tuple[Clip, ...]
    answer: Answer | None = None
    transcript: Transcript | None = None
    inspection: Inspection | None = None


def ask_audio(ears: Ears, question: str, place: Place, stop: Stop | None = None) -> ToolReply:
    """Answer a question about a recording.

    Raises:
        QwenAudioError: as `ask`; Cancelled once `stop` is set.
    """
    if not question.strip():
        raise SettingsError("the question is empty", hint="put it in full")
    clip = place.clip(ears.references)
    answer = _asked(ears, [clip], question, None, stop)
    return ToolReply(text=tell_answer(answer, ears.most), clips=(clip,), answer=answer)


def transcribe_audio(
    ears: Ears, place: Place, *, language: str | None = None, stop: Stop | None = None
) -> ToolReply:
    """Write down what is said in a recording.

    Raises:
        QwenAudioError: as `ask_audio`.
    """
    clip = place.clip(ears.references)
    options = replace(ears.options, language=language or ears.options.language)
    engine, options = _stoppable(ears.engine, options, stop)
    transcript, answer = transcribe(clip, engine=engine, options=options)
    return ToolReply(
        text=tell_transcript(transcript, answer, ears.most),
        clips=(clip,),
        answer=answer,
        transcript=transcript,
    )


def describe_audio(ears: Ears, place: Place, stop: Stop | None = None) -> ToolReply:
    """Describe a whole recording.

    Raises:
        QwenAudioError: as `ask_audio`.
    """
    clip = place.clip(ears.references)
    answer = _asked(ears, [clip], "", "caption", stop)
    return ToolReply(text=tell_answer(answer, ears.most), clips=(clip,), answer=answer)


def compare_audio(
    ears: Ears, audios: Sequence[str], question: str = "", stop: Stop | None = None
) -> ToolReply:
    """Compare recordings, with regard to a question if there is one.

    Raises:
        QwenAudioError: as `ask_audio`; ClipMissing for fewer than two recordings.
    """
    if len(audios) < 2:
        raise ClipMissing(
            f"to compare takes two recordings, not {len(audios)}",
            hint=f"name each: {ears.references.takes}",
        )
    clips = [ears.references.resolve(audio) for audio in audios]
    # A model that chats compares by what it is asked; the others know the task by its name.
    chats = Ability.CHAT in ears.engine.info.abilities
    task = None if chats and question.strip() else "compare"
    answer = _asked(ears, clips, question, task, stop)
    return ToolReply(text=tell_answer(answer, ears.most), clips=tuple(clips), answer=answer)


def audio_info(ears: Ears, place: Place, stop: Stop | None = None) -> ToolReply:
    """Tell what a recording holds, without any model.

    Raises:
        ClipError: it can't be opened or decoded.
        Cancelled: once `stop` is set.
    """
    clip = place.clip(ears.references)
    _, options = _stoppable(ears.engine, ears.options, stop)
    found = inspect(clip, progress=options.progress)
    return ToolReply(text=tell_inspection(found), clips=(clip,), inspection=found)


def told(error: QwenAudioError) -> str:
    """Return an error as a model should read it: what was wrong, and what to do now."""
    hint = f" What to do: {_ended(error.hint)}" if error.hint else ""
    return f"Error: {_ended(str(error))}{hint}"


def _ended(text: str) -> str:
    return text if text.endswith((".", "?", "!")) else f"{text}."


def _asked(
    ears: Ears, clips: Sequence[Clip], question: str, task: str | None, stop: Stop | None
) -> Answer:
    options = replace(ears.options, task=task or ears.options.task)
    engine, options = _stoppable(ears.engine, options, stop)
    return ask(clips, question, engine=engine, options=options)


def _stoppable(engine: Engine, options: Options, stop: Stop | None) -> tuple[Engine, Options]:
    if stop is None:
        return engine, options
    stop.check()
    return stop.engine(engine), stop.options(options)
