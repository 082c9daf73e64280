"""Sound files of every kind, made on the spot."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import soundfile

Write = Callable[..., Path]

SOUNDFILE = {
    "wav": ("WAV", "PCM_16"),
    "mp3": ("MP3", "MPEG_LAYER_III"),
    "flac": ("FLAC", "PCM_16"),
    "ogg": ("OGG", "VORBIS"),
    "aiff": ("AIFF", "PCM_16"),
    "caf": ("CAF", "PCM_16"),
}
AV = {
    "m4a": ("ipod", "aac"),
    "mp4": ("mp4", "aac"),
    "aac": ("adts", "aac"),
    "opus": ("ogg", "libopus"),
    "webm": ("webm", "libopus"),
    "mkv": ("matroska", "aac"),
    "amr": ("amr", "libopencore_amrnb"),
    "alac": ("ipod", "alac"),
}


def _with_av(path: Path, samples: Any, rate: int, kind: str, options: dict[str, str]) -> None:
    container, codec = AV[kind]
    layout = "mono" if samples.shape[1] == 1 else "stereo"
    with av.open(str(path), "w", format=container, options=options) as file:
        stream = file.add_stream(codec, rate=rate, layout=layout)
        stream.bit_rate = 12_200 if kind == "amr" else 128_000
        context = stream.codec_context
        cutter = av.AudioResampler(
            format=context.format.name,
            layout=layout,
            rate=rate,
            frame_size=context.frame_size or 1024,
        )
        for at in range(0, len(samples), rate):
            planes = np.ascontiguousarray(samples[at : at + rate].T)
            piece = av.AudioFrame.from_ndarray(planes, format="fltp", layout=layout)
            piece.sample_rate, piece.pts = rate, at
            for frame in cutter.resample(piece):
                file.mux(stream.encode(frame))
        for frame in cutter.resample(None):
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))


def _with_soundfile(path: Path, samples: Any, rate: int, kind: str, subtype: str | None) -> None:
    container, usual = SOUNDFILE[kind]
    with soundfile.SoundFile(
        path, "w", rate, samples.shape[1], format=container, subtype=subtype or usual
    ) as file:
        # libsndfile's Vorbis encoder overflows its stack on long writes.
        for at in range(0, len(samples), 8192):
            file.write(samples[at : at + 8192])


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Return a function that writes samples (n,) or (n, channels) as a file of some kind."""

    def write(
        kind: str,
        samples: Any,
        rate: int,
        *,
        name: str = "",
        subtype: str | None = None,
        **options: str,
    ) -> Path:
        path = tmp_path / (name or f"sound.{kind}")
        sound = np.asarray(samples, np.float32)
        sound = sound[:, None] if sound.ndim == 1 else sound
        if kind in SOUNDFILE:
            _with_soundfile(path, sound, rate, kind, subtype)
        else:
            _with_av(path, sound, rate, kind, options)
        return path

    return write


@pytest.fixture
def melody() -> Callable[..., Any]:
    """Return a function that makes a tone gliding around 440 Hz, equal in all channels."""

    def melody(seconds: float, rate: int = 44_100, channels: int = 1) -> Any:
        time = np.arange(round(seconds * rate)) / rate
        one = 0.4 * np.sin(2 * np.pi * (440 * time + 20 * np.sin(3 * time)))
        return np.repeat(one[:, None], channels, axis=1).astype(np.float32)

    return melody
