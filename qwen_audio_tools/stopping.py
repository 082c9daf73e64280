"""Work that another thread or an event loop may stop, and sync iterators consumed from asyncio."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import Executor
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from typing import TypeVar

from qwen_audio_tools.answer import Answer
from qwen_audio_tools.conversation import Conversation
from qwen_audio_tools.engines.base import BatchEngine, Delta, Engine, EngineInfo, Options
from qwen_audio_tools.errors import Cancelled

T = TypeVar("T")

_AHEAD = 64
"""Items that a thread may be ahead of the loop that consumes them."""


@dataclass(frozen=True, slots=True)
class Stop:
    """A wish to stop, heeded at the next piece of a reply, or the next block that is heard."""

    event: threading.Event = field(default_factory=threading.Event)

    def set(self) -> None:
        """Ask the work to stop."""
        self.event.set()

    def check(self) -> None:
        """Raise Cancelled if the work is to stop."""
        if self.event.is_set():
            raise Cancelled("the work was stopped by whoever asked for it")

    def options(self, options: Options) -> Options:
        """Return the options with a progress that also heeds this wish: it stops long listening."""
        tell = options.progress

        def progress(what: str, done: float, total: float) -> None:
            self.check()
            if tell:
                tell(what, done, total)

        return replace(options, progress=progress)

    def heed(self, items: Iterator[T]) -> Iterator[T]:
        """Yield the items until the wish is there, then raise Cancelled; closes `items`."""
        try:
            for item in items:
                self.check()
                yield item
        finally:
            close = getattr(items, "close", None)
            if close is not None:
                close()

    def engine(self, engine: Engine) -> Engine:
        """Return the engine as one that also heeds this wish at each piece of its replies."""
        if isinstance(engine, BatchEngine):
            return _StoppableBatches(engine, self)
        return _Stoppable(engine, self)


@dataclass(frozen=True, slots=True)
class _Stoppable:
    inner: Engine
    stop: Stop

    @property
    def info(self) -> EngineInfo:
        return self.inner.info

    def reply(self, conversation: Conversation, options: Options) -> Iterator[Delta]:
        return self.stop.heed(self.inner.reply(conversation, options))


@dataclass(frozen=True, slots=True)
class _StoppableBatches:
    inner: BatchEngine
    stop: Stop

    @property
    def info(self) -> EngineInfo:
        return self.inner.info

    def reply(self, conversation: Conversation, options: Options) -> Iterator[Delta]:
        return self.stop.heed(self.inner.reply(conversation, options))

    def replies(
        self, conversations: Sequence[Conversation], options: Options
    ) -> Iterator[tuple[int, Answer]]:
        return self.stop.heed(self.inner.replies(conversations, options))


async def in_thread(work: Callable[[Stop], T], executor: Executor | None = None) -> T:
    """Return what `work` returns, run in a thread; a cancelled task sets the Stop that it gets.

    With an `executor` it waits for one of its threads; cancelled before that, it never starts.

    Raises:
        Exception: what `work` raises.
    """
    stop = Stop()
    try:
        if executor is not None:
            return await asyncio.wrap_future(executor.submit(work, stop))
        return await asyncio.to_thread(work, stop)
    except asyncio.CancelledError:
        stop.set()
        raise


async def iterate(make: Callable[[Stop], Iterator[T]]) -> AsyncIterator[T]:
    """Yield what a sync iterator yields, which is made and consumed in a thread of its own.

    Leaving the loop, `aclose` and cancellation close the iterator there, at its next item at the
    latest. `make` gets the Stop that says so sooner: `make=lambda stop: reply(stop.options(o))`.

    Raises:
        Exception: what the iterator raises.
    """
    loop = asyncio.get_running_loop()
    queue: asyncio.Queue[tuple[bool, T | BaseException | None]] = asyncio.Queue()
    stop, room = Stop(), threading.Semaphore(_AHEAD)

    def put(is_item: bool, value: T | BaseException | None) -> None:
        with suppress(RuntimeError):  # the loop is gone, and with it whoever waited
            loop.call_soon_threadsafe(queue.put_nowait, (is_item, value))

    def run() -> None:
        try:
            with closing(stop.heed(make(stop))) as items:  # type: ignore[type-var]
                for item in items:
                    room.acquire()
                    stop.check()
                    put(True, item)
        except BaseException as error:  # whoever waits must learn of it, whatever it is
            put(False, error)
        else:
            put(False, None)

    threading.Thread(target=run, daemon=True, name="qwa-iterate").start()
    try:
        while True:
            is_item, value = await queue.get()
            if is_item:
                room.release()
                yield value  # type: ignore[misc]
            elif isinstance(value, BaseException):
                raise value
            else:
                return
    finally:
        stop.set()
        room.release()
