"""A thread with an event loop, and the ways into it from threads and from other loops."""

import asyncio
import queue
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Generator
from contextlib import aclosing, suppress
from typing import Any, TypeVar

T = TypeVar("T")

_END_SECONDS = 5.0
_TICK_SECONDS = 0.25
_Item = tuple[bool, Any]
"""(True, item), (False, error), or (False, None) at the end."""


class Portal:
    """Runs what is asynchronous for callers that aren't, or that have a loop of their own."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True, name="qwa-server-engine")
        self._thread.start()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_forever()
        finally:
            self._loop.close()

    def call(self, work: Coroutine[Any, Any, T], seconds: float | None = None) -> T:
        """Return what `work` returns.

        Raises:
            TimeoutError: it takes longer; it is cancelled then.
        """
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result(seconds)
        except BaseException:
            future.cancel()
            raise

    def iterate(
        self, make: Callable[[], AsyncGenerator[T, None]], tick: Callable[[], None] | None = None
    ) -> Generator[T, None, None]:
        """Yield what an asynchronous generator yields; closing this iterator closes that one.

        `tick` is called now and then while there is nothing to yield; it may raise.
        """
        items: queue.SimpleQueue[_Item] = queue.SimpleQueue()
        pumping = _Pump(self._loop, make, items.put)
        try:
            while True:
                is_item, value = _taken(items, tick)
                if is_item:
                    yield value
                elif value is None:
                    return
                else:
                    raise value
        finally:
            pumping.stop()
            if threading.current_thread() is not self._thread:  # where the collector may run
                pumping.ended.wait(_END_SECONDS)

    async def aiterate(self, make: Callable[[], AsyncGenerator[T, None]]) -> AsyncIterator[T]:
        """Yield the same in another event loop; leaving it and cancellation close it there."""
        loop = asyncio.get_running_loop()
        items: asyncio.Queue[_Item] = asyncio.Queue()

        def put(item: _Item) -> None:
            with suppress(RuntimeError):  # that loop is gone, and with it whoever waited
                loop.call_soon_threadsafe(items.put_nowait, item)

        pumping = _Pump(self._loop, make, put)
        try:
            while True:
                is_item, value = await items.get()
                if is_item:
                    yield value
                elif value is None:
                    return
                else:
                    raise value
        finally:
            pumping.stop()

    def stop(self, ending: Coroutine[Any, Any, None]) -> None:
        """Cancel all work, run `ending`, and end the thread. The portal is of no more use then."""
        if self._loop.is_closed():
            ending.close()
            return
        if threading.current_thread() is self._thread:  # where the collector happened to run
            task = self._loop.create_task(self._wind_up(ending))
            task.add_done_callback(lambda _: self._loop.stop())
            return
        with suppress(Exception):  # the process may be ending, and there is nobody to tell
            self.call(self._wind_up(ending), _END_SECONDS)
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_END_SECONDS)

    async def _wind_up(self, ending: Coroutine[Any, Any, None]) -> None:
        mine = asyncio.current_task()
        others = [task for task in asyncio.all_tasks() if task is not mine]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await ending


class _Pump:
    """Hands the items of a generator in one loop to a `put` that any thread may call."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        make: Callable[[], AsyncGenerator[T, None]],
        put: Callable[[_Item], None],
    ) -> None:
        self._loop, self.ended = loop, threading.Event()
        self._task: asyncio.Task[None] | None = None
        self._stopped = False

        def start() -> None:
            if self._stopped:
                self.ended.set()
                return
            self._task = loop.create_task(_pump(make, put))
            self._task.add_done_callback(lambda _: self.ended.set())

        loop.call_soon_threadsafe(start)

    def stop(self) -> None:
        """Cancel what is not finished; `ended` is set when it has closed."""

        def cancel() -> None:
            self._stopped = True
            if self._task is not None:
                self._task.cancel()

        with suppress(RuntimeError):  # the loop is closed already
            self._loop.call_soon_threadsafe(cancel)
            return
        self.ended.set()


async def _pump(make: Callable[[], AsyncGenerator[T, None]], put: Callable[[_Item], None]) -> None:
    try:
        async with aclosing(make()) as source:
            async for item in source:
                put((True, item))
    except asyncio.CancelledError:
        raise
    except BaseException as error:  # whoever waits must learn of it, whatever it is
        put((False, error))
    else:
        put((False, None))


def _taken(items: "queue.SimpleQueue[_Item]", tick: Callable[[], None] | None) -> _Item:
    while True:
        try:
            return items.get(timeout=None if tick is None else _TICK_SECONDS)
        except queue.Empty:
            assert tick is not None
            tick()
