"""One request's work at an engine, and how its pieces come back to the event loop."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass

from qwen_audio_tools.answer import Answer
from qwen_audio_tools.conversation import Conversation
from qwen_audio_tools.engines.base import Delta, Options
from qwen_audio_tools.stopping import Stop


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What is asked of an engine.

    `check` looks at the audio before any engine hears it, and raises what is wrong with it.
    `alone` answers in pieces. `together` is the conversation by which the same answer is had along
    with others of equal `options`, or None where it must be had alone.
    """

    check: Callable[[], None]
    alone: Callable[[Options], Iterator[Delta]]
    options: Options
    together: Conversation | None = None


Event = Delta | Answer | Exception
"""A piece, the end, or what ended it before."""


class Job:
    """Work on its way: workers `tell` what comes of it, the event loop takes it with `event`.

    Without `pieces` all that comes is the Answer. With it Deltas come, and an Answer of no text
    of its own as their end.
    """

    def __init__(self, work: Work, *, pieces: bool = False) -> None:
        self.work, self.pieces, self.stop = work, pieces, Stop()
        self.alone = pieces or work.together is None
        """Whether it can't be answered along with others."""
        self._loop = asyncio.get_running_loop()
        self._events: asyncio.Queue[Event] = asyncio.Queue()
        self._failure: Exception | None = None
        self._left = self._called = False
        self._told: deque[Event] = deque()

    @property
    def stopped(self) -> bool:
        """Whether nobody waits for it any more."""
        return self.stop.event.is_set()

    def tell(self, event: Event) -> None:
        """Hand over what came of the work, from any thread."""
        self._told.append(event)
        if self._called:  # the loop is about to look; waking it for each piece costs more than it
            return
        self._called = True
        with suppress(RuntimeError):  # the loop is closed, and with it whoever waited
            self._loop.call_soon_threadsafe(self._look)

    def end(self, error: Exception) -> None:
        """Let whoever waits go with an error, from the event loop's own thread."""
        self._put(error)

    def leave(self) -> None:
        """Wait no more: the work is to stop, and what still comes of it is dropped.

        An error that nobody takes would hold on to the audio, through its traceback.
        """
        self.stop.set()
        self._left, self._failure, self._events = True, None, asyncio.Queue()

    def _look(self) -> None:
        self._called = False  # first: what is told from here on calls again
        while self._told:
            self._put(self._told.popleft())

    def _put(self, event: Event) -> None:
        if not self._left:
            self._events.put_nowait(event)

    async def event(self) -> Delta | Answer:
        """Return what comes next.

        Raises:
            Exception: what ended the work.
        """
        event = self._failure or await self._events.get()
        if not isinstance(event, Exception):
            return event
        try:
            raise event
        finally:
            del event  # its traceback holds this frame, and this frame would hold it

    def at_hand(self) -> Iterator[Delta | Answer]:
        """Yield what has come meanwhile, without waiting; what ended the work waits for `event`."""
        while self._failure is None and not self._events.empty():
            event = self._events.get_nowait()
            if isinstance(event, Exception):
                self._failure = event
            else:
                yield event
