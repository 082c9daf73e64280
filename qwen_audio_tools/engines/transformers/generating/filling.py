"""Prompts into keys and values: what is known is copied, what several share is computed once."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from qwen_audio_tools.engines.transformers.generating.kv_buffers import KvBuffers, KvWindow
from qwen_audio_tools.engines.transformers.generating.requests import Context
from qwen_audio_tools.engines.transformers.prompt import Prompt
from qwen_audio_tools.engines.transformers.reuse.pieces import Piece

# A shorter common stretch costs less to compute again than to handle apart.
_WORTH = 16


@dataclass(frozen=True, slots=True)
class Trunk:
    """The first `length` tokens of several prompts, computed once."""

    buffers: KvBuffers
    length: int

    @property
    def pieces(self) -> Sequence[Piece]:
        """Its keys and values."""
        return [self.buffers.piece(0, 0, self.length)]


def common(rows: Sequence[Sequence[int]]) -> int:
    """Return how many first numbers all rows have in common."""
    shortest = min(rows, key=len)
    length = len(shortest)
    for row in rows:
        if row[:length] != shortest[:length]:
            length = next(at for at in range(length) if row[at] != shortest[at])
    return length


def root(context: Context, prompts: Sequence[Prompt]) -> Trunk | None:
    """Compute what all prompts begin with, if that is worth it."""
    length = common([prompt.keys[:-1] for prompt in prompts])
    if len(prompts) < 2 or length < _WORTH:
        return None
    return _grown(context, prompts[0], length, None)


def branches(
    context: Context, prompts: Sequence[Prompt], below: Trunk | None
) -> list[Trunk | None]:
    """Compute what some of the prompts have in common beyond `below`, once; return each one's.

    At least one token of every prompt is left, for its last state is needed.
    """
    start = below.length if below else 0
    found: list[Trunk | None] = [below] * len(prompts)
    groups: dict[int, list[int]] = {}
    for index, prompt in enumerate(prompts):
        groups.setdefault(prompt.keys[start], []).append(index)
    for indices in groups.values():
        group = [prompts[index] for index in indices]
        length = common([prompt.keys[:-1] for prompt in group])
        if len(group) > 1 and length - start >= _WORTH:
            trunk = _grown(context, group[0], length, below)
            deeper = branches(context, group, trunk)
            for index, one in zip(indices, deeper, strict=True):
                found[index] = one
    return found


def _grown(context: Context, prompt: Prompt, length: int, below: Trunk | None) -> Trunk:
    context.check()
    buffers = KvBuffers(1, length)
    known, pieces = known_part(context, prompt.keys[:length], below)
    buffers.load(0, 0, pieces)
    if known < length:
        window = KvWindow(buffers, slice(0, 1), length=known)
        compute(context, prompt, known, length, window)
        keep(context, prompt.keys[:length], buffers.piece(0, known, length), known)
    return Trunk(buffers, length)


def known_part(
    context: Context, keys: Sequence[int], trunk: Trunk | None
) -> tuple[int, Sequence[Piece]]:
    """Return how many first tokens needn't be computed, and their keys and values."""
    if context.prefixes is not None:
        known, pieces = context.prefixes.find(tuple(keys))
        if known > (trunk.length if trunk else 0):
            return known, pieces
    return (trunk.length, trunk.pieces) if trunk else (0, ())


def compute(
    context: Context, prompt: Prompt, start: int, stop: int, window: KvWindow
) -> torch.Tensor:
    """Run tokens of one prompt through the model; return hidden states, (1, length, width)."""
    with torch.inference_mode():
        hidden = context.adapter.forward(
            context.embedded(prompt, start, stop)[None],
            positions=torch.arange(start, stop, device=context.adapter.device)[None],
            mask=None,
            cache=window,
        )
        window.advance()
        return hidden


def keep(context: Context, keys: Sequence[int], piece: Piece, start: int) -> None:
    """Offer the keys and values of tokens `start` and after for reuse."""
    if context.prefixes is not None and len(keys) > start:
        context.prefixes.insert(tuple(keys), piece, start)
