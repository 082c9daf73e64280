"""How one run of the program behaves: quiet, verbose, colour, language. Set by options."""

import os
import sys
from dataclasses import dataclass
from typing import TextIO

from qwa.words import in_chinese, locale_language


class Unread(Exception):
    """Nobody reads stdout any more: `qwa … | head -1` has its line."""


@dataclass(slots=True)
class Manners:
    """The one mutable value of a run: options fill it while the command line is read."""

    quiet: bool = False
    verbose: bool = False
    lang: str | None = None

    @property
    def language(self) -> str:
        """The language of the interface, "en" or "zh"."""
        return self.lang or locale_language()

    def words(self, english: str) -> str:
        """Return interface text in the language of this run."""
        return in_chinese(english) if self.language == "zh" else english

    def counted(self, english: str, count: int, **values: str) -> str:
        """Return interface text about so many episodes; of one it says so."""
        text = self.words(english).format(count=count, **values)
        return text.replace("episodes", "episode", 1) if count == 1 else text

    def tell(self, message: str, *, kind: str = "") -> None:
        """Write one line for the person to stderr, unless told to be quiet."""
        if self.quiet:
            return
        label = f"{self.words(kind)}: " if kind else ""
        write_line(sys.stderr, paint(f"{label}{message}", "33" if kind else "2", sys.stderr))


def coloured(stream: TextIO) -> bool:
    """Whether colours belong into the stream (https://no-color.org, force-color.org)."""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def paint(text: str, code: str, stream: TextIO) -> str:
    """Return the text in the colour of an SGR code, where the stream shows colours."""
    return f"\x1b[{code}m{text}\x1b[0m" if text and coloured(stream) else text


def printable(text: str) -> str:
    """Return the text without control characters: names and titles must not steer a terminal."""
    return "".join(char if char.isprintable() or char == " " else "�" for char in text)


def write_line(stream: TextIO, text: str) -> None:
    """Write a line whatever the stream's encoding; what it cannot show becomes an escape."""
    encoding = stream.encoding or "utf-8"
    try:
        stream.write(text.encode(encoding, "backslashreplace").decode(encoding) + "\n")
        stream.flush()
    except BrokenPipeError as error:  # typer would make an exit code of its own of it
        raise Unread from error
