"""The shows of an archive: where each comes from, and how its last visit went."""

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from qwen_audio_tools.archive.json_folder import Broken, JsonFolder
from qwen_audio_tools.archive.records import VERSION, check_version
from qwen_audio_tools.errors import ArchiveError

_ID = re.compile(r"[0-9a-f]{8,64}")


class Kind(StrEnum):
    """What a show is."""

    FEED = "feed"  # of a podcast: `source` is its URL
    FOLDER = "folder"  # all recordings in a folder: `source` is its path
    FILES = "files"  # single files of the folder `source`


@dataclass(frozen=True, slots=True)
class KnownFile:
    """A local recording as it was when it was hashed: the same size and time, the same content."""

    size: int
    mtime_ns: int
    episode: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Show:
    """A feed or a folder. `guid` is the feed's own (Podcasting 2.0).

    `etag` and `modified` are for conditional requests; `since` leaves out what was published
    before (ISO 8601); `files` are the recordings of a folder, by path. `checked` is when it was
    last seen; `error` says why a later visit failed, `failures` how often in a row; `not_before`
    when the server wants to be asked again. `warnings` tell what was odd.
    """

    id: str
    kind: Kind
    source: str
    title: str = ""
    guid: str = ""
    link: str = ""
    about: str = ""
    language: str = ""
    etag: str = ""
    modified: str = ""
    since: str = ""
    added: str = ""
    checked: str = ""
    not_before: str = ""
    error: str = ""
    failures: int = 0
    warnings: tuple[str, ...] = ()
    files: Mapping[str, KnownFile] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-ready dict."""
        return {"version": VERSION, **asdict(self), "kind": str(self.kind)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Show":
        """Rebuild a show from `to_dict`.

        Raises:
            KeyError, TypeError, ValueError: it is none, or of a newer version.
        """
        values = dict(data)
        check_version(values.pop("version"), "a show")
        values.update(
            kind=Kind(values["kind"]),
            warnings=tuple(values["warnings"]),
            files={path: KnownFile(**known) for path, known in values["files"].items()},
        )
        return cls(**values)


class Shows:
    """The shows of an archive, in the folder `shows` of it; iterating yields them by title."""

    def __init__(self, folder: Path) -> None:
        self._files = JsonFolder(
            folder=folder / "shows",
            broken=folder / "broken" / "shows",
            read=Show.from_dict,
            write=Show.to_dict,
        )

    def get(self, id: str) -> Show | None:
        """Return the show, or None."""
        return self._files.get(id) if _ID.fullmatch(id) else None

    def put(self, show: Show) -> None:
        """Keep a show.

        Raises:
            OSError: there is no room, or no permission.
        """
        if not _ID.fullmatch(show.id):
            raise ArchiveError(f"{show.id!r} is no id of a show")
        self._files.put(show.id, show)

    def __iter__(self) -> Iterator[Show]:
        yield from sorted(self._files, key=lambda show: (show.title.casefold(), show.id))

    def named(self, name: str) -> Show:
        """Return the show of that id, source, or title, or whose title alone holds the name.

        Raises:
            ArchiveError: there is none, or more than one.
        """
        known = list(self)
        folded = name.strip().casefold()
        exact = [s for s in known if name in (s.id, s.source) or s.title.casefold() == folded]
        found = exact or [s for s in known if folded and folded in s.title.casefold()]
        if len(found) == 1:
            return found[0]
        titles = ", ".join(repr(show.title) for show in (found or known)[:10]) or "none at all"
        what = "several shows are" if found else "no show is"
        raise ArchiveError(f"{what} called {name!r}: there are {titles}", hint="qwa archive status")

    def set_aside(self) -> list[Broken]:
        """Return the damaged files that were set aside."""
        return self._files.set_aside()

    def sweep(self) -> None:
        """Remove what killed processes left half-written."""
        self._files.sweep()


def made_id(*parts: str) -> str:
    """Return an id of 16 hex digits made from what names a thing."""
    # Lengths in front: no two lists of parts run together to one text.
    text = "".join(f"{len(part)}:{part}" for part in parts)
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:16]
