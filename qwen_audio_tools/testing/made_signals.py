"""The plainest sounds (tones, noise, silence) and the shaping that made sounds are built from."""

import numpy as np
import numpy.typing as npt

from qwen_audio_tools.testing.made_speech import RATE

Samples = npt.NDArray[np.float32]
"""Mono float32 in [-1, 1], shape (n,)."""
Wave = npt.NDArray[np.float64]


def silence(seconds: float = 1.0, rate: int = RATE) -> Samples:
    """Return digital silence, shape (n,)."""
    return np.zeros(round(seconds * rate), np.float32)


def tone(hz: float = 440.0, seconds: float = 1.0, rate: int = RATE, level: float = 0.5) -> Samples:
    """Return a sine of peak `level`, shape (n,)."""
    return (level * np.sin(2 * np.pi * hz * clock(seconds, rate))).astype(np.float32)


def chirp(
    start_hz: float = 100.0, end_hz: float = 4000.0, seconds: float = 1.0, rate: int = RATE
) -> Samples:
    """Return a sine that rises (or falls) evenly from one frequency to the other, peak 0.5."""
    t = clock(seconds, rate)
    phase = start_hz * t + (end_hz - start_hz) * t * t / (2 * max(seconds, 1e-9))
    return (0.5 * np.sin(2 * np.pi * phase)).astype(np.float32)


def white_noise(seconds: float = 1.0, seed: int = 0, rate: int = RATE) -> Samples:
    """Return noise of the same power at each frequency, peak 0.5."""
    return loud(_random(seed).standard_normal(round(seconds * rate)))


def pink_noise(seconds: float = 1.0, seed: int = 0, rate: int = RATE) -> Samples:
    """Return noise whose power falls by 3 dB an octave, peak 0.5."""
    return loud(coloured(seconds, seed, rate, slope=0.5))


def coloured(
    seconds: float,
    seed: int,
    rate: int,
    *,
    slope: float = 0.0,
    band: tuple[float, float] = (20.0, 1e9),
) -> Wave:
    """Return noise of unit power within `band` (Hz), its amplitude falling as 1/f**slope."""
    count = round(seconds * rate)
    if count == 0:
        return np.zeros(0)
    spectrum = np.fft.rfft(_random(seed).standard_normal(count))
    hz = np.fft.rfftfreq(count, 1 / rate)
    # Edges a tenth of an octave soft, or short bands would ring.
    low = 1 / (1 + (band[0] / np.maximum(hz, 1e-3)) ** 8)
    high = 1 / (1 + (hz / band[1]) ** 8)
    shaped = np.fft.irfft(spectrum * low * high * np.maximum(hz, 1.0) ** -slope, count)
    return np.asarray(shaped / max(float(np.std(shaped)), 1e-12))


def ringing(
    partials: list[tuple[float, float, float]], seconds: float, rate: int, *, seed: int = 0
) -> Wave:
    """Return decaying sines struck at once; a partial is (Hz, level, seconds to fall by 1/e)."""
    t = clock(seconds, rate)
    out = np.zeros(len(t))
    phases = _random(seed).uniform(0, 2 * np.pi, len(partials))
    for (hz, level, decay), phase in zip(partials, phases, strict=True):
        if hz < rate / 2:
            out += level * np.exp(-t / decay) * np.sin(2 * np.pi * hz * t + phase)
    return out


def buzz(hz: Wave, rate: int, levels: list[float]) -> Wave:
    """Return a tone with overtones of the given levels, whose pitch follows `hz`, shape (n,)."""
    phase = 2 * np.pi * np.cumsum(hz) / rate
    out = np.zeros(len(hz))
    for number, level in enumerate(levels, start=1):
        out += level * np.sin(number * phase) * (hz * number < rate / 2)
    return out


def softened(gate: "np.ndarray[tuple[int], np.dtype[np.bool_]]", rate: int) -> Wave:
    """Return an on/off gate with edges of 5 ms, so that it doesn't click."""
    width = max(1, round(0.005 * rate))
    return np.asarray(np.convolve(gate.astype(float), np.ones(width) / width, "same"))


def place(whole: Wave, part: Wave, at_seconds: float, rate: int) -> None:
    """Add `part` into `whole` from `at_seconds` on; what would stick out is left off."""
    start = round(at_seconds * rate)
    kept = part[: max(0, len(whole) - start)]
    whole[start : start + len(kept)] += kept


def loud(wave: Wave, peak: float = 0.5) -> Samples:
    """Return `wave` as float32 with the given peak (silence stays silence)."""
    highest = float(np.abs(wave).max()) if len(wave) else 0.0
    return (wave * (peak / highest if highest > 0 else 0.0)).astype(np.float32)


def clock(seconds: float, rate: int) -> Wave:
    """Return the time of each sample in seconds, shape (n,)."""
    return np.arange(round(seconds * rate)) / rate


def _random(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)
