"""Cut what was said into passages of some 30 to 60 s that end at pauses.

No passage goes on over the start of a chapter. Where the cuts lie is chosen for all of a chapter
at once: each passage costs by how far it is from the length that is wanted, each cut by how short
the pause is that it lies in and whether a sentence ends there.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

from qwen_audio_tools.archive.records import Chapter
from qwen_audio_tools.spans import Span
from qwen_audio_tools.transcript import Segment

SHORTEST, LONGEST = 30.0, 60.0
_SENTENCE_END = re.compile(r"[.!?…。！？]['\"”’)」』]*$")
_PIECES = re.compile(r".+?(?:[.!?…。！？]['\"”’)」』]*(?:\s+|(?=[^\s\w]|[\u3040-\u9fff]))|$)", re.S)
_CLAUSES = re.compile(r"[^\s,;:，、；]+[,;:，、；]?\s*|[,;:，、；\s]+")
_PAUSE = 1.5
"""Seconds of a pause than which none is better to cut in."""
_PIECE = 15.0
"""Seconds that one segment may have: longer ones are cut at the ends of sentences."""


def passages_of(segments: Sequence[Segment], chapters: Sequence[Chapter]) -> list[list[Segment]]:
    """Return the segments in groups, each a passage, in order of time.

    A segment that is too long, or over which a chapter starts, is cut; the times of its parts are
    reckoned from their share of its characters.
    """
    starts = sorted({chapter.start for chapter in chapters if chapter.start > 0})
    groups: list[list[Segment]] = []
    for part in _by_chapter(segments, starts):
        groups += _cut(part)
    return groups


def chapter_at(second: float, chapters: Sequence[Chapter]) -> str:
    """Return the title of the chapter in which a second lies, or an empty string."""
    title = ""
    for chapter in sorted(chapters, key=lambda each: each.start):
        if chapter.start > second:
            break
        title = chapter.title
    return title


def parts_of(span: Span, chapters: Sequence[Chapter]) -> Iterator[Span]:
    """Yield a stretch in parts no longer than a passage, cut at the starts of chapters."""
    inner = sorted(each.start for each in chapters if span.start < each.start < span.end)
    for start, end in zip((span.start, *inner), (*inner, span.end), strict=True):
        count = max(1, -(-int((end - start) * 1000) // int(LONGEST * 1000)))
        step = (end - start) / count
        for number in range(count):
            last = end if number == count - 1 else start + (number + 1) * step
            yield Span(start + number * step, last)


def _by_chapter(segments: Sequence[Segment], starts: Sequence[float]) -> list[list[Segment]]:
    """Return the segments of each chapter, cut at its bounds, none longer than a few sentences."""
    found: list[list[Segment]] = [[] for _ in range(len(starts) + 1)]
    for segment in segments:
        for piece in _shortened(segment):
            for part in _split_at(piece, [s for s in starts if piece.start < s < piece.end]):
                found[bisect_right(starts, part.start)].append(part)
    return [each for each in found if each]


def _shortened(segment: Segment) -> list[Segment]:
    if segment.end - segment.start <= _PIECE:
        return [segment]
    sentences = [piece for piece in _PIECES.findall(segment.text) if piece.strip()]
    pieces = _timed(segment, sentences)
    if len(pieces) < 2 and segment.end - segment.start > LONGEST:
        return _timed(segment, _evenly(segment.text, segment.end - segment.start))
    return pieces


def _evenly(text: str, seconds: float) -> list[str]:
    """Return the words in parts of about a dozen seconds, where nothing else tells where to cut."""
    words = _CLAUSES.findall(text)
    if len(words) < 2:
        words = list(text)
    count = min(len(words), max(1, round(seconds / _PIECE)))
    bounds = [round(number * len(words) / count) for number in range(count + 1)]
    return ["".join(words[a:b]) for a, b in pairwise(bounds)]


def _timed(segment: Segment, texts: Sequence[str]) -> list[Segment]:
    """Return the texts as segments, each with its share of the time."""
    total = sum(map(len, texts)) or 1
    pace = (segment.end - segment.start) / total
    found, at = [], 0
    for text in texts:
        start, at = at, at + len(text)
        end = segment.end if at == total else segment.start + at * pace
        found.append(
            replace(
                segment,
                text=text.strip(),
                start=round(segment.start + start * pace, 3),
                end=round(end, 3),
            )
        )
    return [each for each in found if each.text] or [segment]


def _split_at(segment: Segment, seconds: Sequence[float]) -> list[Segment]:
    """Return a segment in parts that meet at these seconds, its words shared out by time."""
    if not seconds:
        return [segment]
    words = _CLAUSES.findall(segment.text) or [segment.text]
    length = segment.end - segment.start
    bounds = [segment.start, *seconds, segment.end]
    found, at = [], 0
    for start, end in pairwise(bounds):
        last = (
            len(words) if end == segment.end else round(len(words) * (end - segment.start) / length)
        )
        text = "".join(words[at:last]).strip()
        at = max(at, last)
        if text:
            found.append(replace(segment, text=text, start=start, end=end))
    return found


def _cut(segments: Sequence[Segment]) -> list[list[Segment]]:
    """Return the cheapest cutting of one chapter's segments."""
    count = len(segments)
    best = [0.0] + [float("inf")] * count
    origin = [0] * (count + 1)
    for first in range(count):
        last = first
        while last < count:
            length = segments[last].end - segments[first].start
            if length > LONGEST and last > first:
                break
            cost = best[first] + _length_cost(length) + _cut_cost(segments, last)
            if cost < best[last + 1]:
                best[last + 1], origin[last + 1] = cost, first
            last += 1
    groups, end = [], count
    while end:
        groups.append(list(segments[origin[end] : end]))
        end = origin[end]
    return groups[::-1]


def _length_cost(seconds: float) -> float:
    if seconds >= SHORTEST:
        return 0.0
    return 4.0 * ((SHORTEST - seconds) / SHORTEST) ** 2


def _cut_cost(segments: Sequence[Segment], last: int) -> float:
    """Return what it costs to cut behind a segment: nothing at the end of the chapter."""
    if last + 1 == len(segments):
        return 0.0
    pause = max(0.0, segments[last + 1].start - segments[last].end)
    cost = 1.0 - min(pause, _PAUSE) / _PAUSE
    # Speech that runs on is cut where a sentence ends, rather than in the middle of one.
    return 0.3 + cost + (0.0 if _SENTENCE_END.search(segments[last].text) else 0.5)
