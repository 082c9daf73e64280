"""Write a file so that nobody ever sees half of it."""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def replaced(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path`; what was written there takes its place on success."""
    number, name = tempfile.mkstemp(prefix=f".{path.name[:60]}-", dir=path.parent)
    os.close(number)
    fresh = Path(name)
    try:
        yield fresh
        # mkstemp keeps others out; a result is as open as any file that the user makes.
        mask = os.umask(0)
        os.umask(mask)
        fresh.chmod(0o666 & ~mask)
        fresh.replace(path)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise
