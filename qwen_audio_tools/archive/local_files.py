"""Visit a folder, or single files: recordings are known by their content, and stay where they are.

A file that was moved or renamed is the same episode; one that was written anew is another.
"""

import hashlib
import os
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from qwen_audio_tools.archive.archive import Archive
from qwen_audio_tools.archive.feeds.plain_text import one_line
from qwen_audio_tools.archive.records import Enclosure, Episode, EpisodeRecord
from qwen_audio_tools.archive.shows import Kind, KnownFile, Show, made_id
from qwen_audio_tools.archive.visiting import Visit, failed, now
from qwen_audio_tools.errors import ClipMissing
from qwen_audio_tools.sources.naming import expand


def visit_files(archive: Archive, show: Show) -> Visit:
    """Look at the recordings of a folder, hash those that are new or were changed, keep them.

    Raises:
        OSError: nothing can be written.
    """
    work = _Work(archive, show)
    if show.kind is Kind.FOLDER and not Path(show.source).is_dir():
        return failed(archive, show, f"the folder {show.source!r} is not there")
    for path in _paths(archive, show):
        work.look_at(path)
    seen = replace(
        show,
        files=work.files,
        warnings=tuple(work.warnings),
        checked=now(),
        error="",
        failures=0,
    )
    archive.shows.put(seen)
    return Visit(show=seen, new=work.new, changed=work.changed)


@dataclass(slots=True)
class _Work:
    archive: Archive
    show: Show
    files: dict[str, KnownFile] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    new: int = 0
    changed: int = 0

    def look_at(self, path: str) -> None:
        """Take a file in, unless it is as it was."""
        known = self.show.files.get(path)
        try:
            found = Path(path).stat()
            if known and (found.st_size, found.st_mtime_ns) == (known.size, known.mtime_ns):
                self.files[path] = known
                if known.episode in self.archive.ledger:
                    return  # else its record was lost, and is made anew
            sha256 = hashed(path)
        except OSError as error:
            self.warnings.append(f"{path!r} can't be read: {error.strerror}")
            return
        id = made_id("file", sha256)
        if known and known.episode and known.episode != id:
            self._without_audio(known.episode, path)
        self.files[path] = KnownFile(found.st_size, found.st_mtime_ns, id)
        self._keep(id, path, sha256, found)

    def _keep(self, id: str, path: str, sha256: str, found: os.stat_result) -> None:
        with self.archive.ledger.locked(id) as held:
            if not held:  # in work: it will be looked at again
                del self.files[path]
                return
            old = self.archive.ledger.get(id)
            if old is None:
                self.archive.ledger.put(_record(self.show, id, path, sha256, found))
                self.new += 1
            elif not Path(old.episode.enclosure.path).is_file():
                self._move(old, path)

    def _move(self, record: EpisodeRecord, path: str) -> None:
        enclosure = replace(record.episode.enclosure, path=path)
        moved = replace(record, episode=replace(record.episode, enclosure=enclosure))
        self.archive.ledger.put(moved)
        self.changed += bool(path)

    def _without_audio(self, id: str, path: str) -> None:
        """Note that the audio of an episode is gone: another recording lies in its place."""
        with self.archive.ledger.locked(id) as held:
            old = self.archive.ledger.get(id) if held else None
            if old is not None and old.episode.enclosure.path == path:
                self._move(old, "")


def _paths(archive: Archive, show: Show) -> list[str]:
    if show.kind is Kind.FILES:
        return list(show.files)
    try:
        found = expand([show.source])
    except ClipMissing:
        return []
    own = f"{archive.folder.resolve()}{os.sep}"
    return [path for path in found if not path.startswith(own)]


def _record(show: Show, id: str, path: str, sha256: str, found: os.stat_result) -> EpisodeRecord:
    moment = datetime.fromtimestamp(found.st_mtime, UTC)
    episode = Episode(
        id=id,
        show=show.title,
        title=one_line(Path(path).stem) or Path(path).name,
        enclosure=Enclosure(path=path, size=found.st_size, sha256=sha256),
        feed=show.id,
        published=moment.isoformat(timespec="seconds"),
    )
    return EpisodeRecord(episode=episode)


def hashed(path: str | Path) -> str:
    """Return the SHA-256 of a file in hex."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
