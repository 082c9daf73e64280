"""What a writer is given and what it gives back."""

from collections.abc import Callable
from dataclasses import dataclass
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
    """The sentences of an answer and what they rest on; times count from the clip's start."""

    text: str
    evidence: tuple[Evidence, ...] = ()
    warnings: tuple[str, ...] = ()


Writer = Callable[["Analysis", Asked, "Say"], Written]
