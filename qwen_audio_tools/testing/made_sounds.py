"""Sounds of things, synthesised: bells, alarms, glass, rain. Nothing here was recorded.

Each takes the seconds wanted, a seed where chance has a part in it, and the rate in Hz, and
returns float32 in [-1, 1], shape (n,), with a peak of about 0.5.
"""

import numpy as np

from qwen_audio_tools.testing.made_signals import (
    RATE,
    Samples,
    Wave,
    clock,
    coloured,
    loud,
    place,
    ringing,
)

# Partials of a church bell against its strike note: hum, prime, tierce, quint, nominal and up
# (Fletcher & Rossing, The Physics of Musical Instruments, ch. 21).
_BELL = [
    (0.5, 0.6, 2.6), (1.0, 0.8, 1.6), (1.2, 0.9, 1.1), (1.5, 0.4, 0.9), (2.0, 1.0, 0.8),
    (2.6, 0.5, 0.5), (3.0, 0.5, 0.45), (4.1, 0.4, 0.3), (5.4, 0.3, 0.2), (6.8, 0.2, 0.15),
]  # fmt: skip


def church_bell(seconds: float = 4.0, strikes: int = 2, rate: int = RATE) -> Samples:
    """Return a big bell struck `strikes` times at even distances."""
    out = np.zeros(round(seconds * rate))
    for number in range(strikes):
        at = number * seconds / max(strikes, 1)
        partials = [(hz * 440.0 * f, a, d) for f, a, d in _BELL for hz in (1.0, 1.003)]
        strike = ringing(partials, seconds - at, rate, seed=number)
        place(out, strike, at, rate)
    return loud(out)


def bicycle_bell(seconds: float = 1.5, rate: int = RATE) -> Samples:
    """Return a small bright bell, rung twice."""
    out = np.zeros(round(seconds * rate))
    for at in np.arange(0.0, min(seconds, 0.5), 0.07):
        partials = [(2100.0, 1.0, 0.35), (2130.0, 0.7, 0.3), (4700.0, 0.6, 0.2), (7300.0, 0.4, 0.1)]
        place(out, ringing(partials, seconds - at, rate), float(at), rate)
    return loud(out)


def glass_breaking(seconds: float = 1.5, seed: int = 0, rate: int = RATE) -> Samples:
    """Return a pane that bursts, and its pieces that fall."""
    random = np.random.default_rng(seed)
    out = np.zeros(round(seconds * rate))
    burst = coloured(seconds, seed, rate, band=(1500.0, 9000.0))
    place(out, 0.5 * burst * np.exp(-clock(seconds, rate) / 0.06), 0.0, rate)
    for number in range(90):
        at = 0.0 if number < 14 else float(random.exponential(seconds / 4.5))
        level = float(np.exp(-2.0 * at / seconds) * random.uniform(0.1, 1.0))
        partials = [
            (float(hz), level, float(random.uniform(0.008, 0.07)))
            for hz in random.uniform(2200.0, 7800.0, 4)
        ]
        if at < seconds:
            place(out, ringing(partials, min(0.5, seconds - at), rate, seed=number), at, rate)
    return loud(out)


def siren(seconds: float = 4.0, rate: int = RATE) -> Samples:
    """Return an emergency siren that wails up and down."""
    t = clock(seconds, rate)
    hz = 950.0 - 450.0 * np.cos(2 * np.pi * t / 2.5)
    return loud(_buzz(hz, rate, [1.0, 0.5, 0.35, 0.2, 0.12]))


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


def smoke_alarm(seconds: float = 4.0, rate: int = RATE) -> Samples:
    """Return three shrill beeps and a pause, over and over (the T3 pattern, ISO 8201)."""
    t = clock(seconds, rate)
    sounding = (t % 4.0 < 3.0) & (t % 1.0 < 0.5)
    return loud(_buzz(np.full(len(t), 3150.0), rate, [1.0, 0.3]) * _soft(sounding, rate))


def alarm_clock(seconds: float = 3.0, rate: int = RATE) -> Samples:
    """Return a digital clock that beeps four times a second."""
    t = clock(seconds, rate)
    sounding = (t % 1.0 < 0.5) & (t % 0.125 < 0.065)
    return loud(_buzz(np.full(len(t), 2000.0), rate, [1.0, 0.1, 0.4]) * _soft(sounding, rate))


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


def rain(seconds: float = 4.0, seed: int = 0, rate: int = RATE) -> Samples:
    """Return steady rain: a hiss and many drops."""
    random = np.random.default_rng(seed)
    out = 0.35 * coloured(seconds, seed, rate, slope=0.3, band=(400.0, 9000.0))
    for number in range(round(220 * seconds)):
        hz = float(random.uniform(1000.0, 7000.0))
        drop = ringing([(hz, float(random.exponential(0.5)), 0.004)], 0.03, rate, seed=number)
        place(out, drop, float(random.uniform(0, seconds)), rate)
    return loud(out)


