"""Token by token: the loop that turns prompts into replies, as many rows at once as are asked."""

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import torch

from qwen_audio_tools.engines.transformers.adapter import Adapter
from qwen_audio_tools.engines.transformers.generating.batch import Batch
from qwen_audio_tools.engines.transformers.generating.exact import exact_steps
from qwen_audio_tools.engines.transformers.generating.requests import Context, Request, Step
from qwen_audio_tools.engines.transformers.generating.sampling import Choosing, numbers

if TYPE_CHECKING:
    from qwen_audio_tools.engines.transformers.reuse.prefixes import Prefixes

__all__ = ["Generation", "Request", "Step", "generate"]


class Generation:
    """The steps of all rows as they come; iterate over it.

    `stop(row)` ends one row, as a stop string does; `close()` ends all. What was computed until
    then is kept for the next request.
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
    sounds: Mapping[str, torch.Tensor],
    exact: bool = False,
    cancelled: Callable[[], bool] = bool,
) -> Generation:
    """Answer all requests together; nothing is computed before the first step is asked for.

    `sounds` gives what the language model hears of each, (tokens, width), by key; it is looked up
    only for what `prefixes` doesn't hold. `exact` keeps to the very order of arithmetic of
    `generate` in transformers, one row after another, and reuses nothing.

    Raises:
        Cancelled: while iterating, when `cancelled()` says so.
        EngineRefused: while iterating, when the model computes no numbers.
    """
    stopped: set[int] = set()
    context = Context(adapter=adapter, prefixes=prefixes, sounds=sounds, cancelled=cancelled)
    steps = _exactly if exact else _together
    return Generation(steps(context, requests, stopped), stopped)


def _exactly(context: Context, requests: Sequence[Request], stopped: set[int]) -> Iterator[Step]:
    for row, request in enumerate(requests):
        if row not in stopped:
            yield from exact_steps(context, request, row, stopped)


def _together(context: Context, requests: Sequence[Request], stopped: set[int]) -> Iterator[Step]:
    if not requests:
        return
    batch = Batch(context, list(enumerate(requests)))
    choosing = Choosing(
        [row.request.prompt.ids for row in batch.rows],
        [row.request.sampling for row in batch.rows],
        [row.request.constraint for row in batch.rows],
        context.adapter.device,
    )
    logits = _head(context, batch.fill())
    try:
        while True:
            tokens = choosing.choose(logits)
            leaving = yield from _told(batch, tokens.tolist(), stopped)
            if leaving:
                order = batch.leave(leaving)
                if not order:
                    return
                choosing.keep(order)
                tokens = tokens[order]
            context.check()
            logits = _head(context, batch.step(tokens))
    finally:
        batch.leave(range(len(batch.rows)))


def _told(
    batch: Batch, tokens: Sequence[int], stopped: set[int]
) -> Generator[Step, None, list[int]]:
    """Yield the new token of each row; return the slots of those that end with it."""
    finished: list[str | None] = []
    for row, token in zip(batch.rows, tokens, strict=True):
        row.reply.append(token)
        finished.append(row.request.finish(token, len(row.reply)))
        if row.index not in stopped:
            yield Step(row.index, token, finished[-1])
    return [
        slot
        for slot, (row, end) in enumerate(zip(batch.rows, finished, strict=True))
        if end or row.index in stopped
    ]


def _head(context: Context, hidden: torch.Tensor) -> torch.Tensor:
    with torch.inference_mode():
        return numbers(context.adapter.head(hidden))
