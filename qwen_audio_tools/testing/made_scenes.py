"""Scenes: sounds laid over each other at a known ratio, or one after the other at known times."""

from collections.abc import Sequence

import numpy as np

from qwen_audio_tools.spans import Span
from qwen_audio_tools.testing.made_signals import Samples
from qwen_audio_tools.testing.made_speech import RATE


def mix(
    background: Samples,
    foreground: Samples,
    at_seconds: float = 0.0,
    snr_db: float = 10.0,
    rate: int = RATE,
) -> Samples:
    """Return `background` with `foreground` over it from `at_seconds` on.

    The background is scaled so that the foreground is `snr_db` above it (mean power of each; a
    silent one changes nothing). The result is as long as needed and never above 1 in size.
    """
    start = round(at_seconds * rate)
    out = np.zeros(max(len(background), start + len(foreground)), np.float64)
    ratio = _power(foreground) / max(_power(background), 1e-20)
    gain = (ratio / 10 ** (snr_db / 10)) ** 0.5 if ratio > 0 else 1.0
    out[: len(background)] += background.astype(np.float64) * gain
    out[start : start + len(foreground)] += foreground
    highest = float(np.abs(out).max()) if len(out) else 0.0
    return (out / max(1.0, highest)).astype(np.float32)


def sequence(
    parts: Sequence[Samples], gap: float = 0.5, rate: int = RATE
) -> tuple[Samples, tuple[Span, ...]]:
    """Return the parts one after the other, `gap` seconds of silence between, and where each is."""
    pieces: list[Samples] = []
    spans: list[Span] = []
    at = 0
    for part in parts:
        if spans:
            pieces.append(np.zeros(round(gap * rate), np.float32))
            at += len(pieces[-1])
        spans.append(Span(at / rate, (at + len(part)) / rate))
        pieces.append(part)
        at += len(part)
    joined = np.concatenate(pieces) if pieces else np.zeros(0, np.float32)
    return joined.astype(np.float32), tuple(spans)


def _power(samples: Samples) -> float:
    return float(np.mean(np.square(samples, dtype=np.float64))) if len(samples) else 0.0
