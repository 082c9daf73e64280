"""From a Clip to the samples that a model hears at once: bounded, checked, never cut in silence."""

import math
import sys
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from qwen_audio_tools.clip import Clip
from qwen_audio_tools.decoding.limits import RATE
from qwen_audio_tools.errors import ClipTooLong

if TYPE_CHECKING:
    from qwen_audio_tools.clip import Samples

SHORTEST = 0.1
"""Seconds. Below some 0.07 s there are too few tokens for a model to know them for audio."""

# One step of 16 bit: what a recorder writes where nothing is heard at all.
_SILENT = 2.0**-15


class Listened(NamedTuple):
    """What is heard of a clip: `samples` may end in padding, `seconds` are the clip's own."""

    samples: "Samples"
    seconds: float
    warnings: tuple[str, ...]


def listen(clip: Clip, window: float) -> Listened:
    """Decode a clip of at most `window` seconds; one under 0.1 s is filled up with silence.

    Raises:
        ClipTooLong: it is longer than the window. Nothing is cut, and no more is decoded.
        ClipError: it can't be read, or holds no numbers.
    """
    samples = _samples(clip, window)
    seconds, warnings = len(samples) / RATE, list(clip.warnings)
    if float(np.abs(samples).max()) < _SILENT:
        warnings.append("silent: no sample of it is louder than the last of 16 bits")
    if missing := max(0, round(SHORTEST * RATE) - len(samples)):
        samples = np.pad(samples, (0, missing))
        warnings.append(f"filled up with {missing * 1000 / RATE:.0f} ms of silence")
    return Listened(samples, seconds, tuple(warnings))


def _samples(clip: Clip, window: float) -> "Samples":
    most = math.floor((window + 1e-6) * RATE) if math.isfinite(window) else sys.maxsize
    # The ends of a span are rounded to samples, so that it may come out one longer than it is.
    spanned = clip.end is not None and clip.end - (clip.start or 0.0) <= window + 1e-6
    blocks, count = [], 0
    for block in clip.blocks(1.0):
        blocks.append(block)
        count += len(block)
        if count > most + spanned:
            break
    else:
        return np.concatenate(blocks)[:most]
    raise _too_long(clip, window)


def _too_long(clip: Clip, window: float) -> ClipTooLong:
    seconds = clip.duration_hint
    found = f"lasts {seconds:.2f} s" if seconds and seconds > window else f"is over {window:g} s"
    return ClipTooLong(
        f"{clip.name!r} {found}; this model hears {window:g} s at once",
        hint=f"qwen_audio_tools.ask hears it in windows; a part of it is clip[0:{window:g}]",
    )
