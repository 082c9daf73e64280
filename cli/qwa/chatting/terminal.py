"""Where the lines of a chat come from: a person at a terminal, or a pipe."""

import contextlib
import glob
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from qwa.chatting.commands import COMMANDS
from qwen_audio_tools.folders import data_folder

KEPT_LINES = 1000
FENCE = '"""'
Lines = Callable[[str], str | None]
"""Called with a prompt; returns the next entry, None when there is no more."""


def is_person() -> bool:
    """Whether somebody sits at stdin."""
    return sys.stdin is not None and not sys.stdin.closed and sys.stdin.isatty()


def piped(prompt: str) -> str | None:
    """Return the next line of stdin, each one a turn."""
    if sys.stdin is None or sys.stdin.closed:
        return None
    line = sys.stdin.readline()
    return line.rstrip("\r\n") if line else None


def typed(prompt: str) -> str | None:
    """Return what a person enters: a line, lines that end in a backslash, or a fenced block.

    Raises:
        KeyboardInterrupt: Ctrl-C was pressed; what was typed is dropped.
    """
    line = _line(prompt)
    if line is None:
        return None
    if line.strip().startswith(FENCE):
        return _block(line.strip().removeprefix(FENCE))
    lines = [line]
    while lines[-1].endswith("\\"):
        lines[-1] = lines[-1][:-1]
        lines.append(_line("… ") or "")
    return "\n".join(lines)


def _block(first: str) -> str:
    lines: list[str] = [first] if first else []
    while not (lines and lines[-1].rstrip().endswith(FENCE)):
        line = _line("… ")
        if line is None:
            return "\n".join(lines)
        lines.append(line)
    lines[-1] = lines[-1].rstrip().removesuffix(FENCE)
    return "\n".join(lines)


def _line(prompt: str) -> str | None:
    if not sys.stdout.isatty():  # the answers go elsewhere; what a person sees is stderr
        sys.stderr.write(prompt)
        sys.stderr.flush()
        prompt = ""
    with contextlib.suppress(EOFError):
        return input(prompt)
    return None


class History:
    """The lines of earlier chats, for the arrow keys; a file that only its owner reads."""

    def __init__(self) -> None:
        self._path = data_folder() / "chat_history"
        self._readline = _readline()
        if self._readline is None:
            return
        with contextlib.suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            os.close(os.open(self._path, os.O_CREAT | os.O_WRONLY, 0o600))
            self._path.chmod(0o600)
            self._readline.read_history_file(self._path)
        self._readline.set_history_length(KEPT_LINES)
        self._readline.set_completer_delims("")  # names of files may hold anything
        self._readline.set_completer(_complete)
        libedit = "libedit" in (self._readline.__doc__ or "")
        self._readline.parse_and_bind("bind ^I rl_complete" if libedit else "tab: complete")

    def __call__(self, prompt: str) -> str | None:
        """Return what a person enters next, and keep it at once: windows are closed on chats."""
        entry = typed(prompt)
        self._keep()
        return entry

    def _keep(self) -> None:
        if self._readline is None:
            return
        with contextlib.suppress(OSError):
            self._readline.write_history_file(self._path)
            self._path.chmod(0o600)


def _readline() -> Any:
    try:
        import readline
    except ImportError:  # Windows, and some builds of Python
        return None
    return readline


def _complete(text: str, state: int) -> str | None:
    return dict(enumerate(completions(text))).get(state)


def completions(text: str) -> list[str]:
    """Return the lines that a line may be completed to: commands, and files after /audio."""
    command, space, name = text.partition(" ")
    if not space:
        return [f"{each} " for each in COMMANDS if each.startswith(text) and text]
    if command not in ("/audio", "/save"):
        return []
    found = sorted(glob.glob(f"{glob.escape(os.path.expanduser(name))}*"))  # noqa: PTH111, PTH207
    return [f"{command} {path}{os.sep if Path(path).is_dir() else ''}" for path in found]
