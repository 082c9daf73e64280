"""The GE2E speaker encoder: 1.6 s of a voice to a unit vector of 256 numbers.

Generalised end-to-end loss, Wan et al. 2018 (arXiv 1710.10467); the weights are those of
Resemblyzer: 40 mel bands of power, 25 ms windows every 10 ms, three LSTM layers of 256, the last
state through a linear layer and a rectifier. Windows run side by side, because one step of many
windows is one matrix product.
"""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from qwen_audio_tools.engines.embedded import weights
from qwen_audio_tools.engines.embedded.voices.lstm_graph import lstm_stack
from qwen_audio_tools.engines.embedded.voices.torch_tensors import read_tensors

RATE = 16_000
FRAMES, BANDS, HIDDEN, LAYERS = 160, 40, 256, 3
WINDOW_SECONDS = 1.6
WINDOW_SAMPLES = int(WINDOW_SECONDS * RATE)
_FRAME, _STEP = 400, 160
_LEVEL = 10 ** (-27 / 20)
"""Every window is brought to -27 dB RMS: bands are power, so level would colour the vector."""

Floats = npt.NDArray[np.float32]


def _mel_matrix() -> Floats:
    """Return (201, 40) triangles of equal area on Slaney's scale (linear to 1 kHz, then log)."""
    step = np.log(6.4) / 27

    def mel(hertz: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        above = 15 + np.log(np.maximum(hertz, 1000.0) / 1000.0) / step
        return np.where(hertz < 1000.0, hertz * 3 / 200, above)

    def hertz(mels: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return np.where(mels < 15, mels * 200 / 3, 1000.0 * np.exp(step * (mels - 15)))

    bins = np.linspace(0.0, RATE / 2, _FRAME // 2 + 1)[:, None]
    edges = hertz(np.linspace(0.0, float(mel(np.array([RATE / 2]))[0]), BANDS + 2))
    rising = (bins - edges[:-2]) / np.diff(edges)[:-1]
    falling = (edges[2:] - bins) / np.diff(edges)[1:]
    area = 2.0 / (edges[2:] - edges[:-2])
    bank: npt.NDArray[np.float64] = np.maximum(0.0, np.minimum(rising, falling)) * area
    return bank.astype(np.float32)


_MEL = _mel_matrix()
_HANN = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(_FRAME) / _FRAME)).astype(np.float32)


def mel_power(samples: Floats) -> Floats:
    """Return the (160, 40) mel powers of one window: 16 kHz, shape (25600,) or less."""
    level = float(np.sqrt(np.mean(np.square(samples)) + 1e-12)) if len(samples) else 1.0
    half = _FRAME // 2
    fitted = np.resize(samples, WINDOW_SAMPLES) if len(samples) < WINDOW_SAMPLES else samples
    padded = np.pad(fitted * np.float32(_LEVEL / level), half)
    frames = np.lib.stride_tricks.sliding_window_view(padded, _FRAME)[::_STEP][:FRAMES]
    spectrum = np.fft.rfft(frames * _HANN, axis=1)
    power = np.square(spectrum.real) + np.square(spectrum.imag)
    # Below about 260 000 products numpy's matrix library stays on this thread; its others spin.
    stacked = power.astype(np.float32).reshape(5, FRAMES // 5, -1) @ _MEL
    return np.asarray(stacked.reshape(FRAMES, BANDS), np.float32)


class SpeakerEncoder:
    """Holds the weights; `encode` may be called from several threads."""

    def __init__(self, folder: Path | None = None, *, threads: int = 1) -> None:
        import onnxruntime

        tensors = read_tensors((folder or weights.folder("speaker-encoder")) / "pretrained.pt")
        layers = [
            (
                tensors[f"lstm.weight_ih_l{layer}"],
                tensors[f"lstm.weight_hh_l{layer}"],
                tensors[f"lstm.bias_ih_l{layer}"] + tensors[f"lstm.bias_hh_l{layer}"],
            )
            for layer in range(LAYERS)
        ]
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._session: Any = onnxruntime.InferenceSession(
            lstm_stack(layers, FRAMES), options, providers=["CPUExecutionProvider"]
        )
        self._linear = np.ascontiguousarray(tensors["linear.weight"].T)
        self._bias = tensors["linear.bias"]

    def encode(self, windows: Sequence[Floats]) -> Floats:
        """Return a unit vector per window: float32, shape (len(windows), 256).

        A window is 1.6 s of 16 kHz float32; a shorter one is repeated to fill the time. Batches of
        at least four cost half as much for each as single ones.
        """
        if not len(windows):
            return np.zeros((0, HIDDEN), np.float32)
        mels = np.stack([mel_power(window) for window in windows], axis=1)
        (last,) = self._session.run(["last"], {"x": mels})
        vectors = np.maximum(np.einsum("ij,jk", last[0], self._linear) + self._bias, 0.0)
        lengths = np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-6)
        return np.asarray(vectors / lengths, np.float32)


@cache
def shared_encoder() -> SpeakerEncoder:
    """Return one encoder for the process, so that the weights are read once."""
    return SpeakerEncoder()
