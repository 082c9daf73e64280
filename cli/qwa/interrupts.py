"""Ctrl-C: no traceback, exit code 130 within a second, and no half-written file left behind."""

import os
import signal
import sys
from _thread import start_new_thread
from pathlib import Path
from types import FrameType
from typing import NoReturn

from qwa.manners import Manners

GRACE_SECONDS = 0.7
unfinished: set[Path] = set()
"""Files that are being written; an interrupt removes them."""


def watch(manners: Manners) -> None:
    """Answer SIGINT from now on, even while a library computes for seconds without returning.

    Python runs signal handlers between its own instructions, so a long call into a library
    would delay them. The interpreter writes to the wake-up pipe at once; a thread reads it,
    gives the main thread a moment to unwind, and then ends the process itself.
    """
    ignored = signal.getsignal(signal.SIGINT) == signal.SIG_IGN
    if ignored:  # started with nohup or in the background of a script: leave it so
        return
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    start_new_thread(_end_when_told, (reader,))

    def unwind(number: int, frame: FrameType | None) -> NoReturn:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # a second one ends it here and now
        _say(manners)
        raise KeyboardInterrupt

    signal.signal(signal.SIGINT, unwind)


def abandon() -> NoReturn:
    """Remove what is half-written and end the process with 130, at once."""
    for path in list(unfinished):
        try:
            path.unlink(missing_ok=True)
        except OSError:
            continue
    os._exit(130)


def _end_when_told(reader: int) -> None:
    import select

    while os.read(reader, 1) != bytes([signal.SIGINT]):
        continue
    select.select([reader], [], [], GRACE_SECONDS)
    abandon()


def _say(manners: Manners) -> None:
    line = manners.words("interrupted; what was finished is kept")
    try:
        stream = sys.stderr.fileno()
        start = "\r\x1b[K" if os.isatty(stream) else ""
        os.write(stream, f"{start}qwa: {line}\n".encode())
        if not manners.verbose:
            # Libraries print tracebacks of what interrupts their callbacks; nobody wants those.
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream)
    except (OSError, ValueError, AttributeError):
        return
