"""Rows that are decoded together: where their keys and values lie, and what each may look at."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from qwen_audio_tools.engines.transformers.generating.filling import (
    Trunk,
    branches,
    keep,
    known_part,
    root,
)
from qwen_audio_tools.engines.transformers.generating.kv_buffers import STEP, KvBuffers, KvWindow
from qwen_audio_tools.engines.transformers.generating.requests import Context, Request
from qwen_audio_tools.engines.transformers.generating.shared_attention import SharedPrefix
from qwen_audio_tools.engines.transformers.prompt import Prompt
from qwen_audio_tools.engines.transformers.reuse.pieces import Piece

# So many tokens at once keep a processor busy; more would only need more memory.
_FULL = 1024
# Attention to a shared prefix keeps all scores of a row's own tokens, if they are many: too many.
_FEW = 256


@dataclass(slots=True, kw_only=True)
class Row:
    """A request under way. Of its prompt `known` tokens were known; `own` lie in the buffers."""

    index: int
    request: Request
    known: int
    own: int
    reply: list[int] = field(default_factory=list)

    @property
    def new(self) -> int:
        """How many tokens of the prompt must be computed."""
        return len(self.request.prompt.ids) - self.known


class Batch:
    """Rows flush right in common buffers, behind a prefix that all of them share, if there is one.

    A row's prompt ends in column `width`, its reply follows. Columns left of its own are masked.
    """

    def __init__(self, context: Context, requests: Sequence[tuple[int, Request]]) -> None:
        self._context = context
        prompts = [request.prompt for _, request in requests]
        trunk = root(context, prompts)
        self._shared = trunk if trunk and _pays(context, prompts, trunk) else None
        self._base = self._shared.length if self._shared else 0
        known = [
            known_part(context, prompt.keys[:-1], below)
            for prompt, below in zip(prompts, branches(context, prompts, trunk), strict=True)
        ]
        order = sorted(range(len(prompts)), key=lambda at: self._place(prompts[at].ids, known[at]))
        self.rows = [
            Row(
                index=requests[at][0],
                request=requests[at][1],
                known=known[at][0],
                own=len(prompts[at].ids) - self._base,
            )
            for at in order
        ]
        self._lay_out([known[at][1] for at in order])

    def _place(self, ids: Sequence[int], known: tuple[int, Sequence[Piece]]) -> tuple[bool, int]:
        """Return where a row stands, so that neighbours can be computed together."""
        return known[0] > self._base, len(ids) - known[0]

    def _lay_out(self, known: Sequence[Sequence[Piece]]) -> None:
        self._width = max(row.own for row in self.rows)
        ahead = min(STEP, max(row.request.max_tokens for row in self.rows))
        pads = [self._width - row.own for row in self.rows]
        self._buffers = KvBuffers(len(self.rows), self._width + ahead, pads)
        with torch.inference_mode():
            for slot, pieces in enumerate(known):
                self._buffers.load(slot, pads[slot], pieces, self._base)
        self._window = self._whole(self._width)

    def _whole(self, columns: int) -> KvWindow:
        """Return the window on all rows that are left, without columns that none of them needs."""
        left = self._width - max(row.own for row in self.rows)
        return KvWindow(self._buffers, slice(0, len(self.rows)), left=left, length=columns - left)

    def fill(self) -> torch.Tensor:
        """Compute what isn't known of the prompts; return each row's last state, (rows, width)."""
        with torch.inference_mode():
            last = torch.cat([self._filled(slots) for slots in self._groups()])
            lengths = [[len(row.request.prompt.ids)] for row in self.rows]
            self._positions = torch.tensor(lengths, device=last.device)
            return last

    def _groups(self) -> Iterator[slice]:
        """Yield neighbours that are computed at once."""
        first = 0
        for slot in range(1, len(self.rows) + 1):
            if slot == len(self.rows) or not self._alike(first, slot):
                yield slice(first, slot)
                first = slot

    def _alike(self, first: int, slot: int) -> bool:
        short, long = self.rows[first], self.rows[slot]
        if long.known > self._base:  # what is known must not be overwritten by padding
            return short.known > self._base and short.new == long.new
        near = long.new - short.new <= 16 + long.new // 8
        return near and (slot - first + 1) * long.new <= _FULL

    def _filled(self, slots: slice) -> torch.Tensor:
        self._context.check()
        rows, adapter = self.rows[slots], self._context.adapter
        own, new = max(row.own for row in rows), max(row.new for row in rows)
        embeddings = [
            self._context.embedded(row.request.prompt, row.known, row.known + row.new)
            for row in rows
        ]
        padded = embeddings[0].new_zeros((len(rows), new, embeddings[0].shape[1]))
        for row, embedding in zip(padded, embeddings, strict=True):
            row[new - len(embedding) :] = embedding
        ends = torch.tensor([[len(row.request.prompt.ids)] for row in rows], device=adapter.device)
        positions = (ends - new + torch.arange(new, device=adapter.device)).clamp(min=0)
        window = KvWindow(self._buffers, slots, left=self._width - own, length=own - new)
        seen = self._seen(window, new)
        hidden = adapter.forward(padded, positions=positions, cache=window, **seen)
        return hidden[:, -1]

    def step(self, tokens: torch.Tensor) -> torch.Tensor:
        """Take the rows' next tokens, (rows,), and return their last states, (rows, width)."""
        with torch.inference_mode():
            used = self._window.left + self._window.length
            self._buffers.reserve(used + 1, used)
            adapter = self._context.adapter
            hidden = adapter.forward(
                adapter.embed(tokens[:, None]),
                positions=self._positions,
                cache=self._window,
                **self._seen(self._window, 1),
            )
            self._window.advance()
            self._positions = self._positions + 1
            return hidden[:, -1]

    def _seen(self, window: KvWindow, queries: int) -> dict[str, Any]:
        """Return the arguments that tell attention what the rows of a window look at."""
        device = self._context.adapter.device
        pads = [self._width - row.own - window.left for row in self.rows[window.rows]]
        columns = torch.arange(window.length + queries, device=device)
        own = columns >= torch.tensor(pads, device=device)[:, None] if any(pads) else None
        if self._shared is None:
            return {"mask": None if own is None else own.long()}
        bias = _bias(own, columns, queries, self._shared.buffers.keys[0].dtype)
        prefix = SharedPrefix(self._shared.buffers.keys, self._shared.buffers.values, bias)
        return {"mask": None, "shared_prefix": prefix}

    def leave(self, slots: Collection[int]) -> list[int]:
        """Let rows go and offer what they computed for reuse; return which are left, in order."""
        used = self._window.left + self._window.length
        order = list(range(len(self.rows)))
        with torch.inference_mode():
            for slot in sorted(slots, reverse=True):
                self._keep(slot, used)
                last = self.rows.pop()
                if slot < len(self.rows):
                    self._buffers.move(len(self.rows), slot, self._width - last.own, used)
                    self.rows[slot], order[slot] = last, order[len(self.rows)]
                order.pop()
            if self.rows:
                self._window = self._whole(used)
                self._positions = self._positions[order]
        return order

    def _keep(self, slot: int, used: int) -> None:
        row = self.rows[slot]
        prompt, first = row.request.prompt, self._width - row.own  # the column of token `_base`
        keys = (prompt.keys + tuple(row.reply))[: self._base + used - first]
        piece = self._buffers.piece(slot, first + row.known - self._base, used)
        keep(self._context, keys, piece, row.known)


def _pays(context: Context, prompts: Sequence[Prompt], trunk: Trunk) -> bool:
    """Return whether the rows look at one trunk, rather than that each has a copy of it."""
    longest = max(len(prompt.ids) for prompt in prompts) - trunk.length
    return context.adapter.shares_prefix and longest <= max(_FEW, trunk.length)


def _bias(
    own: torch.Tensor | None, columns: torch.Tensor, queries: int, dtype: torch.dtype
) -> torch.Tensor | None:
    """Return what is added to scores, (rows or 1, 1, queries, columns), None if nothing is."""
    if own is None and queries == 1:
        return None
    before = columns <= columns[-queries:, None]  # (queries, columns): no token sees a later one
    seen = before[None] if own is None else before & own[:, None]
    # Not -inf: a padding token that may see nothing would become NaN.
    bias = torch.zeros(seen.shape, dtype=dtype, device=seen.device)
    return bias.masked_fill_(~seen, torch.finfo(dtype).min)[:, None]
