"""The ledger: one JSON file per episode, the truth from which all else can be made anew.

Whoever works on an episode holds its lock. Two processes share a ledger; either may die at any
moment, and its locks die with it.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from qwen_audio_tools.archive.json_folder import Broken, JsonFolder
from qwen_audio_tools.archive.records import EpisodeRecord, State
from qwen_audio_tools.errors import ArchiveError
from qwen_audio_tools.locking import locked, try_locked
from qwen_audio_tools.replacing import replaced

_ID = re.compile(r"[0-9a-f]{8,64}")


class Ledger:
    """The episodes of an archive, in the folder `episodes` of it.

    Iterating yields every record; `ids` alone reads no file. A damaged file is moved to `broken`,
    named by `set_aside`, and its episode is taken in anew by the next sync.
    """

    def __init__(self, folder: Path) -> None:
        self._locks = folder / "locks"
        self._hashes = folder / "hashes"
        self._files = JsonFolder(
            folder=folder / "episodes",
            broken=folder / "broken" / "episodes",
            read=EpisodeRecord.from_dict,
            write=EpisodeRecord.to_dict,
        )

    def get(self, id: str) -> EpisodeRecord | None:
        """Return the record of an episode, None if there is none (any more).

        Raises:
            ArchiveError: the id is none, the file can't be read or is of a newer version.
        """
        return self._files.get(_checked(id))

    def put(self, record: EpisodeRecord) -> EpisodeRecord:
        """Keep a record, and return it with the time of this.

        Raises:
            OSError: there is no room, or no permission.
        """
        stamped = replace(record, updated=datetime.now(UTC).isoformat(timespec="seconds"))
        self._files.put(_checked(record.episode.id), stamped)
        return stamped

    def restore(self, record: EpisodeRecord) -> None:
        """Keep a record with the time that it was written at first, as from a copy."""
        self._files.put(_checked(record.episode.id), record)

    def remove(self, id: str) -> None:
        """Forget an episode; its audio stays."""
        self._files.remove(_checked(id))

    def path(self, id: str) -> Path:
        """Return the file of an episode."""
        return self._files.path(_checked(id))

    def ids(self) -> Iterator[str]:
        """Yield the ids of all episodes, in order."""
        return (id for id in self._files.ids() if _ID.fullmatch(id))

    def stamp(self) -> tuple[int, ...]:
        """Return times of change (ns) that are others as soon as anything was written or removed.

        What was written within one tick of the file system's clock may leave them as they were.
        """
        return self._files.stamp()

    def __iter__(self) -> Iterator[EpisodeRecord]:
        for id in self.ids():
            record = self.get(id)
            if record is not None:
                yield record

    def __contains__(self, id: str) -> bool:
        return self.path(id).exists()

    def set_aside(self) -> list[Broken]:
        """Return the damaged files that were set aside."""
        return self._files.set_aside()

    def sweep(self) -> None:
        """Remove what killed processes left half-written."""
        self._files.sweep()

    @contextmanager
    def locked(self, id: str) -> Iterator[bool]:
        """Give True and hold the episode, or False at once where another works on it."""
        with try_locked(self._locks / f"{_checked(id)}.lock") as held:
            yield held

    def claim(self, sha256: str, id: str) -> str:
        """Return which episode has the audio of that hash: `id`, or another that came first."""
        path = self._hashes / sha256[:2] / sha256
        path.parent.mkdir(parents=True, exist_ok=True)
        self._locks.mkdir(exist_ok=True)
        with locked(self._locks / "claims.lock"):
            owner = _read(path)
            if owner and owner != id and self._has(owner, sha256):
                return owner
            if owner != id:
                with replaced(path) as fresh:
                    fresh.write_text(id)
            return id

    def _has(self, id: str, sha256: str) -> bool:
        record = self.get(id)
        return (
            record is not None
            and record.state is not State.SAME
            and record.episode.enclosure.sha256 == sha256
        )


def _read(path: Path) -> str:
    try:
        text = path.read_text("utf-8").strip()
    except (OSError, ValueError):
        return ""
    return text if _ID.fullmatch(text) else ""


def _checked(id: str) -> str:
    # Ids come from models and clients too: nothing but hex digits ever becomes a path.
    if not _ID.fullmatch(id):
        raise ArchiveError(f"{id!r} is no id of an episode", hint="qwa archive list")
    return id
