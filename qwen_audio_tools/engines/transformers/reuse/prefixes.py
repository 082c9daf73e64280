"""Keys and values of prompts that were read before, found by what a new prompt begins with.

A radix tree: a node holds the states of a run of tokens, and its children go on from its end.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from qwen_audio_tools.engines.transformers.reuse.pieces import Piece, clone, cut, size

if TYPE_CHECKING:
    from qwen_audio_tools.engines.transformers.reuse.kept import Kept


class _Node:
    """A run of tokens behind `parent`; one without parent is the root, and has none."""

    __slots__ = ("children", "keys", "parent", "piece")

    def __init__(self, keys: tuple[int, ...], piece: Piece, parent: "_Node | None") -> None:
        self.keys, self.piece, self.parent = keys, piece, parent
        self.children: dict[int, _Node] = {}


class Prefixes:
    """The states of one model's prompts, in the same budget as all else that is kept.

    What is used longest ago goes first, and always the end of a prompt before its beginning.
    Safe to use from several threads.
    """

    def __init__(self, kept: "Kept") -> None:
        self._kept = kept
        self._root = _Node((), [], None)

    def find(self, keys: Sequence[int]) -> tuple[int, list[Piece]]:
        """Return how many of the first keys are known, and their states in pieces, in order.

        The pieces are views of what is kept: read them, or copy them, but don't write to them.
        """
        keys = tuple(keys)
        with self._kept.lock:
            length, pieces, node = 0, [], self._root
            for node, common in self._walk(keys):
                pieces.append(cut(node.piece, 0, common))
                length += common
            self._use(node)
            return length, pieces

    def insert(self, keys: Sequence[int], piece: Piece, start: int = 0) -> int:
        """Keep the states of `keys[start:]`, copied; return how many of the keys are known now.

        Nothing is added where `keys[:start]` is no longer known, and no more than the budget
        has room for beside it.
        """
        keys = tuple(keys)
        with self._kept.lock:
            length, node = self._reach(keys)
            self._use(node)
            if start <= length < len(keys):
                length += self._add(
                    node, keys[length:], cut(piece, length - start, len(keys) - start)
                )
            return length

    def _walk(self, keys: tuple[int, ...]) -> Iterator[tuple[_Node, int]]:
        """Yield the nodes that keys lead through, and how many tokens of each are the same."""
        node, at = self._root, 0
        while at < len(keys) and (child := node.children.get(keys[at])) is not None:
            common = _common(child.keys, keys[at : at + len(child.keys)])
            yield child, common
            if common < len(child.keys):
                return
            node, at = child, at + common

    def _reach(self, keys: tuple[int, ...]) -> tuple[int, _Node]:
        """Return how many keys are known and the node that ends there, split off if need be."""
        length, node = 0, self._root
        for node, common in self._walk(keys):
            length += common
            if common < len(node.keys) and length < len(keys):
                node = self._split(node, common)
        return length, node

    def _split(self, node: _Node, at: int) -> _Node:
        """Cut a node in two and return the upper one; each has memory of its own."""
        parent, children, layers = node.parent, node.children, list(node.piece)
        assert parent is not None, "the root has nothing to split"
        self._kept.drop(node)
        node.piece = ()
        upper = _Node(node.keys[:at], [], parent)
        lower = _Node(node.keys[at:], [], upper)
        above: list[tuple[Any, Any]] = []
        below: list[tuple[Any, Any]] = []
        while layers:  # one by one, so that no more than one of them is in memory twice
            layer = [layers.pop(0)]
            above += clone(cut(layer, 0, at))
            below += clone(cut(layer, at, len(node.keys)))
        upper.piece, lower.piece = above, below
        lower.children = children
        for child in children.values():
            child.parent = lower
        self._keep(lower)
        self._keep(upper)
        return upper

    def _add(self, node: _Node, keys: tuple[int, ...], piece: Piece) -> int:
        """Keep new states behind a node, as many as fit; return how many."""
        taken = sum(size(above.piece) for above in _upwards(node))
        each = size(piece) // len(keys)
        fit = min(len(keys), (self._kept.budget - taken) // each)
        if fit > 0:
            self._kept.make_room(fit * each)
            self._keep(_Node(keys[:fit], clone(cut(piece, 0, fit)), node))
            self._use(node)
        return max(0, fit)

    def _keep(self, node: _Node) -> None:
        assert node.parent is not None, "the root is not kept"
        node.parent.children[node.keys[0]] = node
        self._kept.put(node, None, size(node.piece), let_go=lambda: self._forget(node))

    def _forget(self, node: _Node) -> None:
        """Take a node that is no longer kept out of the tree; by then, nothing goes on from it."""
        if node.parent is not None:
            node.parent.children.pop(node.keys[0], None)

    def _use(self, node: _Node) -> None:
        """Make a node and those above it the newest: the root last, so that ends go first."""
        for above in _upwards(node):
            self._kept.get(above)


def _upwards(node: _Node) -> Iterator[_Node]:
    while node.parent is not None:
        yield node
        node = node.parent


def _common(first: tuple[int, ...], second: tuple[int, ...]) -> int:
    """Return how many items are the same from the beginning on."""
    if first[: len(second)] == second[: len(first)]:
        return min(len(first), len(second))
    pairs = enumerate(zip(first, second, strict=False))
    return next(at for at, (one, two) in pairs if one != two)
