"""How an archive stands: its shows, how far their episodes have come, what failed and why, disk."""

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from qwen_audio_tools.archive.archive import Archive
from qwen_audio_tools.archive.heads import Head, heads
from qwen_audio_tools.archive.records import State
from qwen_audio_tools.archive.shows import Show
from qwen_audio_tools.archive.work import MOST_ATTEMPTS

PARTS = ("episodes", "shows", "audio", "index", "cache", "broken")


@dataclass(frozen=True, slots=True, kw_only=True)
class ShowStatus:
    """A show: how many of its episodes are in which state, and seconds of audio heard."""

    id: str
    title: str
    source: str
    kind: str
    episodes: int
    states: dict[str, int]
    seconds_heard: float
    checked: str
    error: str
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """An episode that failed. `given_up` says that a sync takes it only when asked to."""

    id: str
    show: str
    title: str
    error: str
    attempts: int
    given_up: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Damaged:
    """A file of the ledger that was set aside."""

    path: str
    why: str
    when: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """All that `qwa archive status` tells; `disk` are bytes by part of the archive."""

    folder: str
    shows: tuple[ShowStatus, ...]
    episodes: int
    states: dict[str, int]
    seconds_heard: float
    failures: tuple[Failure, ...]
    damaged: tuple[Damaged, ...]
    disk: dict[str, int] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-ready dict."""
        return asdict(self)


def status(archive: Archive) -> Status:
    """Return how an archive stands.

    Raises:
        ArchiveError: it can't be read, or is of a newer version.
    """
    known = list(heads(archive).values())
    by_show: dict[str, list[Head]] = {}
    for head in known:
        by_show.setdefault(head.feed, []).append(head)
    shows = list(archive.shows)
    return Status(
        folder=str(archive.folder),
        shows=tuple(_show(show, by_show.get(show.id, [])) for show in shows),
        episodes=len(known),
        states=_states(known),
        seconds_heard=_heard(known),
        failures=tuple(_failures(known)),
        damaged=tuple(_damaged(archive)),
        disk={part: _bytes(archive.folder / part) for part in PARTS},
    )


def _show(show: Show, known: list[Head]) -> ShowStatus:
    return ShowStatus(
        id=show.id,
        title=show.title or show.source,
        source=show.source,
        kind=str(show.kind),
        episodes=len(known),
        states=_states(known),
        seconds_heard=_heard(known),
        checked=show.checked,
        error=show.error,
        warnings=show.warnings,
    )


def _states(known: Iterable[Head]) -> dict[str, int]:
    found = Counter(str(head.state) for head in known)
    return {str(state): found[str(state)] for state in State if found[str(state)]}


def _heard(known: Iterable[Head]) -> float:
    return round(sum(h.duration or 0.0 for h in known if h.state is State.HEARD), 3)


def _failures(known: Iterable[Head]) -> Iterator[Failure]:
    for head in sorted(known, key=lambda each: (each.show, each.published)):
        if head.state is State.FAILED:
            yield Failure(
                id=head.id,
                show=head.show,
                title=head.title,
                error=head.error,
                attempts=head.attempts,
                given_up=head.attempts >= MOST_ATTEMPTS,
            )


def _damaged(archive: Archive) -> Iterator[Damaged]:
    for broken in (*archive.ledger.set_aside(), *archive.shows.set_aside()):
        yield Damaged(
            path=broken.path.relative_to(archive.folder).as_posix(),
            why=broken.why,
            when=broken.when,
        )


def _bytes(folder: Path) -> int:
    total = 0
    for parent, _, files in os.walk(folder):
        for name in files:
            try:
                total += os.lstat(Path(parent, name)).st_size
            except OSError:  # gone meanwhile
                continue
    return total
