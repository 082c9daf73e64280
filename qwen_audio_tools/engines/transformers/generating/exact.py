"""A reply in the very order of arithmetic of `generate` in transformers, nothing reused."""

from collections.abc import Iterator
from typing import Any

import torch
from transformers import DynamicCache

from qwen_audio_tools.engines.transformers.generating.requests import Context, Request, Step
from qwen_audio_tools.engines.transformers.generating.sampling import Choosing, numbers


def exact_steps(context: Context, request: Request, row: int, stopped: set[int]) -> Iterator[Step]:
    """Yield the steps of one request: the whole prompt at once, the head over all of it."""
    adapter, prompt = context.adapter, request.prompt
    choosing = Choosing([prompt.ids], [request.sampling], [request.constraint], adapter.device)
    cache = DynamicCache()
    with torch.inference_mode():
        embeddings = context.embedded(prompt, 0, len(prompt.ids))[None]
    for count in range(1, request.max_tokens + 1):
        context.check()
        token = _next(context, choosing, embeddings, cache)
        finished = request.finish(token, count)
        yield Step(row, token, finished)
        if finished or row in stopped:
            return
        with torch.inference_mode():
            embeddings = adapter.embed(torch.tensor([[token]], device=adapter.device))


def _next(context: Context, choosing: Choosing, embeddings: torch.Tensor, cache: Any) -> int:
    adapter, start = context.adapter, cache.get_seq_length()
    with torch.inference_mode():
        positions = torch.arange(start, start + embeddings.shape[1], device=adapter.device)
        hidden = adapter.forward(embeddings, positions=positions[None], mask=None, cache=cache)
        return int(choosing.choose(numbers(adapter.head(hidden)[:, -1]))[0])
