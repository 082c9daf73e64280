"""One open file read by several decoders at once, each with a place of its own."""

import io
import os
import threading
from typing import BinaryIO, cast


def is_lasting(source: object) -> bool:
    """Return whether a source can be opened again and again: paths and bytes, not streams."""
    if isinstance(source, str):
        return source != "-" and not source.lower().startswith(("http://", "https://"))
    return isinstance(source, bytes | bytearray | memoryview | os.PathLike)


class SharedFile:
    """A seekable binary file behind a lock."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.lock = threading.Lock()

    def view(self) -> BinaryIO:
        """Return a binary file over the same bytes, at its own start."""
        return cast(BinaryIO, io.BufferedReader(_View(self), 64 * 1024))


class _View(io.RawIOBase):
    def __init__(self, shared: SharedFile) -> None:
        self._shared = shared
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        if whence == 0:
            self._at = offset
        elif whence == 1:
            self._at += offset
        else:
            with self._shared.lock:
                self._at = self._shared.file.seek(offset, whence)
        return self._at

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        with self._shared.lock:
            self._shared.file.seek(self._at)
            data = self._shared.file.read(len(buffer))
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)
