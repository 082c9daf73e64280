"""Samples that are in memory already: numpy arrays with their rate, and pydub's AudioSegment."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from qwen_audio_tools.decoding.limits import AudioInfo, Limits
from qwen_audio_tools.errors import ClipError

if TYPE_CHECKING:
    from qwen_audio_tools.decoding.reader import Samples

_BLOCK = 131_072


class ArrayReader:
    """Reads a float or integer array of shape (n,), (n, channels) or (channels, n)."""

    def __init__(self, samples: Any, rate: int, name: str, limits: Limits) -> None:
        import numpy as np

        array = np.asarray(samples)
        if array.dtype.kind not in "fiu" or array.ndim not in (1, 2):
            raise ClipError(
                f"{name!r} has shape {array.shape} and type {array.dtype}; "
                "floats or integers of shape (n,), (n, channels) or (channels, n) are taken"
            )
        if array.ndim == 1:
            array = array[:, None]
        elif array.shape[0] < array.shape[1]:
            array = array.T  # no recording has more channels than samples
        limits.check_size(array.nbytes, name)
        limits.check_format(rate, array.shape[1], name)
        self._array = array
        self.notes: list[str] = []
        self.claimed: float | None = len(array) / rate
        self.info = AudioInfo(
            container="memory",
            codec=str(array.dtype),
            rate=rate,
            channels=array.shape[1],
            duration=self.claimed,
            size=array.nbytes,
        )

    def blocks(self, second: int) -> Iterator[tuple[int, Samples]]:
        """Yield (rate, samples) from a whole second on; see Reader."""
        step = max(1, _BLOCK // self.info.channels)
        for at in range(second * self.info.rate, len(self._array), step):
            yield self.info.rate, _floats(self._array[at : at + step])

    def reaches(self) -> float | None:
        """Return the seconds: an array is all there."""
        return self.claimed

    def close(self) -> None:
        """Nothing to let go of."""


def _floats(block: Any) -> Samples:
    import numpy as np

    if block.dtype.kind == "f":
        return np.asarray(block, np.float32)
    half = float(2 ** (8 * block.dtype.itemsize - 1))
    middle = half if block.dtype.kind == "u" else 0.0
    scaled: Samples = ((block.astype(np.float64) - middle) / half).astype(np.float32)
    return scaled


def segment_samples(segment: Any) -> tuple[Any, int]:
    """Return the samples (n, channels) and rate of a pydub AudioSegment.

    Its own resampler is never used: it has no filter, and folds what is over 8 kHz into the speech.
    """
    import numpy as np

    width = segment.sample_width
    if width not in (1, 2, 4):
        raise ClipError(f"an AudioSegment of {width} bytes a sample; 1, 2 or 4 are taken")
    # pydub keeps 8 bit signed, as all its widths.
    samples = np.frombuffer(segment.raw_data, np.dtype(f"<i{width}"))
    return samples.reshape(-1, segment.channels), int(segment.frame_rate)
