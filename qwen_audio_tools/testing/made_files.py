"""Writes samples into files of any common kind, so that decoding can be tested on them."""

from collections.abc import Mapping
from fractions import Fraction
from os import PathLike
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from qwen_audio_tools.errors import ClipUnsupported
from qwen_audio_tools.testing.made_speech import RATE

_WITH_SOUNDFILE: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "wav": ("WAV", "PCM_16"),
        "wav24": ("WAV", "PCM_24"),
        "wavfloat": ("WAV", "FLOAT"),
        "aiff": ("AIFF", "PCM_16"),
        "flac": ("FLAC", "PCM_16"),
        "mp3": ("MP3", "MPEG_LAYER_III"),
        "ogg": ("OGG", "VORBIS"),
    }
)
_WITH_AV: Mapping[str, tuple[str, str]] = MappingProxyType(
    {  # name: container, codec
        "opus": ("ogg", "libopus"),
        "m4a": ("ipod", "aac"),
        "aac": ("adts", "aac"),
        "webm": ("webm", "libopus"),
        "mp4": ("mp4", "aac"),
        "mkv": ("matroska", "aac"),
        "amr": ("amr", "libopencore_amrnb"),  # 8 kHz mono only
    }
)
KINDS = (*_WITH_SOUNDFILE, *_WITH_AV)
"""What `write` takes: the usual file endings, and wav24 and wavfloat, which end in .wav too."""
_OPUS_RATE = 48_000
_VIDEO_SIZE = 64


def write(
    path: str | PathLike[str],
    samples: npt.NDArray[np.float32],
    *,
    kind: str | None = None,
    rate: int = RATE,
    channels: int = 1,
    bit_rate: int = 64_000,
) -> Path:
    """Write samples (shape (n,) or (n, channels), at 16 kHz) and return the path.

    `kind` is one of KINDS, by default the path's ending. The samples are brought to `rate` (opus
    always counts at 48 kHz) and a mono signal is copied to `channels`. mp4, mkv and webm hold no
    picture; `write_video` adds one. All but ogg, whose stream gets a random number, come out the
    same each time. Raises ClipUnsupported for a kind that isn't in KINDS.
    """
    target = Path(path)
    kind = kind or target.suffix.removeprefix(".").lower()
    if kind not in KINDS:
        raise ClipUnsupported(f"no kind of file {kind!r}; there are {', '.join(KINDS)}")
    if kind in ("opus", "webm"):
        rate = _OPUS_RATE
    frames = _frames(samples, rate, channels)
    if kind in _WITH_SOUNDFILE:
        _write_soundfile(target, frames, kind, rate)
    else:
        _write_av(target, frames, _WITH_AV[kind], rate, bit_rate)
    return target


def write_video(
    path: str | PathLike[str],
    samples: npt.NDArray[np.float32] | None = None,
    *,
    seconds: float = 2.0,
    rate: int = 48_000,
) -> Path:
    """Write an mp4 or mkv of a grey picture, with the samples (16 kHz) as sound or with none."""
    import av

    target = Path(path)
    if samples is not None:
        seconds = len(samples) / RATE
    container = "matroska" if target.suffix == ".mkv" else "mp4"
    with av.open(str(target), "w", format=container) as out:
        picture = out.add_stream("mpeg4", rate=10)
        picture.width = picture.height = _VIDEO_SIZE
        picture.pix_fmt = "yuv420p"
        sound = None
        if samples is not None:
            sound = out.add_stream("aac", rate=rate)
            sound.layout = "mono"
        image = np.full((_VIDEO_SIZE, _VIDEO_SIZE, 3), 128, np.uint8)
        for number in range(max(1, round(seconds * 10))):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 10)
            out.mux(picture.encode(frame))
        out.mux(picture.encode(None))
        if sound is not None and samples is not None:
            _encode(out, sound, _frames(samples, rate, 1), rate)
    return target


def _frames(samples: npt.NDArray[np.float32], rate: int, channels: int) -> npt.NDArray[np.float32]:
    """Return the samples at `rate`, shape (n, channels)."""
    import soxr

    frames = samples if samples.ndim == 2 else np.repeat(samples[:, None], channels, axis=1)
    if rate != RATE:
        frames = soxr.resample(frames, RATE, rate, quality="HQ")
    return np.ascontiguousarray(np.clip(frames, -1.0, 1.0), dtype=np.float32)


def _write_soundfile(target: Path, frames: npt.NDArray[np.float32], kind: str, rate: int) -> None:
    import soundfile

    container, subtype = _WITH_SOUNDFILE[kind]
    shape = (rate, frames.shape[1])
    with soundfile.SoundFile(target, "w", *shape, subtype=subtype, format=container) as out:
        # libsndfile overflows its stack on one long write of Vorbis.
        for start in range(0, len(frames), rate):
            out.write(frames[start : start + rate])


def _write_av(
    target: Path,
    frames: npt.NDArray[np.float32],
    kind: tuple[str, str],
    rate: int,
    bit_rate: int,
) -> None:
    import av

    container, codec = kind
    if codec == "libopencore_amrnb" and (rate != 8000 or frames.shape[1] != 1):
        raise ClipUnsupported(f"amr holds 8000 Hz mono, not {rate} Hz with {frames.shape[1]}")
    with av.open(str(target), "w", format=container, options={"fflags": "+bitexact"}) as out:
        stream: Any = out.add_stream(codec, rate=rate)
        stream.layout = _layout(frames.shape[1])
        stream.bit_rate = 12_200 if codec == "libopencore_amrnb" else bit_rate
        _encode(out, stream, frames, rate)


def _encode(out: Any, stream: Any, frames: npt.NDArray[np.float32], rate: int) -> None:
    """Hand the frames to the encoder in the sizes and the sample format that it asks for."""
    import av

    layout = _layout(frames.shape[1])
    wanted = stream.codec_context.codec.audio_formats[0].name
    fitting = av.AudioResampler(format=wanted, layout=layout, rate=rate)
    queue = av.AudioFifo()
    for start in range(0, len(frames), rate):
        flat = np.ascontiguousarray(frames[start : start + rate].reshape(1, -1))
        frame = av.AudioFrame.from_ndarray(flat, format="flt", layout=layout)
        frame.sample_rate = rate
        for fitted in fitting.resample(frame):
            fitted.pts = None
            queue.write(fitted)
        size = stream.codec_context.frame_size or 1024
        for piece in queue.read_many(size):
            out.mux(stream.encode(piece))
    rest = queue.read(0, partial=True)
    if rest is not None:
        out.mux(stream.encode(rest))
    out.mux(stream.encode(None))


def _layout(channels: int) -> str:
    names = {1: "mono", 2: "stereo", 6: "5.1", 8: "7.1"}
    if channels not in names:
        raise ClipUnsupported(f"{channels} channels in a coded file; allowed are {sorted(names)}")
    return names[channels]
