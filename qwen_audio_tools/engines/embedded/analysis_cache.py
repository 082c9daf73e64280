"""What the experts found in a clip, kept on disk by content hash, so that no clip is heard twice.

A record is a dict of JSON values and arrays under (clip fingerprint, expert key); the key carries
the expert's version. Losing the folder costs time, never data, so no failure here is an error.
"""

import contextlib
import io
import json
import os
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from qwen_audio_tools import settings
from qwen_audio_tools.folders import cache_folder

Record = dict[str, Any]

_META = "__meta__"


def folder() -> Path:
    """Return the folder of the records (`QWA_ANALYSES`, else inside the cache folder)."""
    own = os.environ.get("QWA_ANALYSES")
    return Path(own).expanduser() if own else cache_folder() / "analyses"


def get(fingerprint: str, key: str) -> Record | None:
    """Return the record, or None if there is none or it is damaged."""
    path = _path(fingerprint, key)
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as stored:
            record: Record = json.loads(str(stored[_META][()]))
            record |= {name: stored[name] for name in stored.files if name != _META}
        os.utime(path)  # the clean-up goes by last use
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
    return record


def put(fingerprint: str, key: str, record: Record) -> bool:
    """Keep a record; tell whether that was possible (a full or read-only disk is no error)."""
    if _budget() <= 0:
        return False
    arrays = {name: value for name, value in record.items() if isinstance(value, np.ndarray)}
    meta = {name: value for name, value in record.items() if name not in arrays}
    packed = io.BytesIO()
    stored: dict[str, Any] = {_META: np.array(json.dumps(meta)), **arrays}
    np.savez_compressed(packed, **stored)
    path = _path(fingerprint, key)
    temporary = ""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
            temporary = file.name
            file.write(packed.getvalue())
        Path(temporary).replace(path)
    except OSError:
        if temporary:
            with contextlib.suppress(OSError):
                Path(temporary).unlink()
        return False
    return True


def trim() -> int:
    """Remove the records unused for longest until the folder fits its budget; return how many."""
    found = []
    for path in folder().glob("*/*.npz"):
        with contextlib.suppress(OSError):
            status = path.stat()
            found.append((status.st_mtime, status.st_size, path))
    excess = sum(size for _, size, _ in found) - _budget()
    removed = 0
    for _, size, path in sorted(found):
        if excess <= 0:
            break
        with contextlib.suppress(OSError):
            path.unlink()
            excess -= size
            removed += 1
    return removed


def _budget() -> int:
    """Return the bytes that the setting `analysis_cache_mb` allows."""
    return settings.read().analysis_cache_mb * 1_000_000


def _path(fingerprint: str, key: str) -> Path:
    return folder() / fingerprint[:40] / f"{key}.npz"
