"""All that the engine keeps for later questions, within one bound of bytes."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class _Entry:
    value: Any
    size: int
    let_go: Callable[[], None] | None


class Kept:
    """Values by key, of `budget` bytes at most; those used longest ago make room for new ones.

    Safe to use from several threads. `lock` is there for who must do several steps at once.
    """

    def __init__(self, budget: int) -> None:
        self.budget = max(0, budget)
        self.lock = threading.RLock()
        self._entries: OrderedDict[Hashable, _Entry] = OrderedDict()
        self._held = 0

    @property
    def held(self) -> int:
        """Bytes that are kept now; never more than the budget."""
        return self._held

    def __contains__(self, key: Hashable) -> bool:
        return key in self._entries

    def get(self, key: Hashable) -> Any:
        """Return what is kept under a key, which is then the newest, or None."""
        with self.lock:
            entry = self._entries.get(key)
            if entry is None:
                return None
            self._entries.move_to_end(key)
            return entry.value

    def put(
        self, key: Hashable, value: Any, size: int, *, let_go: Callable[[], None] | None = None
    ) -> bool:
        """Keep a value of `size` bytes, in the place of one with its key; False if it can't fit.

        `let_go` is called once the value had to leave: for room, by `drop` or by `clear`.
        """
        with self.lock:
            self.drop(key)
            if size > self.budget:
                return False
            self.make_room(size)
            self._entries[key] = _Entry(value, size, let_go)
            self._held += size
            return True

    def make_room(self, size: int) -> None:
        """Let go of the oldest until `size` bytes more fit into the budget."""
        with self.lock:
            while self._entries and self._held + size > self.budget:
                self.drop(next(iter(self._entries)))

    def drop(self, key: Hashable) -> None:
        """Let go of what is kept under a key, if anything is."""
        with self.lock:
            entry = self._entries.pop(key, None)
            if entry is None:
                return
            self._held -= entry.size
            if entry.let_go is not None:
                entry.let_go()

    def clear(self) -> None:
        """Let go of everything."""
        with self.lock:
            while self._entries:
                self.drop(next(iter(self._entries)))
