"""Waiting for a server, but neither beyond the deadline nor for one that is dead."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from qwen_audio_tools.engines.server.faults import Fault, Where
from qwen_audio_tools.errors import EngineUnreachable

T = TypeVar("T")

_MISSES = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """Seconds: to connect, of silence until a server is asked if it lives, and to answer that.

    A long queue makes a living server silent for minutes. So silence alone ends nothing: a server
    is given up when it doesn't answer a question that costs it nothing either, twice.
    """

    connect: float = 10.0
    silence: float = 15.0
    life: float = 10.0
    glance: float = 2.0  # for what must not block: `info`, and the choice of `auto`


class Watch:
    """Bounds every wait for one answer: a deadline in the loop's time, and a look at the server."""

    def __init__(
        self,
        *,
        deadline: float,
        seconds: float,
        silence: float,
        look: Callable[[], Awaitable[None]],
        where: Where,
    ) -> None:
        self._deadline, self._seconds, self._silence = deadline, seconds, silence
        self._look, self._where = look, where

    async def wait(self, work: Awaitable[T]) -> T:
        """Return what `work` gives.

        Raises:
            Fault: the deadline is over, or the server is silent and shows no other sign of life.
        """
        loop = asyncio.get_running_loop()
        dead: list[Fault] = []
        looking: list[asyncio.Task[None]] = []
        try:
            async with asyncio.timeout_at(self._deadline) as limit:

                async def look() -> None:
                    while len(dead) < _MISSES:
                        try:
                            await self._look()
                            dead.clear()
                        except Fault as fault:
                            dead.append(fault)
                        await asyncio.sleep(self._silence if len(dead) < _MISSES else 0.0)
                    limit.reschedule(loop.time())

                timer = loop.call_later(
                    self._silence, lambda: looking.append(loop.create_task(look()))
                )
                try:
                    return await work
                finally:
                    timer.cancel()
                    for task in looking:
                        task.cancel()
        except TimeoutError:
            if len(dead) == _MISSES:
                raise self._died(dead[0]) from dead[0]
            raise late(self._where, self._seconds) from None

    def _died(self, why: Fault) -> Fault:
        error = EngineUnreachable(
            f"{self._where} took the request and went silent; now: {why.error}",
            hint="look at the server's log, and start it again",
        )
        return Fault(error, here=True, tries=3)


def late(where: Where, seconds: float) -> Fault:
    """Return the fault of an answer that did not come in time."""
    error = EngineUnreachable(
        f"{where} did not finish its answer within {seconds:g} s",
        hint="a longer time: --set server_timeout=SECONDS; or a shorter answer: --max-tokens",
    )
    return Fault(error)
