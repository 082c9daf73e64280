"""Music, synthesised: chords on plucked strings, and a tune on struck ones."""

import numpy as np

from qwen_audio_tools.testing.made_signals import Samples, Wave, loud, place, ringing
from qwen_audio_tools.testing.made_speech import RATE

_CHORDS = ((48, 55, 60, 64, 67), (45, 52, 57, 60, 64), (41, 48, 53, 57, 60), (43, 50, 55, 59, 62))


def guitar(seconds: float = 8.0, seed: int = 0, rate: int = RATE) -> Samples:
    """Return plucked chords (C, A minor, F, G), picked note by note."""
    out = np.zeros(round(seconds * rate))
    beat = 0.25
    for number in range(int(seconds / beat)):
        chord = _CHORDS[number // 8 % len(_CHORDS)]
        pattern = (0, 2, 3, 4, 3, 2, 3, 2)
        note = chord[pattern[number % 8]]
        place(out, _pluck(_hz(note), 1.8, seed + number, rate), number * beat, rate)
    return loud(out)


def piano(seconds: float = 8.0, rate: int = RATE) -> Samples:
    """Return broken chords on struck strings, with a tune above them."""
    out = np.zeros(round(seconds * rate))
    beat = 0.3
    for number in range(int(seconds / beat)):
        chord = _CHORDS[number // 6 % len(_CHORDS)]
        notes = [chord[(0, 1, 2, 3, 2, 1)[number % 6]]]
        if number % 3 == 0:
            notes.append(chord[(4, 3, 4, 2)[number // 3 % 4]] + 12)
        for note in notes:
            place(out, _strike(_hz(note), 2.0, rate), number * beat, rate)
    return loud(out)


def _hz(note: int) -> float:
    """Return the frequency of a MIDI note number."""
    return float(440.0 * 2 ** ((note - 69) / 12))


def _pluck(hz: float, seconds: float, seed: int, rate: int) -> Wave:
    """Return one plucked string: a smoothed loop of noise (Karplus & Strong, 1983)."""
    period = max(2, round(rate / hz))
    loop = np.random.default_rng(seed).uniform(-1, 1, period)
    loop = 0.5 * (loop + np.roll(loop, 1))
    loop = loop - np.roll(loop, period // 5)  # plucked a fifth of the way along
    turns = []
    for _ in range(int(seconds * rate / period) + 1):
        turns.append(loop)
        loop = 0.997 * 0.5 * (loop + np.roll(loop, 1))
    return np.concatenate(turns)[: round(seconds * rate)]


def _strike(hz: float, seconds: float, rate: int) -> Wave:
    """Return one piano-like note: slightly sharp overtones, the higher the sooner gone."""
    partials = [
        (hz * n * (1 + 0.0004 * n * n) ** 0.5, n**-1.3, 0.9 / n**0.7)
        for n in range(1, 13)
    ]  # fmt: skip
    return ringing(partials, seconds, rate)
