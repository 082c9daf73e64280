"""Sounds of things, people and weather, synthesised. Nothing here was recorded.

Each takes the seconds wanted, a seed where chance has a part in it, and the rate in Hz, and
returns float32 in [-1, 1], shape (n,), with a peak of 0.5.
"""

import numpy as np

from qwen_audio_tools.testing.made_signals import (
    Samples,
    buzz,
    clock,
    coloured,
    loud,
    place,
    ringing,
)
from qwen_audio_tools.testing.made_speech import RATE


def glass_breaking(seconds: float = 1.5, seed: int = 0, rate: int = RATE) -> Samples:
    """Return a pane that bursts, and its pieces that fall."""
    random = np.random.default_rng(seed)
    burst = coloured(seconds, seed, rate, band=(1200.0, 9000.0))
    out = 3.0 * burst * np.exp(-clock(seconds, rate) / 0.12)
    for number in range(200):
        at = float(random.uniform(0, 0.05) if number < 40 else random.exponential(seconds / 5))
        level = float(np.exp(-2.0 * at / seconds) * random.uniform(0.1, 1.0) ** 2)
        partials = [
            (float(hz), level, float(random.uniform(0.003, 0.025)))
            for hz in random.uniform(1800.0, 7900.0, 6)
        ]
        if at < seconds:
            place(out, ringing(partials, min(0.4, seconds - at), rate, seed=number), at, rate)
    return loud(out)


def rain(seconds: float = 4.0, seed: int = 0, rate: int = RATE) -> Samples:
    """Return steady rain: a hiss and many drops."""
    random = np.random.default_rng(seed)
    out = 0.35 * coloured(seconds, seed, rate, slope=0.3, band=(400.0, 9000.0))
    fading = np.exp(-clock(0.03, rate) / 0.002)
    for number in range(round(220 * seconds)):
        drop = coloured(0.03, number, rate, band=(1000.0, 9000.0)) * fading
        level, at = float(random.exponential(0.5)), float(random.uniform(0, seconds))
        place(out, level * drop, at, rate)
    return loud(out)


def helicopter(seconds: float = 4.0, seed: int = 0, rate: int = RATE) -> Samples:
    """Return rotor blades that chop the air 48 times a second over the drone of a motor."""
    random = np.random.default_rng(seed)
    phase = 2 * np.pi * 12.0 * clock(seconds, rate)
    drone = np.zeros(len(phase))
    for number in range(1, 40):
        level = (1.0 if number % 4 == 0 else 0.35) / number**0.6
        drone += level * np.sin(number * phase + random.uniform(0, 2 * np.pi))
    air = coloured(seconds, seed, rate, slope=0.5, band=(60.0, 5000.0))
    return loud(drone / max(float(np.std(drone)), 1e-9) + 2 * air * (1 + 0.9 * np.sin(4 * phase)))


def whistle(seconds: float = 2.0, seed: int = 0, rate: int = RATE) -> Samples:
    """Return somebody whistling a short tune."""
    t = clock(seconds, rate)
    notes = np.array([1320.0, 1480.0, 1760.0, 1480.0, 1320.0, 1174.0])
    steps = np.clip(t / 0.35, 0, 1e6).astype(int) % len(notes)
    width = max(1, round(0.05 * rate))
    hz = np.convolve(np.pad(notes[steps], width, "edge"), np.ones(width) / width, "same")
    hz = hz[width : width + len(t)] * (1 + 0.008 * np.sin(2 * np.pi * 5.5 * t))
    breath = 0.03 * coloured(seconds, seed, rate, band=(1000.0, 6000.0))
    return loud(buzz(hz, rate, [1.0, 0.02]) + breath)


def dog_bark(seconds: float = 2.0, seed: int = 0, rate: int = RATE) -> Samples:
    """Return a dog that barks about three times in two seconds."""
    random = np.random.default_rng(seed)
    out = np.zeros(round(seconds * rate))
    for number, at in enumerate(np.arange(0.1, max(seconds - 0.25, 0.11), 0.6)):
        t = clock(0.22, rate)
        shape = np.minimum(t / 0.015, 1) * np.exp(-np.maximum(t - 0.06, 0) / 0.04)
        hz = (380 + 330 * np.exp(-(((t - 0.05) / 0.05) ** 2))) * float(random.uniform(0.95, 1.05))
        voice = buzz(hz, rate, [0.5, 1.0, 0.9, 0.6, 0.35, 0.25, 0.15, 0.1])
        rough = 0.35 * coloured(0.22, seed + number, rate, band=(500.0, 3500.0))
        place(out, shape * (voice + rough), float(at), rate)
    return loud(out)
