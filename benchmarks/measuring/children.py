"""Run a command as a child and measure it: seconds, CPU seconds, peak memory."""

import contextlib
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

QWA = Path(sys.executable).parent / "qwa"
"""The installed command, next to the interpreter that runs this."""


@dataclass(frozen=True, slots=True)
class Used:
    """What a child and its children took, and what it printed and `said` on stderr."""

    wall: float
    cpu: float
    mb: float
    printed: str = ""
    said: str = ""


def run(command: Sequence[str | Path], environment: Mapping[str, str] | None = None) -> Used:
    """Run to the end; raises RuntimeError with what it said if it failed.

    Every child gets one OpenBLAS thread, ours and others: idle spinning helpers would only blur.
    """
    settings = {
        **os.environ,
        "OPENBLAS_NUM_THREADS": "1",
        "QWA_NO_PROGRESS": "1",
        **(environment or {}),
    }
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        began = time.perf_counter()
        child = subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL, stdout=out, stderr=err, env=settings,
        )  # fmt: skip
        watch = _Watch(child.pid)
        watch.start()
        _, status, usage = os.wait4(child.pid, 0)
        wall = time.perf_counter() - began
        child.returncode = os.waitstatus_to_exitcode(status)
        watch.stop()
        out.seek(0)
        err.seek(0)
        printed, said = out.read().decode(errors="replace"), err.read().decode(errors="replace")
    if child.returncode:
        raise RuntimeError(f"{command} failed with {child.returncode}: {said[-1000:]}")
    return Used(
        wall=wall,
        cpu=usage.ru_utime + usage.ru_stime,
        mb=watch.peak_kb / 1024 or usage.ru_maxrss / 1024,
        printed=printed,
        said=said,
    )


class _Watch(threading.Thread):
    """Reads the kernel's own high-water marks of a child and of its children until it ends.

    The peak is the highest sum of the marks within one look of 20 ms, each mark being set anew
    after it was read: what all took at one time, or a little more. Where marks can't be set anew
    it may be a good deal more. `ru_maxrss` won't do: on Linux a child begins with that of
    its parent, and of several processes it tells the largest alone.
    """

    _LOOK_S = 0.02
    _FAMILY_S = 0.1

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._pid = pid
        self._ended = threading.Event()
        self.peak_kb = 0

    def run(self) -> None:
        """Look until `stop`."""
        family, counted = {self._pid}, 0.0
        while not self._ended.wait(self._LOOK_S):
            if time.monotonic() - counted >= self._FAMILY_S:
                family, counted = _family(self._pid), time.monotonic()
            self.peak_kb = max(self.peak_kb, sum(map(_mark, family)))

    def stop(self) -> None:
        """End it, and wait for it."""
        self._ended.set()
        self.join()


def _mark(pid: int) -> int:
    """Return the high-water mark of a process since the last look, in kB; 0 if it is gone."""
    process = Path("/proc") / str(pid)
    try:
        mark = (process / "status").read_text().partition("VmHWM:")[2].split()
    except OSError:
        return 0
    with contextlib.suppress(OSError):
        (process / "clear_refs").write_text("5")
    return int(mark[0]) if mark else 0


def _family(pid: int) -> set[int]:
    """Return a process and all that came from it, as far as they run."""
    parents = dict(filter(None, map(_parentage, Path("/proc").glob("[0-9]*"))))
    family = {pid}
    while born := {child for child, parent in parents.items() if parent in family} - family:
        family |= born
    return family


def _parentage(process: Path) -> tuple[int, int] | None:
    try:
        # "pid (name) state parent …", where a name may hold anything.
        return int(process.name), int((process / "stat").read_text().rpartition(")")[2].split()[1])
    except (OSError, IndexError):
        return None
