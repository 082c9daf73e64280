"""Archive: a folder with shows, the ledger of their episodes, and the audio that was fetched.

The layout, each file readable by a person:

    archive.json             says that this is an archive, of which version, and its id
    shows/ab/<id>.json       a feed or a folder, and how its last visit went
    episodes/ab/<id>.json    the ledger: all that is known of an episode
    audio/ab/<id>.<ending>   what was fetched; local recordings stay where they are
    hashes/, locks/, cache/  can be deleted while nothing runs
    broken/                  damaged files that were set aside
    index/                   made from the ledger
"""

import contextlib
import json
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qwen_audio_tools.archive.ledger import Ledger
from qwen_audio_tools.archive.records import VERSION, EpisodeRecord
from qwen_audio_tools.archive.shows import Shows
from qwen_audio_tools.clip import Clip
from qwen_audio_tools.errors import ArchiveError, ClipMissing
from qwen_audio_tools.folders import data_folder
from qwen_audio_tools.locking import locked
from qwen_audio_tools.replacing import replaced
from qwen_audio_tools.settings import read

_STAMP = "archive.json"
_HINT = "qwa archive add https://…/feed.xml"


@dataclass(frozen=True, slots=True)
class Archive:
    """An archive that exists; open it with `opened` or make it with `made`."""

    folder: Path
    shows: Shows
    ledger: Ledger

    def id(self) -> str:
        """Return what tells this archive from others; copies of it have the same.

        One that has none yet is given one; where nothing can be written it is an empty string.
        """
        with contextlib.suppress(OSError, ValueError):
            if kept := _id(self.folder):
                return kept
            locks = self.folder / "locks"
            locks.mkdir(exist_ok=True)
            with locked(locks / "archive.lock"):
                return _id(self.folder) or _stamp(self.folder)
        return ""

    def path_of(self, record: EpisodeRecord) -> Path:
        """Return where the audio of an episode lies.

        Raises:
            ClipMissing: it was not fetched, or is gone.
        """
        kept = record.episode.enclosure.path
        path = self.folder / kept
        if not kept or not path.is_file():
            gone = f"{kept!r} is gone" if kept else "it was not fetched yet"
            raise ClipMissing(
                f"the audio of {record.episode.title!r} is not here: {gone}",
                hint="qwa archive sync",
            )
        return path

    def clip_of(
        self, record: EpisodeRecord, start: float | None = None, end: float | None = None
    ) -> Clip:
        """Return the audio of an episode, or of a span of it, as a clip.

        Raises:
            ClipError: it is not here, or the span is none.
        """
        title = " · ".join(filter(None, (record.episode.show, record.episode.title)))
        return Clip(self.path_of(record), start, end, title=title)


def default_folder() -> Path:
    """Return the folder of the user's own archive: the setting `archive`, or the usual place.

    Raises:
        SettingsError: as reading the settings.
    """
    return read().archive or data_folder() / "archive"


def opened(folder: str | Path | None = None) -> Archive:
    """Open the archive in a folder, the user's own by default.

    Raises:
        ArchiveError: there is none, or it is of a newer version.
    """
    place = Path(folder).expanduser() if folder else default_folder()
    try:
        version = _read(place)["version"]
    except (FileNotFoundError, NotADirectoryError):
        raise ArchiveError(f"there is no archive in {str(place)!r}", hint=_HINT) from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        # Nothing depends on the stamp: where shows lie, it is made anew.
        if not (place / "shows").is_dir():
            raise ArchiveError(f"{str(place / _STAMP)!r} can't be read: {error}") from error
        _stamp(place)
        version = VERSION
    if version != VERSION:
        raise ArchiveError(
            f"the archive in {str(place)!r} is of version {version!r}; {VERSION} is known",
            hint="pip install --upgrade qwen-audio-tools",
        )
    return Archive(place, Shows(place), Ledger(place))


def made(folder: str | Path | None = None) -> Archive:
    """Open the archive in a folder, and make it first where there is none.

    Raises:
        ArchiveError: the folder can't be made, or holds other things.
    """
    place = Path(folder).expanduser() if folder else default_folder()
    if not (place / _STAMP).exists():
        try:
            place.mkdir(parents=True, exist_ok=True)
            if any(not path.name.startswith(".") for path in place.iterdir()):
                raise ArchiveError(
                    f"{str(place)!r} is no archive, and it is not empty", hint="name a new folder"
                )
            _stamp(place)
        except OSError as error:
            raise ArchiveError(
                f"no archive can be made in {str(place)!r}: {error.strerror}"
            ) from error
    return opened(place)


def _read(place: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((place / _STAMP).read_bytes())
    return found


def _id(place: Path) -> str:
    kept = _read(place).get("id")
    return kept if isinstance(kept, str) else ""


def _stamp(place: Path) -> str:
    """Write the stamp with a new id, and return that."""
    id = uuid.uuid4().hex
    stamp = {"kind": "qwen-audio-tools archive", "version": VERSION, "id": id}
    with replaced(place / _STAMP, durable=True) as fresh:
        fresh.write_text(json.dumps(stamp))
    return id
