"""What a person names on the command line: files, folders, globs, stdin, times, the question."""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from qwa.options import usage
from qwen_audio_tools.errors import ClipMissing
from qwen_audio_tools.sources.naming import SUFFIXES, matches

if TYPE_CHECKING:
    from qwen_audio_tools.clip import Clip

EXAMPLE = 'qwa ask clip.mp3 "what emotion?"'


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """The part of each clip to hear, in seconds; None is its own start or end."""

    start: float | None = None
    end: float | None = None


def split(
    words: Sequence[str], questions: Sequence[str], *, task: str | None
) -> tuple[list[str], tuple[str, ...]]:
    """Tell the files from the question: the last argument that is no file, unless some are given.

    Raises:
        UsageError: there is no file, or neither a question nor a task.
    """
    files = list(words)
    if not questions and (at := _question_at(files)) is not None:
        questions = [files.pop(at)]
    if not files:
        raise usage("no audio file was given", EXAMPLE)
    asked = tuple(question.strip() for question in questions if question.strip())
    if not asked and not task:
        raise usage(f"no question was asked about {files[-1]!r}", EXAMPLE)
    return files, asked


def _question_at(words: Sequence[str]) -> int | None:
    """Return which word is the question: the last one, or else the only one that reads like one."""
    if words and _is_question(words[-1]):
        return len(words) - 1
    like = [at for at, word in enumerate(words) if _is_question(word) and " " in word.strip()]
    return like[0] if len(like) == 1 else None


def _is_question(word: str) -> bool:
    if word == "-" or os.path.lexists(word) or is_address(word):
        return False
    if Path(word).suffix.lower() in SUFFIXES:
        return False  # a file that is missing; asked with spaces in it, --question takes it
    if " " not in word and (word.startswith(("/", "./", "../", "~")) or word.endswith("/")):
        return False
    return not matches(word)


def is_address(word: str) -> bool:
    """Whether the word is an address or a protocol string rather than a path."""
    return re.match(r"[A-Za-z][A-Za-z0-9+.\-]+:\S", word) is not None and " " not in word


def seconds(text: str | None, option: str) -> float | None:
    """Return the seconds that "90", "1:30" or "0:01:30.5" stand for.

    Raises:
        UsageError: it is no time.
    """
    if text is None:
        return None
    if not re.fullmatch(r"(\d+:){0,2}\d+(\.\d+)?", text.strip()):
        raise usage(f"{option} cannot be {text!r}: a time is 90, 1:30 or 0:01:30.5")
    total = 0.0
    for part in text.strip().split(":"):
        total = total * 60 + float(part)
    return total


def part(start: str | None, end: str | None) -> Part:
    """Return the part between two times.

    Raises:
        UsageError: a time is none, or the end is not after the start.
    """
    chosen = Part(start=seconds(start, "--start"), end=seconds(end, "--end"))
    if chosen.end is not None and chosen.end <= (chosen.start or 0.0):
        raise usage(f"--end {end} is not after --start {start or 0}")
    return chosen


def clip(source: str, chosen: Part) -> "Clip":
    """Return the clip of a source; "-" is read from stdin.

    Raises:
        ClipError: nothing is there, or it can't be opened.
    """
    import sys

    from qwen_audio_tools.clip import Clip

    if source == "-":
        if sys.stdin is None or sys.stdin.isatty():
            raise usage("- reads audio from stdin; nothing is piped in", 'qwa ask - "…" < clip.mp3')
    elif not os.path.lexists(source) and not is_address(source):
        raise ClipMissing(
            f"there is no file {source!r}",
            hint=_near(source) or "check the name; folders and globs are taken too",
        )
    return Clip(source, chosen.start, chosen.end)


def _near(source: str) -> str:
    from difflib import get_close_matches

    path = Path(source)
    try:
        near = get_close_matches(path.name, os.listdir(path.parent), n=1, cutoff=0.75)  # noqa: PTH208
    except OSError:
        return ""
    return f"did you mean {str(path.parent / near[0])!r}?" if near else ""
