"""What is asked of a generation, and what comes of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from qwen_audio_tools.engines.transformers.adapter import Adapter
from qwen_audio_tools.engines.transformers.generating.sampling import Constraint, Sampling
from qwen_audio_tools.engines.transformers.prompt import Prompt
from qwen_audio_tools.errors import Cancelled

if TYPE_CHECKING:
    from qwen_audio_tools.engines.transformers.reuse.prefixes import Prefixes


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One reply that is wanted. `stop_ids` end it; `constraint` keeps it to a form."""

    prompt: Prompt
    max_tokens: int
    sampling: Sampling
    stop_ids: frozenset[int]
    constraint: Constraint | None = None

    def finish(self, token: int, count: int) -> str | None:
        """Take note of the reply's `count`-th token and say why the reply ends with it, or None."""
        if token in self.stop_ids:
            return "eos"
        if self.constraint is not None:
            self.constraint.advance(token)
            if self.constraint.done:
                return "eos"
        return "length" if count >= self.max_tokens else None


@dataclass(frozen=True, slots=True)
class Step:
    """One new token. `finished` is "eos", "length", or None while the row goes on."""

    row: int
    token: int
    finished: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What all requests of a generation share.

    `sounds` gives what the language model hears of a sound, (tokens, width), by its key; it is
    looked up only for what `prefixes` doesn't hold.
    """

    adapter: Adapter
    prefixes: "Prefixes | None"
    sounds: Mapping[str, torch.Tensor]
    cancelled: Callable[[], bool]

    def check(self) -> None:
        """Raise Cancelled when the caller wants no more."""
        if self.cancelled():
            raise Cancelled("the caller stopped the generation")

    def embedded(self, prompt: Prompt, start: int, stop: int) -> torch.Tensor:
        """Return what the language model reads between two tokens of a prompt: (length, width)."""
        ids = torch.tensor(prompt.ids[start:stop], device=self.adapter.device)
        embeddings = self.adapter.embed(ids[None])[0]
        for span in prompt.spans:
            first, last = max(span.start, start), min(span.start + span.count, stop)
            if first < last:
                heard = self.sounds[span.key][first - span.start : last - span.start]
                embeddings[first - start : last - start] = heard.to(embeddings)
        return embeddings
