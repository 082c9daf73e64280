"""Replies that must be whole in a given time."""

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable, Generator, Iterator
from contextlib import contextmanager
from typing import TypeVar

from qwen_audio_tools.errors import Cancelled, EngineTimeout
from qwen_audio_tools.stopping import Stop

T = TypeVar("T")


@contextmanager
def deadline(seconds: float | None) -> Iterator[Stop]:
    """Give a Stop that is set when the time is over; None is any time.

    Raises:
        EngineTimeout: for the Cancelled that comes of it.
    """
    stop = Stop()
    if seconds is None:
        yield stop
        return
    timer = threading.Timer(seconds, stop.set)
    timer.daemon = True
    timer.start()
    try:
        yield stop
    except Cancelled as error:
        if stop.event.is_set():
            raise late(seconds) from error
        raise
    finally:
        timer.cancel()


def within(make: Callable[[Stop], Iterator[T]], seconds: float | None) -> Generator[T, None, None]:
    """Yield what `make` makes, if it ends in time; closes it in any case.

    Raises:
        EngineTimeout: it did not. What came before was yielded.
    """
    with deadline(seconds) as stop:
        yield from stop.heed(make(stop))


async def awithin(items: AsyncGenerator[T, None], seconds: float | None) -> AsyncGenerator[T, None]:
    """Yield the items if they end in time; closes them in any case.

    Raises:
        EngineTimeout: they did not. What came before was yielded.
    """
    loop = asyncio.get_running_loop()
    end = None if seconds is None else loop.time() + seconds
    try:
        while True:
            left = None if end is None else max(0.0, end - loop.time())
            try:
                yield await asyncio.wait_for(anext(items), left)
            except StopAsyncIteration:
                return
            except TimeoutError as error:
                raise late(seconds or 0.0) from error
    finally:
        await items.aclose()


def late(seconds: float) -> EngineTimeout:
    """Return the error of an answer that was not whole in time."""
    return EngineTimeout(
        f"there was no whole answer within {seconds:g} s", hint="a longer timeout, or shorter audio"
    )
