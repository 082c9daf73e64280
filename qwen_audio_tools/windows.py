"""Cut long audio into windows that end at pauses, in one streaming pass and constant memory."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from qwen_audio_tools.decoding.limits import RATE
from qwen_audio_tools.errors import ClipError
from qwen_audio_tools.spans import Span, gaps, merge

if TYPE_CHECKING:
    from qwen_audio_tools.clip import Clip, Samples

_FRAME = RATE // 50
"""20 ms: shorter than any sound of speech."""
_PAUSE = 5
"""Frames that a pause is averaged over: 100 ms, so that the closure of a "t" is none."""


class Window(NamedTuple):
    """From `start` to `end`, in seconds of the clip or blocks that were given."""

    start: float
    end: float


def windows(
    clip_or_blocks: Clip | Iterable[Samples],
    max_seconds: float,
    *,
    speech: Iterable[Span] | None = None,
    overlap: float = 0.0,
) -> Iterator[Window]:
    """Yield windows of at most `max_seconds`, together covering every second exactly once.

    Each ends in the last third of what it may hold: in the middle of the last pause between the
    `speech` spans if they are given and there is one, else at the quietest 100 ms. The audio of a
    window is `clip[start:end]`. `overlap` seconds of the window before are heard again in each.

    Raises:
        ClipError: `max_seconds` or `overlap` make no sense.
    """
    if not max_seconds > 0.1 or not 0 <= overlap < max_seconds / 2:
        raise ClipError(
            f"windows of {max_seconds!r} s with {overlap!r} s overlap; "
            "over 0.1 s, and an overlap under half of that, are allowed"
        )
    from qwen_audio_tools.clip import Clip

    if isinstance(clip_or_blocks, Clip):
        blocks: Iterable[Samples] = clip_or_blocks.blocks(1.0)
        if clip_or_blocks.duration <= max_seconds:
            yield Window(0.0, clip_or_blocks.duration)
            return
    else:
        blocks = clip_or_blocks
    spoken = None if speech is None else merge(speech)
    yield from _cut(blocks, max_seconds, spoken, overlap)


def _cut(
    blocks: Iterable[Samples],
    max_seconds: float,
    spoken: Sequence[Span] | None,
    overlap: float,
) -> Iterator[Window]:
    start, fresh = 0.0, 0.0  # where the window begins, and what no window before it held
    at = 0  # samples that the energies cover, all counted from the first block
    energies: list[float] = []
    first = 0  # the frame that energies[0] is
    rest: list[Samples] = []
    for block in blocks:
        rest.append(block)
        found, rest, count = _energies(rest)
        energies.extend(found)
        at += count
        # More than the window must be there: what ends exactly at its limit needs no cut.
        while at / RATE > start + max_seconds:
            earliest = max(fresh, start + max_seconds * 2 / 3)
            cut = _pause(energies, first, Span(earliest, start + max_seconds), spoken)
            yield Window(start, cut)
            start, fresh = max(0.0, cut - overlap), cut
            gone = int(start * 50) - first
            del energies[:gone]
            first += gone
    total = (at + sum(len(block) for block in rest)) / RATE
    while total - start > max_seconds:
        yield Window(start, start + max_seconds)
        start = start + max_seconds - overlap
    if total > fresh:
        yield Window(start, total)


def _energies(blocks: list[Samples]) -> tuple[list[float], list[Samples], int]:
    """Return the energy of each whole frame, the samples left over, and how many were used."""
    import numpy as np

    joined = np.concatenate(blocks)
    frames = len(joined) // _FRAME
    used = joined[: frames * _FRAME].reshape(frames, _FRAME)
    return np.einsum("ij,ij->i", used, used).tolist(), [joined[frames * _FRAME :]], frames * _FRAME


def _pause(energies: list[float], first: int, within: Span, spoken: Sequence[Span] | None) -> float:
    """Return the second to cut at: the last pause in speech, or the middle of the quietest part."""
    if spoken is not None:
        pauses = [gap for gap in gaps(spoken, within) if gap.seconds >= _PAUSE * 0.02]
        if pauses:
            return (pauses[-1].start + pauses[-1].end) / 2
    import numpy as np

    low, high = math.ceil(within.start * 50) - first, math.floor(within.end * 50) - first
    part = np.asarray(energies[low:high])
    if len(part) <= _PAUSE:
        return within.end
    smooth = np.convolve(part, np.ones(_PAUSE), "valid")
    # Of equally quiet places (digital silence), the last: fewer windows.
    quietest = len(smooth) - 1 - int(np.argmin(smooth[::-1]))
    return (first + low + quietest + _PAUSE / 2) / 50