def applause(seconds: float = 4.0, seed: int = 0, rate: int = RATE, claps: int = 90) -> Samples:
    """Return many people clapping, `claps` a second."""
    random = np.random.default_rng(seed)
    out = np.zeros(round(seconds * rate))
    for number in range(round(claps * seconds)):
        place(out, _clap(random, number, rate), float(random.uniform(0, seconds)), rate)
    return loud(out)


def clapping(seconds: float = 3.0, seed: int = 0, rate: int = RATE) -> Samples:
    """Return one person clapping, three times a second."""
    random = np.random.default_rng(seed)
    out = np.zeros(round(seconds * rate))
    for number, at in enumerate(np.arange(0.1, seconds, 0.3)):
        place(out, _clap(random, number, rate), float(at + random.normal(0, 0.01)), rate)
    return loud(out)


def _clap(random: np.random.Generator, seed: int, rate: int) -> Wave:
    middle = float(random.uniform(900.0, 2200.0))
    noise = coloured(0.12, seed, rate, band=(middle * 0.6, middle * 1.9))
    t = clock(0.12, rate)
    return float(random.uniform(0.4, 1.0)) * noise * np.minimum(t / 0.001, 1) * np.exp(-t / 0.012)


def whistle(seconds: float = 2.0, seed: int = 0, rate: int = RATE) -> Samples:
    """Return somebody whistling a short tune."""
    t = clock(seconds, rate)
    notes = np.array([1320.0, 1480.0, 1760.0, 1480.0, 1320.0, 1174.0])
    steps = np.clip(t / 0.35, 0, 1e6).astype(int) % len(notes)
    width = max(1, round(0.05 * rate))
    hz = np.convolve(np.pad(notes[steps], width, "edge"), np.ones(width) / width, "same")
    hz = hz[width : width + len(t)] * (1 + 0.008 * np.sin(2 * np.pi * 5.5 * t))
    breath = 0.03 * coloured(seconds, seed, rate, band=(1000.0, 6000.0))
    return loud(_buzz(hz, rate, [1.0, 0.02]) + breath)


def engine_idling(seconds: float = 4.0, seed: int = 0, rate: int = RATE) -> Samples:
    """Return a motor that idles: 22 uneven firings a second through an exhaust."""
    random = np.random.default_rng(seed)
    out = 0.12 * coloured(seconds, seed, rate, slope=1.0, band=(40.0, 3000.0))
    at, number = 0.0, 0
    while at < seconds:
        level = float(random.uniform(0.7, 1.0)) * (1.0, 0.8, 0.95, 0.7)[number % 4]
        partials = [(70.0, 1.0, 0.03), (140.0, 0.8, 0.02), (310.0, 0.4, 0.012), (720.0, 0.2, 0.006)]
        place(out, level * ringing(partials, 0.15, rate, seed=3), at, rate)
        at, number = at + float(random.normal(1 / 22, 0.0012)), number + 1
    return loud(out)


def dog_bark(seconds: float = 2.0, seed: int = 0, rate: int = RATE) -> Samples:
    """Return a dog that barks about three times in two seconds."""
    random = np.random.default_rng(seed)
    out = np.zeros(round(seconds * rate))
    for number, at in enumerate(np.arange(0.1, max(seconds - 0.25, 0.11), 0.6)):
        t = clock(0.22, rate)
        shape = np.minimum(t / 0.015, 1) * np.exp(-np.maximum(t - 0.06, 0) / 0.04)
        hz = (380 + 330 * np.exp(-(((t - 0.05) / 0.05) ** 2))) * float(random.uniform(0.95, 1.05))
        voice = _buzz(hz, rate, [0.5, 1.0, 0.9, 0.6, 0.35, 0.25, 0.15, 0.1])
        rough = 0.35 * coloured(0.22, seed + number, rate, band=(500.0, 3500.0))
        place(out, shape * (voice + rough), float(at), rate)
    return loud(out)


def doorbell(seconds: float = 2.5, rate: int = RATE) -> Samples:
    """Return ding, then dong."""
    out = np.zeros(round(seconds * rate))
    for at, hz in ((0.0, 659.3), (0.6, 523.3)):
        partials = [(hz, 1.0, 0.6), (hz * 2.76, 0.35, 0.25), (hz * 5.4, 0.15, 0.1)]
        if at < seconds:
            place(out, ringing(partials, seconds - at, rate), at, rate)
    return loud(out)


def _buzz(hz: Wave, rate: int, levels: list[float]) -> Wave:
    """Return a tone with overtones of the given levels, whose pitch follows `hz`, shape (n,)."""
    phase = 2 * np.pi * np.cumsum(hz) / rate
    out = np.zeros(len(hz))
    for number, level in enumerate(levels, start=1):
        out += level * np.sin(number * phase) * (hz * number < rate / 2)
    return out


def _soft(gate: "np.ndarray[tuple[int], np.dtype[np.bool_]]", rate: int) -> Wave:
    """Return an on/off gate with edges of 5 ms, so that it doesn't click."""
    width = max(1, round(0.005 * rate))
    return np.asarray(np.convolve(gate.astype(float), np.ones(width) / width, "same"))
