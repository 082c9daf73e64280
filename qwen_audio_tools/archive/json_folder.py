"""A folder of values, each a JSON file that is written whole or not at all.

A file that is damaged is set aside and told of; it never stops those who read the others.
"""

import contextlib
import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Generic, TypeVar

from qwen_audio_tools.archive.records import NewerVersion
from qwen_audio_tools.errors import ArchiveError
from qwen_audio_tools.replacing import replaced

T = TypeVar("T")

_LEFTOVER_S = 3600.0
"""Seconds after which a half-written file belongs to nobody any more."""


@dataclass(frozen=True, slots=True)
class Broken:
    """A file that was set aside: where it lies now, of which id, what is wrong, and since when."""

    path: Path
    id: str
    why: str
    when: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JsonFolder(Generic[T]):
    """Values by id, sharded by the id's first two letters.

    `read` and `write` turn plain data into a value and back; `broken` is where damaged files go.
    """

    folder: Path
    broken: Path
    read: Callable[[Mapping[str, Any]], T]
    write: Callable[[T], Mapping[str, Any]]

    def path(self, id: str) -> Path:
        """Return where the value of that id lies, or would lie."""
        return self.folder / id[:2] / f"{id}.json"

    def get(self, id: str) -> T | None:
        """Return the value, or None if there is none or it was damaged and is set aside now.

        Raises:
            ArchiveError: it can't be read, or is of a newer version.
        """
        path = self.path(id)
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise ArchiveError(f"{str(path)!r} can't be read: {error.strerror}") from error
        try:
            return self.read(_plain(data))
        except NewerVersion as error:
            raise ArchiveError(
                f"{str(path)!r} was written by a newer version: {error}",
                hint="pip install --upgrade qwen-audio-tools",
            ) from error
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError):
            self._set_aside(path, id)
            return None

    def put(self, id: str, value: T) -> None:
        """Keep the value; once this returns it is on the disk.

        Raises:
            OSError: there is no room, or no permission.
        """
        path = self.path(id)
        path.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps(self.write(value), ensure_ascii=False, separators=(",", ":"))
        with replaced(path, durable=True) as fresh:
            # A lone surrogate in a title is no UTF-8; it must not cost the episode.
            fresh.write_text(text, encoding="utf-8", errors="replace")

    def remove(self, id: str) -> None:
        """Forget the value, if there is one."""
        self.path(id).unlink(missing_ok=True)

    def ids(self) -> Iterator[str]:
        """Yield all ids, in order."""
        for shard in _listed(self.folder):
            if shard.is_dir():
                yield from (
                    path.stem
                    for path in _listed(shard)
                    if path.suffix == ".json" and not path.name.startswith(".")
                )

    def stamp(self) -> tuple[int, ...]:
        """Return the times of the folders: others as soon as any value is written or removed."""
        folders = [self.folder, *_listed(self.folder)]
        found = []
        for each in folders:
            with contextlib.suppress(FileNotFoundError):
                found.append(each.stat().st_mtime_ns)
        return tuple(found)

    def __iter__(self) -> Iterator[T]:
        """Yield all values in the order of their ids; damaged ones are set aside on the way."""
        for id in self.ids():
            value = self.get(id)
            if value is not None:
                yield value

    def set_aside(self) -> list[Broken]:
        """Return what was set aside so far, oldest first."""
        found = []
        for path in _listed(self.broken):
            if path.suffix == ".json":
                micros, _, id = path.stem.partition("-")
                moment = int(micros) / 1e6 if micros.isdecimal() else path.stat().st_mtime
                when = datetime.fromtimestamp(moment, UTC).isoformat(timespec="seconds")
                found.append(Broken(path, id, self._wrong(path), when))
        return found

    def sweep(self) -> None:
        """Remove what killed processes left half-written."""
        for shard in _listed(self.folder):
            for path in _listed(shard):
                with contextlib.suppress(OSError):
                    old = path.stat().st_mtime < time.time() - _LEFTOVER_S
                    if path.name.startswith(".") and old:
                        path.unlink()

    def _set_aside(self, path: Path, id: str) -> None:
        self.broken.mkdir(parents=True, exist_ok=True)
        # The time in front orders them, and a second damage of one id has a name of its own.
        target = self.broken / f"{time.time_ns() // 1000:016d}-{id}.json"
        with contextlib.suppress(FileNotFoundError):  # another process was first
            path.replace(target)

    def _wrong(self, path: Path) -> str:
        try:
            self.read(_plain(path.read_bytes()))
        except KeyError as error:
            return f"it lacks {error.args[0]!r}"
        except (OSError, TypeError, ValueError, AttributeError, RecursionError) as error:
            return " ".join(str(error).split())[:200] or type(error).__name__
        return "it was damaged when it was read"


def _plain(data: bytes) -> Mapping[str, Any]:
    found = json.loads(data.decode("utf-8"))
    if not isinstance(found, dict):
        raise ValueError(f"a JSON object is expected, not {type(found).__name__}")
    return found


def _listed(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []
