"""LanceDB as the store uses it: opened on first use, locked while written, its errors as ours."""

import contextlib
import random
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

from qwen_audio_tools.errors import ArchiveError, MissingExtra, QwenAudioError
from qwen_audio_tools.locking import locked

T = TypeVar("T")

_WAITS = (0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2)
"""Seconds between tries where nothing keeps others from writing; each is drawn about it."""
CONFLICTS = ("commit conflict", "already exists", "concurrent", "preempted")
BEING_MADE = ("was not found",)
"""Of a table that is listed: its first version is still being written."""


def connected(uri: str) -> Any:
    """Return a connection to a folder, or to what LanceDB takes as an address.

    Raises:
        MissingExtra: LanceDB is not installed.
    """
    try:
        import lancedb
    except ModuleNotFoundError as error:
        raise MissingExtra(
            "LanceAudioStore needs packages that are not installed: lancedb",
            hint="pip install 'qwen-audio-tools[archive,llamaindex]'",
        ) from error
    return lancedb.connect(_place(uri))


@contextlib.contextmanager
def writing(uri: str, table: str) -> Iterator[None]:
    """Keep other processes from writing to a table in a folder; object stores see to it alone."""
    place = _place(uri)
    if "://" in place:
        yield
        return
    Path(place).mkdir(parents=True, exist_ok=True)
    with locked(Path(place) / f"{table}.lock"):
        yield


def patiently(work: Callable[[], T], over: Sequence[str] = CONFLICTS) -> T:
    """Do it again, for some seconds, while it fails over what others do at the same time.

    `over` are parts of what LanceDB says then; what it says last is raised.
    """
    for wait in _WAITS:
        try:
            return work()
        except Exception as error:
            if not any(each in str(error).lower() for each in over):
                raise
            time.sleep(wait * random.uniform(0.5, 1.5))
    return work()


@contextlib.contextmanager
def told(what: str, uri: str) -> Iterator[None]:
    """Turn what LanceDB raises into an error of ours.

    Raises:
        ArchiveError: it failed.
    """
    try:
        yield
    except QwenAudioError:
        raise
    except Exception as error:
        why = " ".join(str(error).split())[:200]
        raise ArchiveError(f"the nodes in {uri!r} can't be {what}: {why}") from error


def _place(uri: str) -> str:
    return uri if "://" in uri else str(Path(uri).expanduser())
