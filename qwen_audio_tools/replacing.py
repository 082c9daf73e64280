"""Write a file so that nobody ever sees half of it."""

import contextlib
import os
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

_asking = threading.Lock()


@contextlib.contextmanager
def replaced(path: Path, *, durable: bool = False) -> Iterator[Path]:
    """Give a temporary path beside `path`; what was written there takes its place on success.

    With `durable` it is on the disk when this ends, whatever becomes of the machine then.
    """
    number, name = tempfile.mkstemp(prefix=f".{path.name[:60]}-", dir=path.parent)
    os.close(number)
    fresh = Path(name)
    try:
        yield fresh
        # mkstemp keeps others out; a result is as open as any file that the user makes.
        fresh.chmod(0o666 & ~_umask())
        if durable:
            synced(fresh)
        fresh.replace(path)
        if durable:
            synced(path.parent)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise


def _umask() -> int:
    # It can be read only by setting it, which two threads must not do at once.
    with _asking:
        mask = os.umask(0)
        os.umask(mask)
        return mask


def synced(path: Path) -> None:
    """Bring a file, or the names in a folder, to the disk."""
    if os.name == "nt" and path.is_dir():  # pragma: no cover
        return  # there a folder can't be opened, and needs no such care
    number = os.open(path, os.O_RDWR if os.name == "nt" else os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
