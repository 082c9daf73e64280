"""The log-mel spectrogram that Whisper hears, without padding to 30 s before the work is done."""

from functools import lru_cache

import numpy as np
import numpy.typing as npt

RATE = 16_000
HOP = 160
FRAMES_PER_SECOND = RATE // HOP
_FFT = 400

Samples = npt.NDArray[np.float32]


def log_mel(samples: Samples, frames: int, bands: int = 80) -> npt.NDArray[np.float32]:
    """Return log-mel features, shape (bands, frames); 10 ms a frame, zeros past the end.

    Log10 power in Slaney mel bands from a 25 ms Hann window, floored 8 below the peak and scaled
    to about [-1, 1]: the features of Radford et al. 2022, "Robust Speech Recognition via
    Large-Scale Weak Supervision", §2.2, as OpenAI's code computes them.
    """
    out = np.zeros((bands, frames), np.float32)
    samples = samples[: frames * HOP]
    if not len(samples):
        return out
    half = _FFT // 2
    samples = samples.astype(np.float32, copy=False)
    padded = np.pad(samples, half, mode="reflect" if len(samples) > half else "constant")
    count = min(frames, 1 + (len(padded) - _FFT) // HOP)
    windows = np.lib.stride_tricks.sliding_window_view(padded, _FFT)[::HOP][:count]
    spectrum = np.fft.rfft(windows * _hann(), axis=-1)
    power = (spectrum.real**2 + spectrum.imag**2).astype(np.float32)
    mel = np.log10(np.maximum(_filters(bands) @ power.T, 1e-10))
    out[:, :count] = (np.maximum(mel, mel.max() - 8.0) + 4.0) / 4.0
    return out


@lru_cache(maxsize=1)
def _hann() -> npt.NDArray[np.float32]:
    return np.asarray(np.hanning(_FFT + 1)[:-1], np.float32)


@lru_cache(maxsize=2)
def _filters(bands: int) -> npt.NDArray[np.float32]:
    """Return triangles on the Slaney mel scale (linear below 1 kHz, then log), of equal area."""
    edges = _hertz(np.linspace(0.0, _mel(RATE / 2), bands + 2))
    bins = np.fft.rfftfreq(_FFT, 1 / RATE)
    rising = (bins - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    falling = (edges[2:, None] - bins) / (edges[2:] - edges[1:-1])[:, None]
    triangles = np.maximum(0.0, np.minimum(rising, falling))
    return np.asarray(triangles * (2.0 / (edges[2:] - edges[:-2]))[:, None], np.float32)


def _mel(hertz: float) -> float:
    return float(15.0 + 27.0 * np.log(hertz / 1000.0) / np.log(6.4))


def _hertz(mel: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.where(mel < 15.0, mel * 200.0 / 3.0, 1000.0 * 6.4 ** ((mel - 15.0) / 27.0))
