"""Stretches of a recording, in seconds of the recording, and the arithmetic on them."""

from collections.abc import Iterable
from typing import NamedTuple


class Span(NamedTuple):
    """From `start` to `end`, in seconds of the recording."""

    start: float
    end: float

    @property
    def seconds(self) -> float:
        """Length in seconds, never negative."""
        return max(0.0, self.end - self.start)

    def overlap(self, other: "Span") -> float:
        """Return the seconds that both spans share."""
        return max(0.0, min(self.end, other.end) - max(self.start, other.start))


def merge(spans: Iterable[Span], *, gap: float = 0.0) -> tuple[Span, ...]:
    """Return the spans in order, with those joined that overlap or lie within `gap` seconds."""
    joined: list[Span] = []
    for span in sorted(spans):
        if joined and span.start <= joined[-1].end + gap:
            joined[-1] = Span(joined[-1].start, max(joined[-1].end, span.end))
        else:
            joined.append(span)
    return tuple(joined)


def gaps(spans: Iterable[Span], whole: Span) -> tuple[Span, ...]:
    """Return the parts of `whole` that no span covers."""
    found: list[Span] = []
    at = whole.start
    for span in merge(spans):
        if span.start > at:
            found.append(Span(at, min(span.start, whole.end)))
        at = max(at, span.end)
        if at >= whole.end:
            break
    if at < whole.end:
        found.append(Span(at, whole.end))
    return tuple(found)


def total_seconds(spans: Iterable[Span]) -> float:
    """Return how many seconds of the recording the spans cover, overlaps counted once."""
    return sum(span.seconds for span in merge(spans))


def clock(seconds: float, *, tenths: bool = True) -> str:
    """Return a time as people write it: "0:03.2", "12:31.0", "1:02:03.0"."""
    # Round first: 59.96 must become 1:00.0, never 0:60.0.
    count = round(seconds * 10) if tenths else int(seconds) * 10
    minutes, rest = divmod(count, 600)
    hours, minutes = divmod(minutes, 60)
    whole = f"{hours}:{minutes:02d}" if hours else f"{minutes}"
    return f"{whole}:{rest // 10:02d}" + (f".{rest % 10}" if tenths else "")
