"""Write a clip to a file that people can play: pydub cuts and fades, libsndfile encodes.

pydub alone would need an ffmpeg program for anything but wav. The clip keeps its own rate where
the format allows it, and its channels up to two.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qwen_audio_tools.errors import ClipError, ClipUnsupported
from qwen_audio_tools.replacing import replaced

if TYPE_CHECKING:
    from qwen_audio_tools.clip import Clip, Samples

_FORMATS = {
    ".wav": ("WAV", "PCM_16", ()),
    ".flac": ("FLAC", "PCM_16", ()),
    ".mp3": (
        "MP3",
        "MPEG_LAYER_III",
        (8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000),
    ),
    ".ogg": ("OGG", "VORBIS", (8_000, 16_000, 22_050, 32_000, 44_100, 48_000)),
    ".opus": ("OGG", "OPUS", (8_000, 12_000, 16_000, 24_000, 48_000)),
}
_STEP = 8_192


def export(clip: Clip, path: str | Path, fade_seconds: float = 0.0) -> None:
    """Write a clip as wav, flac, mp3, ogg or opus, by the name's end.

    `fade_seconds` fade in and out at the cut ends. An old file is replaced only on success.

    Raises:
        ClipUnsupported: another ending.
        ClipError: a fade that is negative or does not fit, or the clip can't be decoded.
    """
    path = Path(path)
    if path.suffix.lower() not in _FORMATS:
        raise ClipUnsupported(
            f"{path.name!r} can't be written; allowed endings are {', '.join(_FORMATS)}"
        )
    segment = _faded(segment_of(clip), fade_seconds)
    with replaced(path) as fresh:
        if path.suffix.lower() == ".wav":
            segment.export(fresh, format="wav").close()
        else:
            _encode(segment, fresh, path.suffix.lower())


def segment_of(clip: Clip) -> Any:
    """Return a clip as a `pydub.AudioSegment`: 16 bit, its own rate, one or two channels."""
    import numpy as np

    parts: list[bytes] = []
    rates: list[int] = []
    channels: list[int] = []

    def observe(rate: int, block: Samples) -> None:
        rates.append(rate)
        wide = block.shape[1]
        channels.append(wide)
        sound = np.nan_to_num(block, nan=0.0, posinf=0.0, neginf=0.0)
        if wide > 2:
            sound = (sound @ np.full(wide, 1 / wide, np.float32))[:, None]
        parts.append(np.clip(np.rint(sound * 32768), -32768, 32767).astype("<i2").tobytes())

    clip.listen(observe)
    if len(set(rates)) > 1 or len(set(channels)) > 1:
        raise ClipError(f"{clip.name!r} changes its rate or channels on the way")
    kept = channels[0] if channels[0] <= 2 else 1
    return _pydub().AudioSegment(
        data=b"".join(parts), sample_width=2, frame_rate=rates[0], channels=kept
    )


def _pydub() -> Any:
    with warnings.catch_warnings():
        # It warns of a missing ffmpeg, which is not used here, and of its own old syntax.
        warnings.simplefilter("ignore")
        import pydub

        return pydub


def _faded(segment: Any, seconds: float) -> Any:
    if not 0 <= seconds * 2 <= segment.duration_seconds:
        raise ClipError(
            f"a fade of {seconds!r} s at both ends of {segment.duration_seconds:.2f} s; "
            "0 to half of the clip is allowed"
        )
    length = round(seconds * 1000)
    return segment.fade_in(length).fade_out(length) if length else segment


def _encode(segment: Any, path: Path, suffix: str) -> None:
    import soundfile

    kind, subtype, rates = _FORMATS[suffix]
    samples, rate = _at_rate(segment, rates)
    with soundfile.SoundFile(
        path, "w", rate, segment.channels, format=kind, subtype=subtype
    ) as file:
        # In pieces: libsndfile's Vorbis encoder overflows its stack on long writes.
        for at in range(0, len(samples), _STEP):
            file.write(samples[at : at + _STEP])


def _at_rate(segment: Any, rates: tuple[int, ...]) -> tuple[Any, int]:
    """Return the samples at the lowest rate of the format that loses nothing, or its highest."""
    import numpy as np
    import soxr

    # As floats: libsndfile 1.2.2 mixes up the channels of 16 bit stereo on its way into mp3.
    whole = np.frombuffer(segment.raw_data, "<i2").astype(np.float32) / np.float32(32_768)
    samples = whole.reshape(-1, segment.channels)
    rate = segment.frame_rate
    if not rates or rate in rates:
        return samples, rate
    better = min((one for one in rates if one > rate), default=max(rates))
    return soxr.resample(samples, rate, better, quality="HQ"), better
