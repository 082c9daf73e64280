"""ClipStore: a folder of clips named by their content, for ids that stand for audio everywhere.

Bytes are kept as they came, under the first 12 hex digits of their SHA-256, beside a small JSON
file. Everything is written to a temporary name and moved into place, so two processes can share a
folder; the clip that was used longest ago goes first when the folder is over its budget.
"""

import contextlib
import hashlib
import json
import os
import re
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

from qwen_audio_tools.clip import Clip
from qwen_audio_tools.clip_reading import Stored
from qwen_audio_tools.decoding.limits import Limits
from qwen_audio_tools.errors import ClipMissing, ClipTooLong
from qwen_audio_tools.folders import data_folder
from qwen_audio_tools.sources import SourcePolicy, person

_ID = re.compile(r"[0-9a-f]{12}")
_GIB = 2**30
MEDIA_TYPES = {
    "wav": "audio/wav",
    "w64": "audio/x-w64",
    "mp3": "audio/mpeg",
    "flac": "audio/flac",
    "ogg": "audio/ogg",
    "mp4": "audio/mp4",
    "webm": "audio/webm",
    "matroska": "audio/x-matroska",
    "aac": "audio/aac",
    "amr": "audio/amr",
    "aiff": "audio/aiff",
    "caf": "audio/x-caf",
}
"""Media types by container, as `AudioInfo` names it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredInfo:
    """What a store knows of a clip; `seconds` is None where only decoding could tell."""

    id: str
    name: str
    seconds: float | None
    media_type: str
    size: int


class ClipStore:
    """Clips by id. `budget` in bytes for all of them; `limits` for each that comes in.

    The folder is `clips` in the user's data folder unless another is given.
    """

    def __init__(
        self,
        folder: str | Path | None = None,
        limits: Limits | None = None,
        *,
        budget: int = 20 * _GIB,
    ) -> None:
        self.folder = Path(folder) if folder is not None else data_folder() / "clips"
        self.limits = limits or Limits()
        self.budget = budget

    def put(
        self, source: Any, name: str | None = None, *, policy: SourcePolicy | None = None
    ) -> str:
        """Keep a source's bytes (or a clip's span as 16 kHz WAV) and return its id.

        Raises:
            ClipError: it can't be opened, or holds no audio that is taken; nothing is kept then.
        """
        clip = source if isinstance(source, Clip) else Clip(source, policy=policy or person())
        self.folder.mkdir(parents=True, exist_ok=True)
        number, path = tempfile.mkstemp(prefix=".new-", dir=self.folder)
        fresh = Path(path)
        try:
            with os.fdopen(number, "wb") as file:
                digest = self._copy(clip, file)
            found = digest[:12]
            kept = Clip(Stored(found, fresh), policy=person(self.limits))
            info = StoredInfo(
                id=found,
                name=name or Path(clip.name).name,
                seconds=kept.info.duration,
                media_type=MEDIA_TYPES.get(kept.info.container, "application/octet-stream"),
                size=kept.info.size,
            )
            if not self._path(found).exists():
                self._write_info(info)
            fresh.replace(self._path(found))
        finally:
            fresh.unlink(missing_ok=True)
        self._evict(keep=found)
        return found

    def _copy(self, clip: Clip, file: BinaryIO) -> str:
        digest, size = hashlib.sha256(), 0
        for chunk in clip.file_bytes():
            size += len(chunk)
            if size > self.budget:
                raise ClipTooLong(f"{clip.name!r} is over the store's {self.budget:,} bytes")
            self.limits.check_size(size, clip.name)
            digest.update(chunk)
            file.write(chunk)
        return digest.hexdigest()

    def get(self, id: str) -> Clip:
        """Return the clip with this id.

        Raises:
            ClipMissing: no clip has it.
        """
        path = self._existing(id)
        with contextlib.suppress(OSError):
            os.utime(path)  # its time of change is its last use
        policy = SourcePolicy(roots=(self.folder.resolve(),), limits=self.limits)
        return Clip(Stored(id, path), policy=policy, title=self.info(id).name)

    def info(self, id: str) -> StoredInfo:
        """Return name, seconds, media type and size; ClipMissing if there is none."""
        path = self._existing(id)
        try:
            return StoredInfo(**json.loads(path.with_suffix(".json").read_text("utf-8")))
        except (OSError, ValueError, TypeError) as error:
            raise ClipMissing(f"clip {id!r} was kept only in part", hint="put it again") from error

    def remove(self, id: str) -> None:
        """Forget a clip; ClipMissing if there is none."""
        path = self._existing(id)
        path.unlink(missing_ok=True)
        path.with_suffix(".json").unlink(missing_ok=True)

    def __contains__(self, id: object) -> bool:
        return isinstance(id, str) and bool(_ID.fullmatch(id)) and self._path(id).is_file()

    def __iter__(self) -> Iterator[str]:
        """Yield all ids, in order."""
        if self.folder.is_dir():
            yield from sorted(p.stem for p in self.folder.glob("*.clip") if _ID.fullmatch(p.stem))

    def _path(self, id: str) -> Path:
        return self.folder / f"{id}.clip"

    def _existing(self, id: str) -> Path:
        # The id may come from a model: nothing but twelve hex digits ever becomes a path.
        if id not in self:
            raise ClipMissing(
                f"no clip {id!r} in {str(self.folder)!r}; an id is 12 hex digits",
                hint="put the file first",
            )
        return self._path(id)

    def _write_info(self, info: StoredInfo) -> None:
        number, path = tempfile.mkstemp(prefix=".new-", dir=self.folder)
        with os.fdopen(number, "w", encoding="utf-8") as file:
            json.dump(asdict(info), file, ensure_ascii=False)
        Path(path).replace(self._path(info.id).with_suffix(".json"))

    def _evict(self, keep: str) -> None:
        used: list[tuple[float, int, str]] = []
        for id in self:
            with contextlib.suppress(OSError):
                found = self._path(id).stat()
                used.append((found.st_mtime, found.st_size, id))
        total = sum(size for _, size, _ in used)
        for _, size, id in sorted(used):
            if total <= self.budget:
                return
            if id != keep:
                with contextlib.suppress(ClipMissing):
                    self.remove(id)
                total -= size
