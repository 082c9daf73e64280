"""Bring an archive up to date: visit shows, take in what is new, listen to what is here.

Downloads run ahead of the listening by a few episodes, no further: a disk must not fill up with
what nobody has heard yet. A failing episode stops no other. Killed at any point, the next run goes
on where this one stopped: the ledger alone says what is done.
"""

import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from qwen_audio_tools.archive.archive import Archive
from qwen_audio_tools.archive.fetching import Fetcher, reason
from qwen_audio_tools.archive.heads import Head, heads
from qwen_audio_tools.archive.local_files import visit_files
from qwen_audio_tools.archive.records import State
from qwen_audio_tools.archive.shows import Kind, Show
from qwen_audio_tools.archive.visiting import Visit, failed, visit_feed
from qwen_audio_tools.archive.work import MOST_ATTEMPTS, Outcome, lacks_audio, take_episode
from qwen_audio_tools.archive.workers import Listening, Progress
from qwen_audio_tools.errors import QwenAudioError

AHEAD = 4
"""Episodes that may wait for a listener with their audio here."""
_VISITORS = 4
_WAIT_S = 0.2
_STOP_S = 5.0
"""How long a server that says nothing may hold up the end of a run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What to bring up to date: all, or `shows` by id, those published `since`, the newest `limit`.

    `again` also takes those that failed too often.
    """

    shows: frozenset[str] = frozenset()
    since: str = ""
    limit: int | None = None
    again: bool = False

    def has(self, archive: Archive, head: Head) -> bool:
        """Whether an episode is wanted, and something is left to do for it."""
        if self.shows and head.feed not in self.shows:
            return False
        if self.since and head.published and head.published < self.since:
            return False
        if head.state is State.FAILED:
            return self.again or head.attempts < MOST_ATTEMPTS
        return head.state in (State.NEW, State.FETCHED) or lacks_audio(archive, head)


@dataclass(frozen=True, slots=True)
class Planned:
    """What is to be done: how many episodes, and about how many seconds of audio."""

    episodes: int
    seconds: float


@dataclass(slots=True)
class Report:
    """What came of a run, as it goes: counts of episodes, and seconds of audio and of work."""

    planned: Planned = Planned(0, 0.0)
    heard: int = 0
    same: int = 0
    busy: int = 0
    heard_seconds: float = 0.0
    started: float = field(default_factory=time.monotonic)
    failed: list[Outcome] = field(default_factory=list)
    shows_failed: list[Show] = field(default_factory=list)

    @property
    def done(self) -> int:
        """Episodes that are done with, one way or the other."""
        return self.heard + self.same + self.busy + len(self.failed)

    def start(self) -> None:
        """Take the time from here on."""
        self.started = time.monotonic()

    def count(self, outcome: Outcome) -> None:
        """Count what came of an episode."""
        if outcome.state is State.HEARD:
            self.heard += 1
            self.heard_seconds += outcome.seconds
        elif outcome.state is State.SAME:
            self.same += 1
        elif outcome.state is State.FAILED:
            self.failed.append(outcome)
        elif outcome.state is not State.FETCHED:
            self.busy += 1

    @property
    def left(self) -> float | None:
        """Seconds of work that are left, by how it went so far; None while nobody can tell."""
        if not self.heard_seconds or not self.planned.episodes:
            return None
        elapsed = time.monotonic() - self.started
        still = max(0, self.planned.episodes - self.done)
        if not self.planned.seconds:  # nobody knows how long they are
            return elapsed / self.done * still
        return elapsed / self.heard_seconds * still * self.planned.seconds / self.planned.episodes

    @property
    def speed(self) -> float:
        """Hours of audio that are heard in an hour."""
        return self.heard_seconds / max(1e-3, time.monotonic() - self.started)


Event = Visit | Planned | Outcome | Progress
Tell = Callable[[Event], None]


def visit(archive: Archive, shows: Sequence[Show], fetcher: Fetcher, tell: Tell) -> Iterator[Visit]:
    """Visit shows, some at a time, and yield how each visit went.

    Raises:
        OSError: nothing can be written.
    """
    known = heads(archive)

    def work(show: Show) -> Visit:
        try:
            if show.kind is Kind.FEED:
                return visit_feed(archive, show, fetcher, known)
            return visit_files(archive, show)
        except (OSError, QwenAudioError):
            raise  # no room, or a ledger of a newer version: the next show would end so too
        except Exception as error:  # a bug in one show must not cost the others
            return failed(archive, show, f"unexpected {reason(error)}")

    with ThreadPoolExecutor(_VISITORS, thread_name_prefix="visit") as pool:
        for found in pool.map(work, shows):
            tell(found)
            yield found


