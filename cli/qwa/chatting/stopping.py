"""Ctrl-C in a chat: the first stops what is going on, a second one ends the program."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any


class Interrupts:
    """What Ctrl-C means while a person chats; outside of it, it means what it did before.

    At the prompt it raises KeyboardInterrupt. While something works it sets `stopping`, for the
    work to look at between two tokens; if that takes too long, another one ends the program.
    A run that nobody sits at (`person` is False) keeps the meaning that Ctrl-C has in any command.
    """

    def __init__(self, *, person: bool) -> None:
        self.stopping = False
        self.ended = False
        self._takes = person and signal.getsignal(signal.SIGINT) != signal.SIG_IGN
        self._before: Any = signal.SIG_DFL
        self._wakeup = -1

    def __enter__(self) -> "Interrupts":
        if self._takes:
            self._before = signal.getsignal(signal.SIGINT)
            self._wakeup = signal.set_wakeup_fd(-1)  # else the process ends 0.7 s later
            signal.signal(signal.SIGINT, signal.default_int_handler)
        return self

    def __exit__(self, *_: object) -> None:
        if self._takes:
            signal.signal(signal.SIGINT, self._before)
            signal.set_wakeup_fd(self._wakeup, warn_on_full_buffer=False)

    @contextmanager
    def working(self) -> Iterator[None]:
        """Let the first Ctrl-C set `stopping` instead of raising, until the work is done."""
        self.stopping = False
        if not self._takes:
            yield
            return
        signal.signal(signal.SIGINT, self._stop)
        try:
            yield
        finally:
            if not self.ended:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGINT, signal.default_int_handler)

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self.stopping = True
        signal.set_wakeup_fd(self._wakeup, warn_on_full_buffer=False)
        signal.signal(signal.SIGINT, self._end)

    def _end(self, number: int, frame: FrameType | None) -> None:
        self.ended = True
        if callable(self._before):
            self._before(number, frame)
        raise KeyboardInterrupt
