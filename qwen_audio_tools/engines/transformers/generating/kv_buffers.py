"""The keys and values of a running generation, in memory that is laid out once and written into."""

from collections.abc import Sequence
from typing import Any

import torch
from transformers.cache_utils import Cache

from qwen_audio_tools.engines.transformers.reuse.pieces import Piece

# A reply's first tokens are foreseen; a longer one makes the buffers grow by at least so many.
STEP = 128


class KvBuffers:
    """Keys and values of all layers, (rows, heads, capacity, width) each.

    Nothing is laid out before the first states come, which tell heads, width and number format.
    The first `pads[row]` columns of a row are zero: what is masked must still be finite.
    """

    def __init__(self, rows: int, capacity: int, pads: Sequence[int] = ()) -> None:
        self.rows = rows
        self.capacity = capacity
        self.pads = pads
        self.keys: list[torch.Tensor] = []
        self.values: list[torch.Tensor] = []

    def layer(self, index: int, keys: torch.Tensor, values: torch.Tensor) -> None:
        """Lay out a layer for states like these, if it is not there yet."""
        while len(self.keys) <= index:
            self.keys.append(self._empty(keys))
            self.values.append(self._empty(values))

    def reserve(self, columns: int, used: int) -> None:
        """Make room for that many tokens; `used` of those there are kept."""
        if columns <= self.capacity:
            return
        self.capacity = max(columns, self.capacity + max(STEP, self.capacity // 4))
        for states in (self.keys, self.values):
            for index, old in enumerate(states):
                states[index] = self._empty(old)
                states[index][:, :, :used] = old[:, :, :used]

    def load(self, row: int, column: int, pieces: Sequence[Piece], skip: int = 0) -> int:
        """Copy kept states into a row and return the column behind them.

        The first `skip` tokens of the pieces are left out.
        """
        for piece in pieces:
            length = piece[0][0].shape[2]
            first, skip = min(skip, length), max(0, skip - length)
            end = column + length - first
            for index, (keys, values) in enumerate(piece):
                self.layer(index, keys, values)
                self.keys[index][row, :, column:end] = keys[0, :, first:]
                self.values[index][row, :, column:end] = values[0, :, first:]
            column = end
        return column

    def piece(self, row: int, start: int, stop: int) -> Piece:
        """Return views of one row's columns."""
        return [
            (keys[row : row + 1, :, start:stop], values[row : row + 1, :, start:stop])
            for keys, values in zip(self.keys, self.values, strict=True)
        ]

    def move(self, source: int, target: int, start: int, stop: int) -> None:
        """Copy the columns of a row over those of another."""
        for states in (*self.keys, *self.values):
            states[target, :, start:stop] = states[source, :, start:stop]

    def _empty(self, like: torch.Tensor) -> torch.Tensor:
        states = like.new_empty((self.rows, like.shape[1], self.capacity, like.shape[3]))
        for row, pad in enumerate(self.pads):
            states[row, :, :pad] = 0
        return states


class KvWindow(Cache):  # type: ignore[misc]
    """Some rows of the buffers from column `left` on, as the `Cache` that transformers wants.

    What `update` returns are views of the buffers: nothing is copied for a new token.
    """

    def __init__(self, buffers: KvBuffers, rows: slice, *, left: int = 0, length: int = 0) -> None:
        super().__init__(layers=[])
        self.buffers = buffers
        self.rows = rows
        self.left = left
        self.length = length
        self._written = length

    def update(
        self,
        key_states: torch.Tensor,
        value_states: torch.Tensor,
        layer_idx: int,
        *_: Any,
        **__: Any,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Write a layer's new states behind those that are there and return all of them."""
        start = self.left + self.length
        stop = start + key_states.shape[2]
        self._written = stop - self.left
        self.buffers.layer(layer_idx, key_states, value_states)
        keys = self.buffers.keys[layer_idx][self.rows, :, self.left : stop]
        values = self.buffers.values[layer_idx][self.rows, :, self.left : stop]
        keys[:, :, self.length :] = key_states
        values[:, :, self.length :] = value_states
        return keys, values

    def advance(self) -> None:
        """Count what all layers have written."""
        self.length = self._written

    def get_seq_length(self, layer_idx: int = 0) -> int:
        """Return how many tokens are there."""
        return self.length

    def get_mask_sizes(self, query_length: int, layer_idx: int) -> tuple[int, int]:
        """Return how many columns a mask needs, and where they begin."""
        return self.length + query_length, 0

    def get_max_length(self, layer_idx: int | None = None) -> int:
        """Return -1: there is no limit."""
        return -1
