"""Answers for a person to read: the answer first, then what it rests on, short."""

from collections.abc import Iterable, Iterator
from unicodedata import east_asian_width

from qwa.manners import Manners, printable
from qwen_audio_tools.answer import Answer, Evidence

SHOWN = 12
"""Lines of evidence that a person is shown; --json has them all."""
TEXT_COLUMNS = 96
QUOTED = frozenset({"speech", "near", "translation"})
SCORED = frozenset({"sound", "emotion", "language", "music"})
UNSURE = 0.6  # below this, words that were heard carry their score too


def answer_text(answer: Answer, manners: Manners) -> str:
    """Return the answer, a blank line and its evidence."""
    text = "\n".join(printable(line) for line in answer.text.strip().splitlines())
    lines = list(evidence_lines(answer.evidence, manners))
    return "\n".join([text, "", *lines] if lines else [text])


def heading(source: str) -> str:
    """Return the line above an answer where there are several clips."""
    return f"== {printable(source)} =="


def evidence_lines(evidence: Iterable[Evidence], manners: Manners) -> Iterator[str]:
    """Yield a line for each piece of evidence: times, kind, text, and the score if it matters."""
    items = list(evidence)
    shown = items[:SHOWN]
    kinds = [manners.words(item.kind) for item in shown]
    times = [_times(item, manners) for item in shown]
    kind_width = max(map(_columns, kinds), default=0)
    time_width = max(map(_columns, times), default=0)
    for item, kind, time in zip(shown, kinds, times, strict=True):
        yield f"  {_padded(time, time_width)}  {_padded(kind, kind_width)}  {_words(item)}"
    if len(items) > SHOWN:
        more = manners.words("and {count} more (--json shows all)")
        yield "  … " + more.format(count=len(items) - SHOWN)


def seconds_text(seconds: float) -> str:
    """Return a time as 0:03.2, or 1:02:03.4 from an hour on."""
    tenths = round(seconds * 10)
    minutes, rest = divmod(tenths, 600)
    if minutes < 60:
        return f"{minutes}:{rest // 10:02d}.{rest % 10}"
    return f"{minutes // 60}:{minutes % 60:02d}:{rest // 10:02d}.{rest % 10}"


def table(rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    """Yield lines with columns of equal width; Chinese characters take two places."""
    kept = [tuple(printable(cell) for cell in row) for row in rows]
    widths = [max(_columns(cell) for cell in column) for column in zip(*kept, strict=True)]
    for row in kept:
        cells = [_padded(cell, width) for cell, width in zip(row, widths, strict=True)]
        yield "  ".join(cells).rstrip()


def _times(item: Evidence, manners: Manners) -> str:
    if item.start is None or item.end is None:
        return manners.words("whole clip")
    return f"{seconds_text(item.start)}–{seconds_text(item.end)}"


def _words(item: Evidence) -> str:
    text = _short(printable(" ".join(item.text.split())))
    text = f"“{text}”" if item.kind in QUOTED else text
    matters = item.kind in SCORED or (item.kind in QUOTED and (item.score or 1.0) < UNSURE)
    return f"{text}  {item.score:.0%}" if item.score is not None and matters else text


def _short(text: str) -> str:
    if _columns(text) <= TEXT_COLUMNS:
        return text
    kept, used = [], 0
    for char in text:
        used += _columns(char)
        if used > TEXT_COLUMNS - 1:
            break
        kept.append(char)
    return "".join(kept).rstrip() + "…"


def _columns(text: str) -> int:
    return sum(2 if east_asian_width(char) in "WF" else 1 for char in text)


def _padded(text: str, width: int) -> str:
    return text + " " * (width - _columns(text))
