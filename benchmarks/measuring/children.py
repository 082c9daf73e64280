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
    """What a child took, and what it printed and `said` on stderr; `cpu` and `mb` are its own."""

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
    """Reads the kernel's own high-water mark of a child until it ends.

    `ru_maxrss` won't do: on Linux a child begins with that of its parent.
    """

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.peak_kb = 0
        self._status = Path(f"/proc/{pid}/status")
        self._ended = threading.Event()

    def run(self) -> None:
        pause = 0.01
        while not self._ended.wait(pause):
            self._look()
            pause = min(0.1, pause * 1.2)

    def stop(self) -> None:
        self._ended.set()
        self.join()

    def _look(self) -> None:
        try:
            status = self._status.read_text()
        except OSError:
            return
        mark = status.partition("VmHWM:")[2].split()
        if mark:
            self.peak_kb = max(self.peak_kb, int(mark[0]))
