"""The picture of `qwa info --plot`: a clip with the speech and the sounds that were heard in it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from qwa.exits import OutputFailed
from qwen_audio_tools.errors import EngineError

if TYPE_CHECKING:
    from qwa.manners import Manners
    from qwa.progress import Bar
    from qwen_audio_tools.clip import Clip

SPEECH = frozenset({"speech", "conversation", "narration, monologue"})


@dataclass(frozen=True, slots=True)
class Mark:
    """A sound to draw: `start` and `end` in seconds of the clip."""

    label: str
    start: float
    end: float


def draw(clip: "Clip", path: str, manners: "Manners", bar: "Bar") -> None:
    """Write the picture; without the engine's packages or weights it shows no sounds.

    Raises:
        MissingExtra: matplotlib is not installed.
        OutputFailed: the picture can't be written.
    """
    from qwen_audio_tools.plotting import plot
    from qwen_audio_tools.spans import Span

    try:
        marks = _marks(clip, bar)
    except EngineError as error:
        manners.tell(f"no sounds are marked: {error}", kind="warning")
        marks = []
    finally:
        bar.clear()
    speech = [Span(mark.start, mark.end) for mark in marks if mark.label.lower() in SPEECH]
    sounds = [mark for mark in marks if mark.label.lower() not in SPEECH]
    try:
        plot(clip, path, speech, sounds)
    except OSError as error:
        why = error.strerror or error
        raise OutputFailed(
            f"{path!r} cannot be written: {why}", hint="name another file"
        ) from error
    manners.tell(f"{manners.words('wrote')} {path}")


def _marks(clip: "Clip", bar: "Bar") -> list[Mark]:
    from qwen_audio_tools.asking import ask
    from qwen_audio_tools.engines.base import Options

    options = Options(task="sound_events", lang="en", progress=bar)
    answer = ask(clip, engine="embedded", options=options)
    offset = clip.start or 0.0
    return [
        Mark(
            "speech" if item.kind == "speech" else item.text, item.start - offset, item.end - offset
        )
        for item in answer.evidence
        if item.kind in ("sound", "speech") and item.start is not None and item.end is not None
    ]
