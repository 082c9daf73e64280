"""Keep what C libraries print away from stderr: it is meant for their authors, not for people."""

import io
import os
import sys

from qwa.manners import Manners


def hush(manners: Manners) -> None:
    """Leave stderr to us: libmpg123, libav and onnxruntime write their remarks nowhere.

    What matters of them is in the answer's warnings. With -v everything is shown.
    """
    try:
        if manners.verbose or sys.stderr.fileno() != 2:
            return
    except (OSError, ValueError, AttributeError):  # closed, or not a real stream
        return
    sys.stderr.flush()
    ours = os.fdopen(os.dup(2), "wb", 0)
    encoding, errors = sys.stderr.encoding, sys.stderr.errors or "backslashreplace"
    sys.stderr = io.TextIOWrapper(ours, encoding, errors, write_through=True)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
