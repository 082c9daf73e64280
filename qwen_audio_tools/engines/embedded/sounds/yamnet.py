"""YAMNet: 16 kHz samples to class scores for each 0.48 s step. Knows nothing of events.

Front end as its authors describe it (TensorFlow models, research/audioset/yamnet): 25 ms Hann
frames every 10 ms, magnitude of a 512-point transform, 64 mel bands from 125 to 7500 Hz, natural
logarithm with offset 0.001; a patch is 96 frames and the next one starts 48 frames later.
"""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

RATE = 16_000
FRAME, STEP, TRANSFORM, BANDS = 400, 160, 512, 64
PATCH_FRAMES, PATCH_STEP = 96, 48
PATCH_SECONDS, HOP_SECONDS = 0.96, 0.48

# Quantisation of the export's input and output, read from its initialisers: the file's hash is
# pinned, so they cannot change behind our back.
_INPUT_SCALE, _INPUT_ZERO = 0.047937885, 144
_OUTPUT_SCALE, _OUTPUT_ZERO = 0.7565417, 190

Samples = npt.NDArray[np.float32]
Levels = npt.NDArray[np.uint8]

LEVEL_SCORES: npt.NDArray[np.float32] = (
    1.0 / (1.0 + np.exp(-_OUTPUT_SCALE * (np.arange(256) - _OUTPUT_ZERO)))
).astype(np.float32)
"""Score, 0 to 1, of each of the 256 output levels: steps are coarse near 0.5 (.18 .32 .5 .68)."""


def _mel_matrix() -> npt.NDArray[np.float32]:
    """Return the (257, 64) triangles, straight on the mel scale of O'Shaughnessy (HTK)."""

    def mel(hertz: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return np.asarray(1127.0 * np.log1p(hertz / 700.0))

    bins = mel(np.linspace(0.0, RATE / 2, TRANSFORM // 2 + 1))[:, None]
    low, high = mel(np.array([125.0, 7500.0]))
    edges = np.linspace(low, high, BANDS + 2)
    rising = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
    triangles = np.maximum(0.0, np.minimum(rising, falling))
    triangles[0] = 0.0
    return np.asarray(triangles, np.float32)


_MEL = _mel_matrix()
_WINDOW = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(FRAME) / FRAME)).astype(np.float32)


def log_mel(samples: Samples) -> npt.NDArray[np.float32]:
    """Return the (frames, 64) log-mel energies of the whole frames in `samples`."""
    if len(samples) < FRAME:
        return np.zeros((0, BANDS), np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(samples, FRAME)[::STEP]
    spectrum = np.abs(np.fft.rfft(frames * _WINDOW, TRANSFORM, axis=1)).astype(np.float32)
    # In parts of 12 frames numpy's matrix library stays on this thread; its others would spin.
    parts = [spectrum[at : at + 12] @ _MEL for at in range(0, len(spectrum), 12)]
    return np.asarray(np.log(np.concatenate(parts) + np.float32(0.001)), np.float32)


class Yamnet:
    """The network itself; one patch at a time, as the export has a fixed batch of one."""

    def __init__(self, folder: Path, *, threads: int = 1) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._session: Any = onnxruntime.InferenceSession(
            str(next(iter(sorted(folder.rglob("*.onnx"))))),
            options,
            providers=["CPUExecutionProvider"],
        )

    def levels(self, patch: npt.NDArray[np.float32]) -> Levels:
        """Return the (521,) output levels of one (96, 64) log-mel patch; see LEVEL_SCORES."""
        quantised = np.clip(np.rint(patch / _INPUT_SCALE) + _INPUT_ZERO, 0, 255).astype(np.uint8)
        output = self._session.run(None, {"audio": quantised[None, None]})[0]
        return np.asarray(output[0], dtype=np.uint8)


class PatchCutter:
    """Cuts a stream of samples into patches, the same ones for any block size.

    Mel frames are computed in groups of 48 at fixed places, so even rounding cannot depend on how
    the stream was cut.
    """

    def __init__(self) -> None:
        self.samples_seen = 0
        self._waiting: Samples = np.zeros(0, np.float32)
        self._mel: list[npt.NDArray[np.float32]] = []
        self._groups = 0

    def feed(self, samples: Samples) -> list[tuple[float, npt.NDArray[np.float32]]]:
        """Take samples; return the patches that are now whole, each with its start in seconds."""
        self.samples_seen += len(samples)
        self._waiting = np.concatenate([self._waiting, np.asarray(samples, np.float32)])
        found = []
        group = PATCH_STEP * STEP
        need = group - STEP + FRAME
        at = 0
        while len(self._waiting) - at >= need:
            self._mel = [*self._mel[-1:], log_mel(self._waiting[at : at + need])]
            self._groups += 1
            at += group
            if self._groups >= 2:
                found.append(((self._groups - 2) * HOP_SECONDS, np.concatenate(self._mel)))
        if at:
            self._waiting = self._waiting[at:].copy()
        return found

    def finish(self) -> list[tuple[float, npt.NDArray[np.float32]]]:
        """Return the last patch, which ends at the end; silence fills up a clip below 0.96 s."""
        tail = log_mel(self._waiting)
        mel = np.concatenate([*self._mel, tail])
        if len(mel) < PATCH_FRAMES:
            if not self.samples_seen:
                return []
            padded = np.pad(self._waiting, (0, PATCH_FRAMES * STEP + FRAME))
            mel = np.concatenate([*self._mel, log_mel(padded)])[:PATCH_FRAMES]
            return [(0.0, mel)]
        if len(tail) < 12:
            return []
        start = (self._groups * PATCH_STEP + len(tail) - PATCH_FRAMES) * STEP / RATE
        return [(start, mel[-PATCH_FRAMES:])]
