"""A text that ends at a stop text, for servers that don't see to it."""

from collections.abc import Sequence


class Stops:
    """Text as it comes, of which nothing is given that may be the beginning of a stop text."""

    def __init__(self, stops: Sequence[str]) -> None:
        self._stops = tuple(stop for stop in stops if stop)
        self._held = ""
        self.stopped = False

    def push(self, text: str) -> str:
        """Return what is certain with so much more text; nothing after a stop text."""
        if self.stopped:
            return ""
        self._held += text
        places = [at for stop in self._stops if (at := self._held.find(stop)) >= 0]
        if places:
            self.stopped = True
            return self._give(min(places))
        return self._give(len(self._held) - self._open())

    def finish(self) -> str:
        """Return what was held back, now that no more comes."""
        return "" if self.stopped else self._give(len(self._held))

    def _open(self) -> int:
        """Return how many letters at the end may be the beginning of a stop text."""
        longest = max((len(stop) - 1 for stop in self._stops), default=0)
        for length in range(min(longest, len(self._held)), 0, -1):
            if any(stop.startswith(self._held[-length:]) for stop in self._stops):
                return length
        return 0

    def _give(self, count: int) -> str:
        given, self._held = self._held[:count], self._held[count:]
        return given
