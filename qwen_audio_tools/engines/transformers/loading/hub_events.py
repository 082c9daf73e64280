"""What a process that fetches a model tells its parent: one JSON object a line, on stdout."""

import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from threading import Lock, Thread
from time import sleep

SECONDS_BETWEEN = 0.2


class Failure(Exception):
    """Why nothing came: `kind` is one that the parent knows, the message what the hub said."""

    def __init__(self, kind: str, said: str) -> None:
        super().__init__(said)
        self.kind = kind


def check_room(folder: Path, needed: int) -> None:
    """Fail if `needed` bytes have no room where the folder is, or will be."""
    there = next(parent for parent in (folder, *folder.parents) if parent.exists())
    free = shutil.disk_usage(there).free
    if needed > free:
        raise Failure("disk", f"{needed / 1e9:.1f} GB are needed, {free / 1e9:.1f} GB are free")


class Events:
    """Reports of one process; safe to use from several threads."""

    def __init__(self) -> None:
        # What the hub's library prints must not come between: it goes to stderr from here on.
        self._stream = os.fdopen(os.dup(1), "w", encoding="utf-8")
        os.dup2(2, 1)
        self._lock, self._writing = Lock(), Lock()
        self._done = self._total = 0
        Thread(target=_end_with_parent, daemon=True).start()

    def expect(self, total: int, done: int = 0) -> None:
        """Set how many bytes there will be, and how many are here; from now on they are told."""
        self._done, self._total = done, total
        Thread(target=self._tell, daemon=True).start()

    def add(self, count: int) -> None:
        """Count `count` more bytes; negative if some must be fetched again."""
        with self._lock:
            self._done += count

    def finish(self, work: Callable[["Events"], str]) -> None:
        """Run `work`, which returns the folder of the model, and report how it ended."""
        try:
            folder = work(self)
        except Failure as failure:
            self._write(failed=failure.kind, said=str(failure))
        else:
            self._write(done=self._total, total=self._total)
            self._write(folder=folder)

    def _tell(self) -> None:
        # Steadily, also while nothing comes: the parent may want to give up just then.
        while True:
            self._write(done=self._done, total=self._total)
            sleep(SECONDS_BETWEEN)

    def _write(self, **event: object) -> None:
        with self._writing:
            self._stream.write(json.dumps(event) + "\n")
            self._stream.flush()


def _end_with_parent() -> None:
    # The parent holds the other end of stdin: it closes even if the parent is killed.
    sys.stdin.buffer.read()
    os._exit(1)
