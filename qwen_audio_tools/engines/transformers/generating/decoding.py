"""Token by token: the loop that turns prompts into replies, as many rows at once as are asked."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from qwen_audio_tools.engines.transformers.adapter import Adapter
from qwen_audio_tools.engines.transformers.generating.kv_buffers import STEP, KvBuffers
from qwen_audio_tools.engines.transformers.generating.sampling import (
    Choosing,
    Constraint,
    Sampling,
)
from qwen_audio_tools.engines.transformers.prompt import Prompt
from qwen_audio_tools.errors import Cancelled

if TYPE_CHECKING:
    from qwen_audio_tools.engines.transformers.reuse.prefixes import Prefixes

Sounds = Mapping[str, torch.Tensor]
"""What the language model hears of each sound, (tokens, width), by the sound's key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One reply that is wanted. `stop_ids` end it; `constraint` keeps it to a form."""

    prompt: Prompt
    max_tokens: int
    sampling: Sampling
    stop_ids: frozenset[int]
    constraint: Constraint | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One new token. `finished` is "eos", "length", or None while the row goes on."""

    row: int
    token: int
    finished: str | None = None


class Generation:
    """The steps of all rows as they come; iterate over it.

    `stop(row)` ends one row, as a stop string does; `close()` ends all. Whatever was computed
    until then is kept for the next request.
    """

    def __init__(self, steps: Iterator[Step], stopped: set[int]) -> None:
        self._steps = steps
        self._stopped = stopped

    def __iter__(self) -> Iterator[Step]:
        return self._steps

    def stop(self, row: int) -> None:
        """Compute no further token of that row."""
        self._stopped.add(row)

    def close(self) -> None:
        """Stop all rows and free what they held."""
        close = getattr(self._steps, "close", None)
        if close is not None:
            close()


def generate(
    adapter: Adapter,
    requests: Sequence[Request],
    *,
    prefixes: "Prefixes | None",
    sounds: Sounds,
    exact: bool = False,
    cancelled: Callable[[], bool] = bool,
) -> Generation:
    """Answer all requests; nothing is computed before the first step is asked for.

    `sounds` is looked up only for sounds that aren't in `prefixes` yet. `exact` keeps to the very
    order of arithmetic of `generate` in transformers, one row after another, without reuse.

    Raises:
        Cancelled: while iterating, when `cancelled()` says so.
    """
    stopped: set[int] = set()
    context = Context(adapter, None if exact else prefixes, sounds, cancelled)
    return Generation(_one_by_one(context, requests, stopped), stopped)


@dataclass(frozen=True, slots=True)
class Context:
    """What all parts of a generation share."""

    adapter: Adapter
    prefixes: "Prefixes | None"
    sounds: Sounds
    cancelled: Callable[[], bool]

    def check(self) -> None:
        """Raise Cancelled when the caller wants no more."""
        if self.cancelled():
            raise Cancelled("the caller stopped the generation")


def _one_by_one(context: Context, requests: Sequence[Request], stopped: set[int]) -> Iterator[Step]:
    for row, request in enumerate(requests):
        if row not in stopped:
            yield from _alone(context, request, row, stopped)


def _alone(context: Context, request: Request, row: int, stopped: set[int]) -> Iterator[Step]:
    adapter, prompt = context.adapter, request.prompt
    choosing = Choosing([prompt.ids], [request.sampling], [request.constraint], adapter.device)
    buffers = KvBuffers(len(prompt.ids) + min(request.max_tokens, STEP))
    hidden = prefilled(context, prompt, buffers)
    reply: list[int] = []
    try:
        while True:
            token = _next(adapter, choosing, hidden)
            reply.append(token)
            step = Step(row, token, finish(request, token, len(reply)))
            yield step
            if step.finished or row in stopped:
                return
            context.check()
            hidden = _forward(adapter, token, buffers)
    finally:
        keep(context, prompt.keys + tuple(reply), buffers, len(prompt.ids))


def finish(request: Request, token: int, count: int) -> str | None:
    """Say why a row ends with that token, its `count`-th, or None."""
    if request.constraint is not None and token not in request.stop_ids:
        request.constraint.advance(token)
        if request.constraint.done:
            return "eos"
    if token in request.stop_ids:
        return "eos"
    return "length" if count >= request.max_tokens else None


@torch.inference_mode()
def keep(context: Context, keys: Sequence[int], buffers: KvBuffers, start: int) -> None:
    """Offer the keys and values from `start` on for reuse."""
    stop = min(buffers.length, len(keys))
    if context.prefixes is not None and stop > start:
        context.prefixes.insert(tuple(keys[:stop]), buffers.piece(0, start, stop), start)


@torch.inference_mode()
def prefilled(context: Context, prompt: Prompt, buffers: KvBuffers) -> torch.Tensor:
    """Compute what isn't known of a prompt and return the last hidden state, (1, width)."""
    adapter, known = context.adapter, 0
    if context.prefixes is not None:
        known, pieces = context.prefixes.find(prompt.keys[:-1])
        buffers.append(pieces)
    hidden = adapter.forward(
        embedded(context, prompt, known, len(prompt.ids))[None],
        positions=torch.arange(known, len(prompt.ids), device=adapter.device)[None],
        mask=None,
        cache=buffers,
    )
    keep(context, prompt.keys, buffers, known)
    return hidden[:, -1]


def embedded(context: Context, prompt: Prompt, start: int, stop: int) -> torch.Tensor:
    """Return what the language model reads between two tokens of a prompt: (length, width)."""
    ids = torch.tensor(prompt.ids[start:stop], device=context.adapter.device)
    embeddings = context.adapter.embed(ids[None])[0]
    for span in prompt.spans:
        first, last = max(span.start, start), min(span.start + span.count, stop)
        if first < last:
            heard = context.sounds[span.key][first - span.start : last - span.start]
            embeddings[first - start : last - start] = heard.to(embeddings)
    return embeddings


@torch.inference_mode()
def _next(adapter: Adapter, choosing: Choosing, hidden: torch.Tensor) -> int:
    return int(choosing.choose(adapter.head(hidden))[0])


@torch.inference_mode()
def _forward(adapter: Adapter, token: int, buffers: KvBuffers) -> torch.Tensor:
    ids = torch.tensor([[token]], device=adapter.device)
    positions = torch.tensor([[buffers.length]], device=adapter.device)
    hidden = adapter.forward(adapter.embed(ids), positions=positions, mask=None, cache=buffers)
    return hidden[:, -1]
