"""Cues: what a transcript says at a time, put in order, cleaned and joined to sentences."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from qwen_audio_tools.archive.feeds.plain_text import one_line
from qwen_audio_tools.errors import ArchiveError
from qwen_audio_tools.spans import clock
from qwen_audio_tools.transcript import Segment

LONGEST = 24 * 3600.0
MOST = 300_000
_TEXT = 4_000
_JOINED_S, _PAUSE_S = 12.0, 1.0
"""A sentence of several cues is joined up to so many seconds, over pauses up to so many."""
_PACE = 2.5
"""Words a second, for the last cue of a format that tells no ends."""
_SENTENCE_END = re.compile(r"[.!?…。！？]['\"”’)]*$")
_NAMED = re.compile(r"^([^\W\d_][\w .,'’-]{0,40}?):\s+(?=\S)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cue:
    """What is said from `start` on, in seconds; `end` is None where the format tells none."""

    start: float
    text: str
    end: float | None = None
    speaker: str = ""


def segments_of(cues: Iterable[Cue]) -> tuple[tuple[Segment, ...], tuple[str, ...]]:
    """Return segments in order of time, and what had to be mended or left out.

    Raises:
        ArchiveError: no cue has words and a time that makes sense, or there are too many.
    """
    given = [replace(cue, text=one_line(cue.text, _TEXT)) for cue in _bounded(cues)]
    spoken = [cue for cue in given if cue.text]
    sane = [cue for cue in spoken if _is_sane(cue)]
    if not sane:
        raise ArchiveError("it holds no words with times")
    warnings = []
    if len(sane) < len(spoken):
        warnings.append(f"{len(spoken) - len(sane)} cues of the transcript have impossible times")
    ordered = sorted(dict.fromkeys(sane), key=lambda cue: cue.start)
    if at := next((after for cue, after in pairwise(sane) if after.start < cue.start), None):
        warnings.append(f"the transcript's cues were out of order from {clock(at.start)}: sorted")
    return tuple(_joined(_ended(_named(ordered)))), tuple(warnings)


def _bounded(cues: Iterable[Cue]) -> list[Cue]:
    found: list[Cue] = []
    for cue in cues:
        if len(found) == MOST:
            raise ArchiveError(f"it has more than {MOST:,} cues")
        found.append(cue)
    return found


def _is_sane(cue: Cue) -> bool:
    # Of NaN every comparison is false.
    return 0.0 <= cue.start < LONGEST and (cue.end is None or cue.start <= cue.end < LONGEST)


def _named(cues: Sequence[Cue]) -> list[Cue]:
    """Return the cues with the speakers that stand in front of words, "Ann: …", read as such.

    A name counts if it comes back; it holds until another one is named.
    """
    if any(cue.speaker for cue in cues):
        return list(cues)
    found = [_NAMED.match(cue.text) for cue in cues]
    times = Counter(match[1] for match in found if match)
    names = {name for name, count in times.items() if count > 1}
    if not 0 < len(names) <= 20:
        return list(cues)
    speaker, told = "", []
    for cue, match in zip(cues, found, strict=True):
        if match and match[1] in names:
            speaker = match[1]
            cue = replace(cue, text=cue.text[match.end() :])
        told.append(replace(cue, speaker=speaker))
    return told


def _ended(cues: Sequence[Cue]) -> list[Cue]:
    """Return the cues with an end each: where none is told, the next cue's start."""
    ended: list[Cue] = []
    after: Cue | None = None  # the next cue that starts later
    for number in reversed(range(len(cues))):
        cue = cues[number]
        if number + 1 < len(cues) and cues[number + 1].start > cue.start:
            after = cues[number + 1]
        if cue.end is None:
            spoken = cue.start + max(1.0, len(cue.text.split()) / _PACE)
            cue = replace(cue, end=after.start if after else spoken)
        ended.append(cue)
    return ended[::-1]


def _joined(cues: Sequence[Cue]) -> list[Segment]:
    joined: list[Segment] = []
    for cue in cues:
        end = cue.start if cue.end is None else cue.end
        new = Segment(
            start=round(cue.start, 3), end=round(end, 3), text=cue.text, speaker=cue.speaker or None
        )
        if joined and _goes_on(joined[-1], new):
            before = joined[-1]
            text = f"{before.text}{_between(before.text, new.text)}{new.text}"
            joined[-1] = replace(before, end=max(before.end, new.end), text=text)
        else:
            joined.append(new)
    return joined


def _goes_on(before: Segment, new: Segment) -> bool:
    return (
        before.speaker == new.speaker
        and not _SENTENCE_END.search(before.text)
        and -0.2 <= new.start - before.end <= _PAUSE_S
        and new.end - before.start <= _JOINED_S
    )


def _between(before: str, after: str) -> str:
    """Return the space between two pieces of a sentence: none where the script has none."""
    return "" if before[-1] >= "\u3040" and after[0] >= "\u3040" else " "
