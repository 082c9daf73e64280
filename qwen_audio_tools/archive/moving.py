"""Export an archive to one file and restore it elsewhere: the ledger, and the audio if wanted."""

import io
import json
import re
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from qwen_audio_tools.archive.archive import Archive
from qwen_audio_tools.archive.records import EpisodeRecord
from qwen_audio_tools.archive.shows import Show
from qwen_audio_tools.errors import ArchiveError
from qwen_audio_tools.replacing import replaced

_RECORD = re.compile(r"(episodes|shows)/[0-9a-f]{2}/([0-9a-f]{8,64})\.json")
_AUDIO = re.compile(r"audio/[0-9a-f]{2}/[0-9a-f]{8,64}\.[a-z0-9]{1,8}")
_LARGEST_RECORD = 256 * 2**20
_LARGEST_AUDIO = 8 * 2**30


@dataclass(slots=True)
class Moved:
    """How much was written or read; `left` names what was not, with the reason."""

    shows: int = 0
    episodes: int = 0
    audio: int = 0
    left: tuple[str, ...] = ()


def export(archive: Archive, target: IO[bytes], *, audio: bool = False) -> Moved:
    """Write shows and ledger, and with `audio` what was fetched, as a tar.gz to an open file.

    Local recordings stay where they are. What another process writes meanwhile is in it whole or
    not at all.

    Raises:
        ArchiveError: a record can't be read.
        OSError: there is no room.
    """
    moved = Moved()
    with tarfile.open(fileobj=target, mode="w|gz") as tar:
        for show in archive.shows:
            _add(tar, f"shows/{show.id[:2]}/{show.id}.json", show.to_dict())
            moved.shows += 1
        for record in archive.ledger:
            id = record.episode.id
            _add(tar, f"episodes/{id[:2]}/{id}.json", record.to_dict())
            moved.episodes += 1
            kept = record.episode.enclosure.path
            if audio and _AUDIO.fullmatch(kept):
                try:
                    tar.add(archive.folder / kept, kept, recursive=False)
                    moved.audio += 1
                except FileNotFoundError:
                    moved.left += (f"{kept} is gone",)
    return moved


def restore(archive: Archive, source: IO[bytes]) -> Moved:
    """Read what `export` wrote into an archive. What is there already and newer stays.

    Each record is read before it is kept; anything else in the file is left out, and told.

    Raises:
        ArchiveError: it is no export, or breaks off; what came before is kept.
        OSError: there is no room.
    """
    moved = Moved()
    try:
        with tarfile.open(fileobj=source, mode="r|*") as tar:
            for member in tar:
                why = _take(archive, tar, member, moved)
                if why:
                    moved.left += (f"{member.name[:100]!r}: {why}",)
    except (tarfile.TarError, EOFError, ValueError) as error:
        raise ArchiveError(f"it is no export of an archive, or breaks off: {error}") from error
    if not moved.shows and not moved.episodes:
        raise ArchiveError("it holds nothing of an archive", hint="qwa archive export FILE")
    return moved


def _add(tar: tarfile.TarFile, name: str, values: object) -> None:
    data = json.dumps(values, ensure_ascii=False).encode("utf-8", "replace")
    info = tarfile.TarInfo(name)
    info.size, info.mode = len(data), 0o644
    tar.addfile(info, io.BytesIO(data))


def _take(archive: Archive, tar: tarfile.TarFile, member: tarfile.TarInfo, moved: Moved) -> str:
    """Take one member in; return why it was left out, or an empty string."""
    # Names decide where things go, and no link is followed: nothing is ever unpacked elsewhere.
    content = tar.extractfile(member) if member.isreg() else None
    if content is None:
        return "no plain file"
    if match := _RECORD.fullmatch(member.name):
        if member.size > _LARGEST_RECORD:
            return f"more than {_LARGEST_RECORD:,} bytes"
        return _take_record(archive, match[1], match[2], content.read(), moved)
    if _AUDIO.fullmatch(member.name):
        if member.size > _LARGEST_AUDIO:
            return f"more than {_LARGEST_AUDIO:,} bytes"
        _copy(content, archive.folder / member.name)
        moved.audio += 1
        return ""
    return "no part of an archive"


def _take_record(archive: Archive, kind: str, id: str, data: bytes, moved: Moved) -> str:
    try:
        values = json.loads(data)
        if kind == "shows":
            show = Show.from_dict(values)
            if show.id != id:
                return f"it holds the show {show.id}"
            known = archive.shows.get(id)
            if known is None or known.checked <= show.checked:
                archive.shows.put(show)
            moved.shows += 1
            return ""
        record = EpisodeRecord.from_dict(values)
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        return f"damaged: {error!r}"[:200]
    if record.episode.id != id:
        return f"it holds the episode {record.episode.id}"
    return _keep(archive, record, moved)


def _keep(archive: Archive, record: EpisodeRecord, moved: Moved) -> str:
    with archive.ledger.locked(record.episode.id) as held:
        if not held:
            return "another process works on it"
        known = archive.ledger.get(record.episode.id)
        if known is not None and known.updated > record.updated:
            return "the archive has a newer record"
        archive.ledger.restore(record)
        moved.episodes += 1
        return ""


def _copy(content: IO[bytes], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with replaced(path, durable=True) as fresh, fresh.open("wb") as file:
        for chunk in _chunks(content):
            file.write(chunk)


def _chunks(content: IO[bytes]) -> Iterator[bytes]:
    while chunk := content.read(2**20):
        yield chunk
