"""Threads that put what waits to one engine: many requests at once where it can, else one each.

Knows nothing of HTTP. A request that can be answered with others of equal options is: whatever
waits while the engine is busy becomes its next batch.
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from itertools import islice

from qwen_audio_tools.engines.base import BatchEngine, Engine
from qwen_audio_tools.serving.http.limits import ServerLimits
from qwen_audio_tools.serving.http.queueing.jobs import Job
from qwen_audio_tools.serving.http.queueing.running_jobs import run_alone, run_together, sorted_out

Finished = Callable[[int, float], None]
"""Called with how many requests an engine was given at once, and the seconds that it took."""


class Workers:
    """As many threads as the engine may work at requests, begun when they are first needed.

    Of a batch engine one thread at a time takes batches; the others take what comes in pieces.
    """

    def __init__(
        self, engine: Engine, limits: ServerLimits, finished: Finished = lambda *_: None
    ) -> None:
        self.engine, self._limits, self._finished = engine, limits, finished
        self._batches = isinstance(engine, BatchEngine)
        self._waiting: deque[Job] = deque()
        self._changed = threading.Condition()
        self._batching = self._closed = False
        self._threads = self._idle = 0
        self.running = 0

    @property
    def waiting(self) -> int:
        """How many requests wait for a thread."""
        return len(self._waiting)

    def submit(self, job: Job) -> None:
        """Let a job wait for its turn."""
        with self._changed:
            self._waiting.append(job)
            self._enlist()
            self._changed.notify()

    def withdraw(self, job: Job) -> None:
        """Take a job out of the line if it still waits there."""
        with self._changed:
            try:
                self._waiting.remove(job)
            except ValueError:
                return

    def close(self) -> None:
        """Let the threads end; what runs is finished or stopped by its own `stop`."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _enlist(self) -> None:
        """Begin one more thread where too few are idle for what waits."""
        if self._idle < len(self._waiting) and self._threads < self._limits.concurrency:
            self._threads += 1
            threading.Thread(target=self._run, daemon=True, name="qwa-serve").start()

    def _run(self) -> None:
        while self._work():  # and between two works this thread holds on to nothing
            pass

    def _work(self) -> bool:
        """Wait for work and do it; return False when there will be none."""
        jobs = self._next()
        if not jobs:
            return False
        began = time.monotonic()
        together = self._together(jobs[0])
        try:
            if together:
                run_together(self.engine, self._short(jobs))
            else:
                run_alone(self.engine, jobs[0])
        except Exception as error:  # ours: a thread that dies of it would be missed for ever
            for job in jobs:
                job.tell(error)
        with self._changed:
            self.running -= len(jobs)
            self._batching = self._batching and not together
            self._changed.notify()
        if jobs:  # all of them may have been too long
            self._finished(len(jobs), time.monotonic() - began)
        return True

    def _short(self, jobs: list[Job]) -> list[Job]:
        """Return those that the engine hears at once; the others run beside, not before them."""
        short, long = sorted_out(self.engine, jobs)
        with self._changed:
            for job in long:
                job.alone = True
                jobs.remove(job)
                self._waiting.append(job)
            self.running -= len(long)
            self._enlist()
            self._changed.notify_all()
        return short

    def _together(self, job: Job) -> bool:
        return self._batches and not job.alone

    def _next(self) -> list[Job]:
        """Wait for work, and return what is to be done at once; nothing when it is over."""
        with self._changed:
            while not self._closed:
                job = next((job for job in self._waiting if self._may_begin(job)), None)
                if job is None:
                    self._idle += 1
                    self._changed.wait()
                    self._idle -= 1
                    continue
                self._waiting.remove(job)
                jobs = [job]
                if self._together(job):
                    self._batching = True
                    jobs += self._others_like(job)
                self.running += len(jobs)
                return jobs
            return []

    def _may_begin(self, job: Job) -> bool:
        return not (self._batching and self._together(job))

    def _others_like(self, job: Job) -> list[Job]:
        """Return the others that wait for the same; those that come in a moment too, if idle."""
        until = time.monotonic() + (0.0 if self.running else self._limits.gather)
        while True:
            like = (
                other
                for other in self._waiting
                if self._together(other) and other.work.options == job.work.options
            )
            found = list(islice(like, self._limits.batch - 1))
            left = until - time.monotonic()
            if len(found) == self._limits.batch - 1 or left <= 0 or self._closed:
                break
            self._changed.wait(left)
        for other in found:
            self._waiting.remove(other)
        self._changed.notify_all()  # it may have woken this thread for what another can begin
        return found
