"""Voice measures: pitch and its range, loudness, brightness, pauses and rate of speech.

One pass over a stream of 16 kHz blocks keeps 7 bytes for each 40 ms (10 kB a minute); measures of
any stretch are read from them later, once it is known where speech is.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from qwen_audio_tools.engines.embedded.voices.pitch import pitches
from qwen_audio_tools.engines.embedded.voices.voice_track import (
    VoiceMeasures,
    VoiceTrack,
)
from qwen_audio_tools.spans import Span

__all__ = ["VoiceMeasures", "VoiceMeter", "VoiceTrack", "voice_measures"]

MODEL = "yin"
RATE = 16_000
FRAME, HOP = 1024, 640
_GROUP = 25

Floats = npt.NDArray[np.float32]

_KINDS = (np.float16, np.uint8, np.int8, np.int8, np.uint8)
"""How pitch, clarity, level, tilt and centroid are kept."""
_HANN = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(FRAME) / FRAME)).astype(np.float32)
_HERTZ = np.fft.rfftfreq(FRAME, 1 / RATE).astype(np.float32)
_BELOW = (_HERTZ >= 50) & (_HERTZ < 1000)
_ABOVE = (_HERTZ >= 1000) & (_HERTZ < 5000)


class VoiceMeter:
    """Listens to a stream of 16 kHz blocks: `feed` each, then `finish`.

    Frames are measured in groups of 25 at fixed places, so results don't depend on block size.
    """

    def __init__(self) -> None:
        self._waiting = np.zeros(0, np.float32)
        self._seen = 0
        # Bytes, not a list of small arrays: these took 12 MB an hour, mostly for their headers.
        self._columns = tuple(bytearray() for _ in _KINDS)

    def feed(self, samples: Floats) -> None:
        """Take the next samples, float32 in [-1, 1], shape (n,), any n."""
        self._seen += len(samples)
        self._waiting = np.concatenate([self._waiting, np.asarray(samples, np.float32)])
        need, step = (_GROUP - 1) * HOP + FRAME, _GROUP * HOP
        at = 0
        while len(self._waiting) - at >= need:
            self._add(self._waiting[at : at + need])
            at += step
        if at:
            self._waiting = self._waiting[at:].copy()

    def finish(self) -> VoiceTrack:
        """Return what was measured; the last frame is filled with silence."""
        left = -(-len(self._waiting) // HOP)
        if left:
            need = (left - 1) * HOP + FRAME
            padded = np.pad(self._waiting, (0, max(0, need - len(self._waiting))))
            self._add(padded[:need])
        pitch, clarity, level, tilt, centroid = (
            np.frombuffer(column, kind) for column, kind in zip(self._columns, _KINDS, strict=True)
        )
        return VoiceTrack(
            pitch=pitch,
            clarity=clarity,
            level=level,
            tilt=tilt,
            centroid=centroid,
            duration=self._seen / RATE,
        )

    def _add(self, samples: Floats) -> None:
        for column, values in zip(self._columns, _measure(samples), strict=True):
            column += values.tobytes()


def _measure(samples: Floats) -> tuple[npt.NDArray[np.generic], ...]:
    """Return pitch, clarity, level, tilt and centroid of the frames in `samples`."""
    frames = np.lib.stride_tricks.sliding_window_view(samples, FRAME)[::HOP]
    hertz, clarity = pitches(frames)
    level = 10 * np.log10(np.mean(np.square(frames), axis=1) + 1e-12)
    spectrum = np.fft.rfft(frames * _HANN, axis=1)
    power = np.square(spectrum.real) + np.square(spectrum.imag)
    below = power[:, _BELOW].sum(axis=1) + 1e-9
    above = power[:, _ABOVE].sum(axis=1) + 1e-9
    magnitude = np.sqrt(power)
    centroid = np.einsum("ij,j", magnitude, _HERTZ) / (magnitude.sum(axis=1) + 1e-9)
    measured = (
        hertz,
        np.rint(clarity * 255),
        np.clip(np.rint(level), -120, 20),
        np.clip(np.rint(10 * np.log10(above / below)), -120, 120),
        np.clip(np.rint(centroid / 16), 0, 255),
    )
    return tuple(values.astype(kind) for values, kind in zip(measured, _KINDS, strict=True))


def voice_measures(
    samples: Floats, spans: Sequence[Span] | None = None, *, words: int | None = None
) -> VoiceMeasures:
    """Return the measures of 16 kHz float32 samples; `spans` are where speech is."""
    meter = VoiceMeter()
    meter.feed(samples)
    everything = [Span(0.0, len(samples) / RATE)]
    return meter.finish().measures(spans if spans is not None else everything, words=words)
