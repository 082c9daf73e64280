"""Keys and values of a run of tokens, as they are kept and handed about."""

from collections.abc import Sequence

import torch

Piece = Sequence[tuple[torch.Tensor, torch.Tensor]]
"""Keys and values of each layer, both (1, heads, tokens, width)."""


def tokens(piece: Piece) -> int:
    """Return how many tokens it is of."""
    return int(piece[0][0].shape[2]) if piece else 0


def cut(piece: Piece, start: int, stop: int) -> Piece:
    """Return the tokens from `start` to `stop`, as views."""
    return [(keys[:, :, start:stop], values[:, :, start:stop]) for keys, values in piece]


def clone(piece: Piece) -> Piece:
    """Return a copy in memory of its own, without the buffer that it may have been a view of."""
    return [(_clone(keys), _clone(values)) for keys, values in piece]


def _clone(states: torch.Tensor) -> torch.Tensor:
    return states.detach().clone(memory_format=torch.contiguous_format)


def size(piece: Piece) -> int:
    """Return the bytes of its numbers."""
    return sum(states.numel() * states.element_size() for layer in piece for states in layer)
