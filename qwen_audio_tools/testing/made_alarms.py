"""Bells, alarms and clocks, synthesised. Nothing here was recorded.

Each takes the seconds wanted and the rate in Hz, and returns float32 in
[-1, 1], shape (n,), with a peak of 0.5.
"""

import numpy as np

from qwen_audio_tools.testing.made_signals import (
    Samples,
    buzz,
    clock,
    loud,
    place,
    ringing,
    softened,
)
from qwen_audio_tools.testing.made_speech import RATE

# Partials of a church bell against its strike note: hum, prime, tierce, quint, nominal and up
# (Fletcher & Rossing, The Physics of Musical Instruments, ch. 21); the last is in seconds.
_BELL = [
    (0.5, 0.6, 1.4), (1.0, 0.8, 0.86), (1.2, 0.9, 0.6), (1.5, 0.4, 0.49), (2.0, 1.0, 0.43),
    (2.6, 0.5, 0.27), (3.0, 0.5, 0.24), (4.1, 0.4, 0.16), (5.4, 0.3, 0.11), (6.8, 0.2, 0.08),
]  # fmt: skip


def church_bell(seconds: float = 4.0, strikes: int = 3, rate: int = RATE) -> Samples:
    """Return a big bell struck `strikes` times at even distances."""
    out = np.zeros(round(seconds * rate))
    for number in range(strikes):
        at = number * seconds / max(strikes, 1)
        partials = [(hz * 608.0 * f, a, d) for f, a, d in _BELL for hz in (1.0, 1.006)]
        strike = ringing(partials, seconds - at, rate, seed=number)
        place(out, strike, at, rate)
    return loud(out)


def bicycle_bell(seconds: float = 1.5, rate: int = RATE) -> Samples:
    """Return a small bright bell, rung twice."""
    out = np.zeros(round(seconds * rate))
    for at in map(float, np.arange(0.0, min(seconds, 0.5), 0.07)):
        partials = [(2100.0, 1.0, 0.35), (2130.0, 0.7, 0.3), (4700.0, 0.6, 0.2), (7300.0, 0.4, 0.1)]
        place(out, ringing(partials, seconds - at, rate), at, rate)
    return loud(out)


def doorbell(seconds: float = 2.5, rate: int = RATE) -> Samples:
    """Return ding, then dong."""
    out = np.zeros(round(seconds * rate))
    for at, hz in ((0.0, 659.3), (0.6, 523.3)):
        partials = [(hz, 1.0, 0.6), (hz * 2.76, 0.35, 0.25), (hz * 5.4, 0.15, 0.1)]
        if at < seconds:
            place(out, ringing(partials, seconds - at, rate), at, rate)
    return loud(out)


def telephone(seconds: float = 4.0, rate: int = RATE) -> Samples:
    """Return an old telephone: a bell struck 25 times a second, ringing half of the time."""
    out = np.zeros(round(seconds * rate))
    at, number = 0.0, 0
    while at < seconds:
        if at % 2.0 < 1.2:
            partials = [(1350.0 + 230.0 * (number % 2), 1.0, 0.12), (2900.0, 0.6, 0.08),
                        (4600.0, 0.4, 0.05), (6100.0, 0.2, 0.03)]  # fmt: skip
            place(out, ringing(partials, min(0.6, seconds - at), rate), at, rate)
        at, number = at + 0.04, number + 1
    return loud(out)


def siren(seconds: float = 4.0, rate: int = RATE) -> Samples:
    """Return an emergency siren that wails up and down."""
    t = clock(seconds, rate)
    hz = 950.0 - 450.0 * np.cos(2 * np.pi * t / 2.5)
    return loud(buzz(hz, rate, [1.0, 0.5, 0.35, 0.2, 0.12]))


def smoke_alarm(seconds: float = 4.0, rate: int = RATE) -> Samples:
    """Return three shrill beeps and a pause, over and over (the T3 pattern, ISO 8201)."""
    t = clock(seconds, rate)
    sounding = (t % 4.0 < 3.0) & (t % 1.0 < 0.5)
    return loud(buzz(np.full(len(t), 3150.0), rate, [1.0, 0.3]) * softened(sounding, rate))


def alarm_clock(seconds: float = 3.0, rate: int = RATE) -> Samples:
    """Return a digital clock that beeps four times a second."""
    t = clock(seconds, rate)
    sounding = (t % 1.0 < 0.5) & (t % 0.125 < 0.065)
    return loud(buzz(np.full(len(t), 2000.0), rate, [1.0, 0.1, 0.4]) * softened(sounding, rate))


def clock_ticking(seconds: float = 4.0, rate: int = RATE) -> Samples:
    """Return a clock: tick and tock, two a second."""
    out = np.zeros(round(seconds * rate))
    for number, at in enumerate(np.arange(0.1, seconds, 0.5)):
        up = 1.0 if number % 2 else 0.86
        partials = [(2400 * up, 1.0, 0.006), (3900 * up, 0.8, 0.004), (6100 * up, 0.6, 0.003),
                    (1100 * up, 0.4, 0.008)]  # fmt: skip
        place(out, ringing(partials, 0.1, rate, seed=1), float(at), rate)
        place(out, 0.6 * ringing(partials, 0.1, rate, seed=2), float(at) + 0.03, rate)
    return loud(out)
