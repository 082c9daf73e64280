"""Heads: the few facts of each episode that lists and plans need, without reading whole records.

They are kept in `cache/heads.json` beside size and time of each ledger file, so that only what
changed is read again: 100,000 records of an hour each are 40 GB, their heads some 50 MB. Losing
the cache costs time, never data.
"""

import contextlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from qwen_audio_tools.archive.archive import Archive
from qwen_audio_tools.archive.records import EpisodeRecord, State
from qwen_audio_tools.replacing import replaced

_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """An episode at a glance; the fields are those of its record. `feed` is the id of its show."""

    id: str
    feed: str
    show: str
    title: str
    published: str
    state: State
    duration: float | None
    error: str
    attempts: int
    warnings: int
    words: str
    engine: str
    sha256: str
    url: str
    path: str
    revision: str
    updated: str


def head_of(record: EpisodeRecord) -> Head:
    """Return the head of a record."""
    episode = record.episode
    return Head(
        id=episode.id,
        feed=episode.feed,
        show=episode.show,
        title=episode.title,
        published=episode.published,
        state=record.state,
        duration=record.duration,
        error=record.error,
        attempts=record.attempts,
        warnings=len(record.warnings),
        words=record.words,
        engine=record.engine,
        sha256=episode.enclosure.sha256,
        url=episode.enclosure.url,
        path=episode.enclosure.path,
        revision=episode.revision,
        updated=record.updated,
    )


def heads(archive: Archive) -> dict[str, Head]:
    """Return the heads of all episodes by id, reading only the records that changed.

    Raises:
        ArchiveError: as reading the ledger.
    """
    kept = _kept(archive)
    found: dict[str, tuple[list[int], Head]] = {}
    for id in archive.ledger.ids():
        state = file_state(archive, id)
        if state is None:
            continue
        old = kept.get(id)
        if old is not None and old[0] == state:
            found[id] = old
        elif (record := archive.ledger.get(id)) is not None:
            found[id] = (state, head_of(record))
    if found != kept:
        _keep(archive, found)
    return {id: head for id, (_, head) in found.items()}


def file_state(archive: Archive, id: str) -> list[int] | None:
    """Return what changes whenever the ledger file of an episode does, None if there is none."""
    try:
        found = archive.ledger.path(id).stat()
    except OSError:
        return None
    # The inode too: each write makes a new file, and clocks may be coarse.
    return [found.st_size, found.st_mtime_ns, found.st_ino]


def _kept(archive: Archive) -> dict[str, tuple[list[int], Head]]:
    try:
        data = json.loads((archive.folder / "cache" / "heads.json").read_bytes())
        if data["version"] != _VERSION:
            return {}
        return dict(_read(data["heads"]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _read(rows: dict[str, Any]) -> Iterator[tuple[str, tuple[list[int], Head]]]:
    for id, (state, values) in rows.items():
        yield id, (state, Head(**{**values, "state": State(values["state"])}))


def _keep(archive: Archive, found: dict[str, tuple[list[int], Head]]) -> None:
    rows = {id: [state, asdict(head)] for id, (state, head) in found.items()}
    path = archive.folder / "cache" / "heads.json"
    with contextlib.suppress(OSError):  # a full or read-only disk costs time only
        path.parent.mkdir(exist_ok=True)
        with replaced(path) as fresh:
            text = json.dumps({"version": _VERSION, "heads": rows}, ensure_ascii=False)
            fresh.write_text(text, encoding="utf-8", errors="replace")
