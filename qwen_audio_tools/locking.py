"""Lock files: held against other threads and processes; a dead holder lets go by itself."""

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

_AGAIN_S = 0.05


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock file, waiting for whoever holds it; the file stays where it is."""
    with path.open("a+b") as file:
        while not _try_lock(file):
            time.sleep(_AGAIN_S)
        yield


@contextlib.contextmanager
def try_locked(path: Path) -> Iterator[bool]:
    """Give True and hold the lock file until the end, or give False at once if another holds it.

    The file is removed at the end, so that a folder of many locks holds only those in use.
    """
    file = _locked_file(path)
    if file is None:
        yield False
        return
    try:
        yield True
    finally:
        with contextlib.suppress(OSError):  # Windows removes no file that is open
            path.unlink()
        file.close()


def _locked_file(path: Path) -> IO[bytes] | None:
    """Return the open file with its lock, or None where another holds it."""
    while True:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("a+b")
        if not _try_lock(file):
            file.close()
            return None
        # Who held it before may have removed this very file: then its lock is worth nothing.
        with contextlib.suppress(OSError):
            if os.path.samestat(os.fstat(file.fileno()), path.stat()):
                return file
        file.close()


if os.name == "nt":  # pragma: no cover

    def _try_lock(file: IO[bytes]) -> bool:
        import msvcrt

        file.seek(0)
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
        except OSError:
            return False
        return True

else:

    def _try_lock(file: IO[bytes]) -> bool:
        import fcntl

        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
