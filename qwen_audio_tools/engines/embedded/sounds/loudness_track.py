"""How loud each 40 ms of a stream is, as one byte; used to sharpen the times of sound events."""

import numpy as np
import numpy.typing as npt

from qwen_audio_tools.spans import Span

CELL = 640
CELL_SECONDS = CELL / 16_000
_QUIET_DB = 30.0
_REACH = 0.48


class LoudnessTrack:
    """Collects the level of 16 kHz blocks of any size: whole dB below full scale, 0 to -120."""

    def __init__(self) -> None:
        self._waiting = np.zeros(0, np.float32)
        self._cells = bytearray()

    def feed(self, samples: npt.NDArray[np.float32]) -> None:
        """Take the next samples."""
        waiting = np.concatenate([self._waiting, np.asarray(samples, np.float32)])
        whole = len(waiting) // CELL * CELL
        self._waiting = waiting[whole:].copy()
        self._add(waiting[:whole].reshape(-1, CELL))

    def finish(self) -> npt.NDArray[np.int8]:
        """Return the level of each cell, the last one perhaps shorter."""
        if len(self._waiting):
            self._add(self._waiting[None])
            self._waiting = np.zeros(0, np.float32)
        return np.frombuffer(self._cells, np.int8)

    def _add(self, cells: npt.NDArray[np.float32]) -> None:
        power = np.einsum("ij,ij->i", cells, cells) / max(cells.shape[1], 1)
        self._cells += np.rint(10 * np.log10(power + 1e-12)).astype(np.int8).tobytes()


def sharpened(span: Span, cells: npt.NDArray[np.int8]) -> Span:
    """Return `span` with its ends moved to where the sound rises and falls, if it stands out.

    An edge moves at most 0.48 s outward; where the surroundings are not 30 dB quieter than the
    sound's peak there is no edge to be seen, and it stays.
    """
    first = max(0, int((span.start - _REACH) / CELL_SECONDS))
    last = min(len(cells), int(np.ceil((span.end + _REACH) / CELL_SECONDS)))
    inside = cells[first:last]
    if not len(inside):
        return span
    core = cells[int(span.start / CELL_SECONDS) : int(np.ceil(span.end / CELL_SECONDS))]
    peak = core.max() if len(core) and core.max() > inside.max() - _QUIET_DB else inside.max()
    loud = np.flatnonzero(inside >= peak - _QUIET_DB)
    start, end = span
    if loud[0] > 0:
        start = (first + int(loud[0])) * CELL_SECONDS
    if loud[-1] < len(inside) - 1:
        end = (first + int(loud[-1]) + 1) * CELL_SECONDS
    return Span(start, end) if start < end else span
