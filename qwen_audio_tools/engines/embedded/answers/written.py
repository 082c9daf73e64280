"""What a writer is given and what it gives back."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from qwen_audio_tools.answer import Evidence

if TYPE_CHECKING:
    from qwen_audio_tools.engines.embedded.analysis import Analysis
    from qwen_audio_tools.engines.embedded.answers.phrases import Say
    from qwen_audio_tools.engines.embedded.meaning.sentence_encoder import SentenceEncoder
    from qwen_audio_tools.engines.embedded.questions.router import Route


@dataclass(frozen=True, slots=True)
class Asked:
    """The question as routed; `text` is empty where only a task was named.

    `labels` are the AudioSet classes that it is about, with scores.
    """

    text: str
    route: "Route"
    encoder: "SentenceEncoder"
    labels: tuple[tuple[str, float], ...] = ()

    @property
    def subject(self) -> str:
        """The X of "is there X", or an empty string."""
        return self.route.subject or ""


@dataclass(frozen=True, slots=True)
class Written:
    """The sentences of an answer and what they rest on; times count from the clip's start.

    `limited` says that an engine that reasons about what it hears could have told more.
    """

    text: str
    evidence: tuple[Evidence, ...] = ()
    warnings: tuple[str, ...] = ()
    limited: bool = False


def placed(evidence: Iterable[Evidence], heard: "Analysis") -> tuple[Evidence, ...]:
    """Return evidence with the name of its clip and times of the recording."""
    return tuple(
        replace(
            item,
            start=None if item.start is None else item.start + heard.offset,
            end=None if item.end is None else item.end + heard.offset,
            clip=heard.name,
        )
        for item in evidence
    )


Writer = Callable[["Analysis", Asked, "Say"], Written]
