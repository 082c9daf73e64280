"""The keys and values of a running generation, in memory that is laid out once and written into."""

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from transformers.cache_utils import Cache, CacheLayerMixin

Piece = Sequence[tuple[torch.Tensor, torch.Tensor]]
"""Keys and values of a stretch of tokens: a pair for each layer, (1, heads, length, width)."""

# A reply's first tokens are foreseen; a longer one makes the buffers grow by at least so many.
STEP = 128


class KvLayer(CacheLayerMixin):  # type: ignore[misc]
    """Keys and values of one layer, (rows, heads, capacity, width), of which `length` are there.

    What `update` returns are views of the buffers: nothing is copied for a new token.
    """

    is_sliding = False

    def __init__(self, capacity: int) -> None:
        super().__init__()
        self.capacity = capacity
        self.length = 0

    def lazy_initialization(self, key_states: torch.Tensor, value_states: torch.Tensor) -> None:
        """Lay out the buffers for states of that shape."""
        self.keys = self._empty(key_states, key_states.shape[0])
        self.values = self._empty(value_states, value_states.shape[0])
        self.is_initialized = True

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *_: Any, **__: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Write new states behind the ones that are there and return all of them."""
        start, end = self.length, self.length + key_states.shape[2]
        if not self.is_initialized:
            self.capacity = max(self.capacity, end)
            self.lazy_initialization(key_states, value_states)
        if end > self.capacity:
            self.grow(end)
        self.keys[:, :, start:end] = key_states
        self.values[:, :, start:end] = value_states
        self.length = end
        return self.keys[:, :, :end], self.values[:, :, :end]

    def grow(self, needed: int) -> None:
        """Move to buffers that hold `needed` tokens and some more."""
        self.capacity = max(needed, self.capacity + max(STEP, self.capacity // 4))
        for name in ("keys", "values"):
            old = getattr(self, name)
            new = self._empty(old, old.shape[0])
            new[:, :, : self.length] = old[:, :, : self.length]
            setattr(self, name, new)

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        """Return how many columns a mask needs, and where they begin."""
        return self.length + query_length, 0

    def get_seq_length(self) -> int:
        """Return how many tokens are there."""
        return self.length

    def get_max_length(self) -> int:
        """Return -1: there is no limit."""
        return -1

    def _empty(self, like: torch.Tensor, rows: int) -> torch.Tensor:
        return like.new_empty((rows, like.shape[1], self.capacity, like.shape[3]))


class KvBuffers(Cache):  # type: ignore[misc]
    """A `Cache` of transformers for as many rows as the first states that it is given."""

    def __init__(self, capacity: int, layers: Sequence[KvLayer] = ()) -> None:
        super().__init__(layers=list(layers))
        self._capacity = capacity

    @property
    def length(self) -> int:
        """How many tokens every row has, padding included."""
        return int(self.layers[0].length) if self.layers else 0

    def update(
        self,
        key_states: torch.Tensor,
        value_states: torch.Tensor,
        layer_idx: int,
        *_: Any,
        **__: Any,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Write a layer's new states and return all of that layer's."""
        while len(self.layers) <= layer_idx:
            self.layers.append(KvLayer(self._capacity))
        keys, values = self.layers[layer_idx].update(key_states, value_states)
        return keys, values

    def append(self, pieces: Iterable[Piece]) -> None:
        """Copy kept states, (1, heads, length, width) a layer, behind the ones that are there."""
        for piece in pieces:
            for index, (keys, values) in enumerate(piece):
                self.update(keys, values, index)

    def piece(self, row: int, start: int, stop: int) -> Piece:
        """Return views of one row's tokens, (1, heads, stop - start, width) a layer."""
        return [
            (layer.keys[row : row + 1, :, start:stop], layer.values[row : row + 1, :, start:stop])
            for layer in self.layers
        ]
