"""The engines that are served, under their names, and who may be at them: no more than fit."""

import math
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from qwen_audio_tools.content_blocks import Origin
from qwen_audio_tools.engines.base import Engine, Options
from qwen_audio_tools.errors import SettingsError
from qwen_audio_tools.serving.http.bodies import Holding
from qwen_audio_tools.serving.http.limits import ServerLimits
from qwen_audio_tools.serving.http.meters import Meters
from qwen_audio_tools.serving.http.queueing.jobs import Job
from qwen_audio_tools.serving.http.queueing.workers import Workers
from qwen_audio_tools.serving.http.refusals import (
    invalid,
    not_found,
    shutting_down,
    too_busy,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """One engine: the name that it is listed under, and the threads that put work to it."""

    name: str
    engine: Engine
    workers: Workers
    created: int = field(default_factory=lambda: int(time.time()))


class Desk:
    """What all requests share. Lives in the event loop; only the workers have threads.

    `aliases` are further names for the first engine.
    """

    def __init__(
        self,
        engines: Sequence[Engine],
        *,
        limits: ServerLimits,
        origin: Origin,
        defaults: Options,
        aliases: Sequence[str] = (),
    ) -> None:
        if not engines:
            raise SettingsError("there is no engine to serve")
        self.limits, self.origin, self.defaults = limits, origin, defaults
        self.meters = Meters()
        self.holding = Holding(limits)
        self.served = [self._served(engine) for engine in engines]
        self.names = self._named(aliases)
        self.jobs: set[Job] = set()
        self.ready = True
        """Whether it is worth sending requests here: not while models load, nor at the end."""
        self.closing = False
        self._inside = 0
        self._pace = 1.0
        self.meters.watch(self)

    def find(self, name: str | None) -> Served:
        """Return the engine of that name; the first where none is named.

        Raises:
            Refused: there is none.
        """
        if name is None:
            return self.served[0]
        found = self.names.get(name)
        if found is None:
            raise not_found(
                f"there is no model {name!r:.120} here",
                code="model_not_found",
                hint=f"these are: {', '.join(self.names)}",
            )
        return found

    @property
    def waiting(self) -> int:
        """How many requests wait for an engine."""
        return sum(each.workers.waiting for each in self.served)

    @property
    def running(self) -> int:
        """How many requests engines are at."""
        return sum(each.workers.running for each in self.served)

    @contextmanager
    def admitted(self) -> Iterator[None]:
        """Let one more request in, before its body is read, until it has its answer.

        Raises:
            Refused: there are as many as may run and wait, or the server is shutting down.
        """
        if self.closing:
            raise shutting_down()
        room = self.limits.concurrency * len(self.served) + self.limits.queue
        if self._inside >= room:
            raise too_busy(self.limits.queue, self._wait())
        self._inside += 1
        try:
            yield
        finally:
            self._inside -= 1

    @contextmanager
    def at_work(self, job: Job, served: Served) -> Iterator[None]:
        """Let an engine work at a job, until whoever waits has what it wants or goes."""
        self.jobs.add(job)
        try:
            served.workers.submit(job)
            yield
        finally:
            self.jobs.discard(job)
            job.leave()
            served.workers.withdraw(job)

    def end_all(self) -> None:
        """End every request that still runs, and its work with it."""
        for job in self.jobs:
            job.end(shutting_down())

    def close(self) -> None:
        """Let the threads of the engines end."""
        for each in self.served:
            each.workers.close()

    def _wait(self) -> int:
        """Return the seconds after which there may be room: as requests went of late."""
        seconds = self._pace * self.waiting / self.limits.concurrency
        return max(1, min(60, math.ceil(seconds)))

    def _finished(self, jobs: int, seconds: float) -> None:
        self._pace += 0.2 * (seconds / jobs - self._pace)
        self.meters.batch(jobs)

    def _served(self, engine: Engine) -> Served:
        workers = Workers(engine, self.limits, self._finished)
        return Served(name=engine.info.label, engine=engine, workers=workers)

    def _named(self, aliases: Sequence[str]) -> dict[str, Served]:
        names = {each.name: each for each in self.served}
        if len(names) < len(self.served):
            raise SettingsError("two of the engines have the same name")
        names |= dict.fromkeys(aliases, self.served[0])
        for each in self.served:
            info = each.engine.info
            for name in (info.model, info.name):
                names.setdefault(name, each)
        return names


def require(name: str | None, what: str) -> str:
    """Return a text that must be there.

    Raises:
        Refused: it is missing.
    """
    if not name:
        raise invalid(f"{what} is missing", param=what)
    return name
