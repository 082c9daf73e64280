"""An answer on its way to a terminal: shown in pieces as they come."""

import sys
from collections.abc import Iterator
from contextlib import suppress

from qwa.manners import Unread, printable, write_line
from qwa.progress import Bar
from qwen_audio_tools.engines.base import Delta


def shown(deltas: Iterator[Delta], bar: Bar) -> Iterator[Delta]:
    """Yield the deltas, each after its text is on stdout; at the end, the line is ended."""
    begun = ended = False
    try:
        for delta in deltas:
            text = delta.text if begun else delta.text.lstrip()
            if text:
                if not begun:
                    bar.clear()
                begun, ended = True, text.endswith("\n")
                _write(text)
            yield delta
    finally:
        if close := getattr(deltas, "close", None):
            close()
        if begun and not ended:
            with suppress(Unread):  # an interrupt must not become another error
                write_line(sys.stdout, "")


def _write(text: str) -> None:
    encoding = sys.stdout.encoding or "utf-8"
    lines = "\n".join(printable(line) for line in text.replace("\t", "    ").split("\n"))
    try:
        sys.stdout.write(lines.encode(encoding, "backslashreplace").decode(encoding))
        sys.stdout.flush()
    except BrokenPipeError as error:
        raise Unread from error