def sync(
    archive: Archive, fetcher: Fetcher, listening: Listening, *, choice: Choice, tell: Tell
) -> Report:
    """Bring an archive up to date, and return what came of it; `tell` gets each event.

    Raises:
        EngineError, SettingsError: no episode can be heard with this engine.
        OSError: nothing can be written.
    """
    archive.ledger.sweep()
    archive.shows.sweep()
    shows = [show for show in archive.shows if not choice.shows or show.id in choice.shows]
    report = Report()
    report.shows_failed = [
        found.show for found in visit(archive, shows, fetcher, tell) if found.show.error
    ]
    todo = planned(archive, heads(archive).values(), choice)
    report.planned = Planned(len(todo), _seconds(todo))
    report.start()
    tell(report.planned)
    if todo:
        _work(archive, todo, fetcher, listening, _Told(report, tell))
    heads(archive)  # what has changed is read now, while it is few
    return report


def planned(archive: Archive, known: Iterable[Head], choice: Choice) -> list[Head]:
    """Return the episodes to work on, the newest first; those that failed come last."""
    found = (head for head in known if choice.has(archive, head))
    wanted = sorted(found, key=lambda each: each.id)
    wanted.sort(key=lambda head: head.published, reverse=True)
    wanted.sort(key=lambda head: head.attempts)
    return wanted if choice.limit is None else wanted[: choice.limit]


def _seconds(todo: Sequence[Head]) -> float:
    known = [head.duration for head in todo if head.duration]
    return sum(known) / len(known) * len(todo) if known else 0.0


@dataclass(slots=True)
class _Told:
    report: Report
    tell: Tell

    def __call__(self, event: Event) -> None:
        if isinstance(event, Outcome):
            self.report.count(event)
        self.tell(event)


class _Taking:
    """A thread that takes episodes in, some ahead of the listening."""

    def __init__(
        self, archive: Archive, todo: Sequence[Head], fetcher: Fetcher, listeners: int
    ) -> None:
        self.outcomes: queue.Queue[Outcome | Exception | None] = queue.Queue()
        # Those in work have their audio here, too: many listeners must not wait for each other.
        self._room = threading.Semaphore(AHEAD + listeners - 1)
        self._stop = threading.Event()
        self._work = (archive, todo, replace(fetcher, stopped=self._stop))
        self._thread = threading.Thread(target=self._run, daemon=True, name="take")
        self._thread.start()

    def heard(self) -> None:
        """Say that one that was here is no longer waiting."""
        self._room.release()

    def stop(self) -> None:
        """Take no more in, and let go of what is on its way: it is the next run's."""
        self._stop.set()
        self._room.release()
        self._thread.join(_STOP_S)

    def _run(self) -> None:
        archive, todo, fetcher = self._work
        try:
            for head in todo:
                self._room.acquire()
                if self._stop.is_set():
                    return
                self.outcomes.put(take_episode(archive, head.id, fetcher))
        except Exception as error:  # told to whoever waits
            self.outcomes.put(error)
        finally:
            self.outcomes.put(None)


def _work(
    archive: Archive, todo: Sequence[Head], fetcher: Fetcher, listening: Listening, told: _Told
) -> None:
    """Take in and listen until all is done; where the disk is full, hear what is here and end."""
    taking = _Taking(archive, todo, fetcher, listening.count)
    waiting: list[str] = []
    full: OSError | None = None
    try:
        more = True
        while more or waiting or listening.busy:
            while more and (found := _next(taking, idle=not waiting and not listening.busy)):
                if isinstance(found, _End):
                    more = False
                elif isinstance(found, OSError):
                    full = found
                elif isinstance(found, Exception):
                    raise found
                elif found.state is State.FETCHED:
                    waiting.append(found.id)
                else:
                    taking.heard()
                    told(found)
            while waiting and listening.free:
                listening.give(waiting.pop(0))
            for event in listening.collect(0.0 if not listening.busy else _WAIT_S):
                if isinstance(event, Outcome):
                    taking.heard()
                told(event)
    finally:
        taking.stop()
    if full is not None:
        raise full


class _End:
    """Nothing more is taken in."""


def _next(taking: _Taking, *, idle: bool) -> Outcome | Exception | _End | None:
    """Return what was taken in, or None if nothing is there yet; wait a little if nobody works."""
    try:
        found = taking.outcomes.get(timeout=_WAIT_S if idle else 0.001)
    except queue.Empty:
        return None
    return _End() if found is None else found
