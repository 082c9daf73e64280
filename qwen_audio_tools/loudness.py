"""Integrated loudness of a programme in LUFS (ITU-R BS.1770-4), fed block by block."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from qwen_audio_tools.clip import Samples

_OFFSET = -0.691
_ABSOLUTE_GATE = -70.0
_RELATIVE_GATE = -10.0
# The two biquads of BS.1770-4 at 48 kHz: the shelf of the head, and the RLB high pass.
_SHELF = (
    1.53512485958697,
    -2.69169618940638,
    1.19839281085285,
    -1.69065929318241,
    0.73248077421585,
)
_HIGH = (1.0, -2.0, 1.0, -1.99004745483398, 0.99007225036621)


class Loudness:
    """Feed blocks of shape (n, channels), then ask; keeps one number per 100 ms."""

    def __init__(self) -> None:
        self._powers: list[float] = []
        self._rate = 0
        self._rest: Samples | None = None

    def feed(self, rate: int, block: Samples) -> None:
        """Take in the next block of the recording."""
        import numpy as np

        same = self._rest is not None and rate == self._rate
        if same and self._rest is not None and self._rest.shape[1] == block.shape[1]:
            block = np.concatenate([self._rest, block])
        self._rate = rate
        step = rate // 10
        parts = len(block) // step
        self._rest = block[parts * step :].copy()
        if parts:
            cut = block[: parts * step].reshape(parts, step, block.shape[1])
            self._powers.extend(_weighted(cut, rate).tolist())

    def integrated(self) -> float | None:
        """Return the loudness in LUFS: -inf for silence, None for less than 0.4 s."""
        import numpy as np

        if len(self._powers) < 4:
            return None
        powers = np.convolve(np.asarray(self._powers), np.full(4, 0.25), "valid")
        powers = powers[powers > 10 ** ((_ABSOLUTE_GATE - _OFFSET) / 10)]
        if not len(powers):
            return -math.inf
        powers = powers[powers > powers.mean() * 10 ** (_RELATIVE_GATE / 10)]
        return _OFFSET + 10 * math.log10(float(powers.mean()))


def _weighted(parts: Samples, rate: int) -> npt.NDArray[np.float64]:
    """Return the K-weighted power of each part of shape (parts, n, channels), channels added."""
    import numpy as np

    count, channels = parts.shape[1], parts.shape[2]
    gains = _k_gains(count, rate)
    total = np.zeros(len(parts))
    for channel in range(channels):
        spectrum = np.fft.rfft(parts[:, :, channel], axis=1)
        power = np.square(spectrum.real) + np.square(spectrum.imag)
        # Parseval: every bin but the first (and the last of an even count) stands for two.
        total += _channel_weight(channel, channels) * (power @ gains) / count**2
    return total


@lru_cache(maxsize=8)
def _k_gains(count: int, rate: int) -> npt.NDArray[np.float64]:
    import numpy as np

    # The filters are defined at 48 kHz; above its Nyquist they stay as they are there.
    hertz = np.minimum(np.fft.rfftfreq(count, 1 / rate), 24_000)
    turn = np.exp(-2j * np.pi * hertz / 48_000)
    gains = np.ones(len(hertz))
    for b0, b1, b2, a1, a2 in (_SHELF, _HIGH):
        above = b0 + b1 * turn + b2 * turn**2
        gains *= np.abs(above / (1 + a1 * turn + a2 * turn**2)) ** 2
    gains[1 : len(gains) - (count % 2 == 0)] *= 2
    return gains


def _channel_weight(channel: int, channels: int) -> float:
    """Return the weight in the order L R C LFE Ls Rs: no LFE, and surrounds count more."""
    if channels not in (6, 8) or channel < 3:
        return 1.0
    return 0.0 if channel == 3 else 1.41
