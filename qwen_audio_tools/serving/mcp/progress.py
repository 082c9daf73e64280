"""Progress of work in threads, told to a client as the protocol wants it: only ever forwards."""

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

from qwen_audio_tools.engines.base import Progress

Tell = Callable[[float, float, str], Awaitable[None]]
"""Told how much is done, how much there is, and in words what is being done."""

_PAUSE = 0.2
"""Seconds between two notifications: what comes sooner is summed up in the next."""


@dataclass(slots=True)
class Forwards:
    """Steps of work put one behind the other, since each begins its count at nothing.

    What they count need not be the same; what is done only ever grows.
    """

    _what: str = ""
    _before: float = 0.0
    _done: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, what: str, done: float, total: float) -> tuple[float, float, str]:
        """Return what a step tells of itself as the progress of the whole, and in words."""
        with self._lock:
            if what != self._what or done < self._done:
                self._before += self._done
            self._what, self._done = what, max(0.0, done)
            before = self._before
            return (
                round(before + done, 3),
                round(before + max(total, done), 3),
                _in_words(what, done, total),
            )


def _in_words(what: str, done: float, total: float) -> str:
    share = f", {done / total:.0%}" if total > 0 else ""
    return f"{what}{share}"


@contextlib.asynccontextmanager
async def told_to(tell: Tell) -> AsyncIterator[Progress]:
    """Yield a function for threads to tell their progress to; the latest is passed on."""
    loop, forwards = asyncio.get_running_loop(), Forwards()
    news = asyncio.Event()
    latest: list[tuple[float, float, str]] = []

    def take(found: tuple[float, float, str]) -> None:
        latest[:] = [found]
        news.set()

    def progress(what: str, done: float, total: float) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is gone, and with it whoever listened
            loop.call_soon_threadsafe(take, forwards.take(what, done, total))

    async def pass_on() -> None:
        last = -1.0
        while True:
            await news.wait()
            news.clear()
            done, total, words = latest[0]
            if done > last:
                last = done
                await tell(done, total, words)
            await asyncio.sleep(_PAUSE)

    passing = asyncio.create_task(pass_on())
    try:
        yield progress
    finally:
        passing.cancel()
        await asyncio.gather(passing, return_exceptions=True)
