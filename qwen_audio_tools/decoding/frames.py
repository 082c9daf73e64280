"""Join libavcodec's small frames into large float blocks, and fill what the clock says is missing.

One call per frame into numpy would cost more than the decoding itself, so the frames go through
libavutil's FIFO first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from qwen_audio_tools.decoding.reader import Samples

BLOCK = 131_072
"""Samples per block, all channels together."""
_GAP = 0.1
"""Seconds that a timestamp may run ahead before silence is put in: less is rounding."""

Placed = tuple[Any, "int | None"]
"""A frame, and the sample of the recording at which its clock says that it begins."""


class Joiner:
    """Turns frames into (rate, samples of shape (n, channels)); `filled` counts added seconds."""

    def __init__(self, position: int) -> None:
        self.filled = 0.0
        self._position = position
        self._shape: tuple[int, str, int] | None = None
        self._fifo: Any = None
        self._wanted = BLOCK

    def join(self, frames: Iterable[Placed]) -> Iterator[tuple[int, Samples]]:
        """Yield the blocks of these frames; the rate may change from one block to the next."""
        for frame, index in frames:
            shape = (frame.sample_rate, frame.format.name, frame.layout.nb_channels)
            if shape != self._shape:
                yield from self._drain(all_of_it=True)
                self._restart(shape)
            if index is not None and index - self._position > _GAP * frame.sample_rate:
                yield from self._drain(all_of_it=True)
                yield from self._silence(index - self._position)
            self._position += frame.samples
            frame.pts = None  # the FIFO insists on a clock without gaps
            self._fifo.write(frame)
            if self._fifo.samples >= self._wanted:
                yield from self._drain(all_of_it=False)
        yield from self._drain(all_of_it=True)

    def _restart(self, shape: tuple[int, str, int]) -> None:
        import av

        if self._shape is not None:
            self._position = round(self._position * shape[0] / self._shape[0])
        self._shape = shape
        self._wanted = max(1, BLOCK // shape[2])
        self._fifo = av.AudioFifo()

    def _drain(self, *, all_of_it: bool) -> Iterator[tuple[int, Samples]]:
        if self._shape is None:
            return
        rate = self._shape[0]
        while self._fifo.samples >= self._wanted:
            yield rate, floats(self._fifo.read(self._wanted))
        if all_of_it and self._fifo.samples:
            yield rate, floats(self._fifo.read())

    def _silence(self, count: int) -> Iterator[tuple[int, Samples]]:
        import numpy as np

        assert self._shape is not None
        rate, _, channels = self._shape
        self._position += count
        self.filled += count / rate
        while count > 0:
            some = min(count, self._wanted)
            yield rate, np.zeros((some, channels), np.float32)
            count -= some


def floats(frame: Any) -> Samples:
    """Return a frame's samples as float32 of shape (n, channels), full scale at 1."""
    import numpy as np

    raw = frame.to_ndarray()
    kind = frame.format.packed.name
    samples = raw.reshape(-1, frame.layout.nb_channels) if frame.format.is_packed else raw.T
    if kind == "flt":
        return np.asarray(samples, np.float32)
    wide: Samples = samples.astype(np.float32)
    if kind == "u8":
        return (wide - np.float32(128)) / np.float32(128)
    return wide if kind == "dbl" else wide / np.float32(2.0 ** (frame.format.bits - 1))


def drop(blocks: Iterable[tuple[int, Samples]], count: int) -> Iterator[tuple[int, Samples]]:
    """Yield the blocks without their first `count` samples."""
    for rate, block in blocks:
        if count < len(block):
            yield rate, block[max(0, count) :]
        count -= min(max(0, count), len(block))
