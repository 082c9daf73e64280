"""Run a command as a child and measure it: seconds, CPU seconds, peak memory."""

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

    `ru_maxrss` won't do: on Linux a child begins with that of its parent. The sum of the marks of
    several processes is at least what they took together, never less.
    """

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._pid = pid
        self._marks: dict[int, int] = {}
        self._ended = threading.Event()

    @property
    def peak_kb(self) -> int:
        """The sum of all marks."""
        return sum(self._marks.values())

    def run(self) -> None:
        pause = 0.01
        while not self._ended.wait(pause):
            for pid in _family(self._pid):
                self._look(pid)
            pause = min(0.1, pause * 1.2)

    def stop(self) -> None:
        self._ended.set()
        self.join()

    def _look(self, pid: int) -> None:
        try:
            status = Path(f"/proc/{pid}/status").read_text()
        except OSError:
            return
        mark = status.partition("VmHWM:")[2].split()
        if mark:
            self._marks[pid] = max(self._marks.get(pid, 0), int(mark[0]))


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
