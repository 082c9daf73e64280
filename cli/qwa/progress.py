"""A progress bar on stderr, only where a person sees it."""

import os
import sys
from time import monotonic

from qwa.manners import Manners

WIDTH = 24


class Bar:
    """Shows how far the work is, in one line that is redrawn; call it as `Options.progress`."""

    def __init__(self, manners: Manners) -> None:
        shown = not manners.quiet and os.environ.get("TERM") != "dumb"
        self._shown = shown and sys.stderr.isatty()
        self._manners = manners
        self._drawn = False
        self._next = 0.0
        self._what = ""

    def __call__(self, what: str, done: float, total: float) -> None:
        """Show that `done` of `total` is done; the unit does not matter."""
        if not self._shown:
            if self._manners.verbose and what != self._what:
                self._manners.tell(self._manners.words(what))
            self._what = what
            return
        if monotonic() < self._next and what == self._what and done < total:
            return
        self._next, self._what, self._drawn = monotonic() + 0.1, what, True
        share = min(1.0, done / total) if total > 0 else 0.0
        full = round(share * WIDTH)
        bar = "━" * full + " " * (WIDTH - full)
        sys.stderr.write(f"\r\x1b[K{self._manners.words(what)} {bar} {share:4.0%}")
        sys.stderr.flush()

    def clear(self) -> None:
        """Take the bar away; the next call draws it anew."""
        if self._drawn:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
            self._drawn = False
