"""m4a, mp4, opus, webm, mkv, amr, bare aac, and what libsndfile refuses, through libavcodec.

Floats come out in the file's own rate and layout: libswresample would lose quality, and makes
stereo 3 dB louder when it mixes floats down. The demuxer is named and the codecs are listed, so
that neither a playlist nor an exotic decoder can be reached by what a file contains.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, BinaryIO

from qwen_audio_tools.decoding.limits import AudioInfo, Limits
from qwen_audio_tools.decoding.sniff import Container
from qwen_audio_tools.errors import ClipMissing, ClipUnreadable, ClipUnsupported

if TYPE_CHECKING:
    from qwen_audio_tools.decoding.reader import Samples

_CODECS = (
    "aac,aac_latm,opus,vorbis,mp3float,mp3,mp2float,mp2,mp1float,flac,alac,amrnb,amrwb,ac3,eac3,"
    "dca,truehd,speex,wavpack,gsm,gsm_ms,adpcm_ima_wav,adpcm_ms,adpcm_ima_qt,adpcm_g722,adpcm_g726,"
    "pcm_s16le,pcm_s16be,pcm_s24le,pcm_s24be,pcm_s32le,pcm_s32be,pcm_f32le,pcm_f32be,pcm_f64le,"
    "pcm_f64be,pcm_u8,pcm_s8,pcm_mulaw,pcm_alaw,qdm2,ilbc"
)
# Timestamps of these are counted or guessed from the bit rate, so nothing is read from them.
_NO_CLOCK = ("aac", "amr", "mp3", "wav", "w64", "flac", "aiff", "caf")
_COUNTED = ("mp3",)
"""Each packet holds as many samples: whoever has passed all before it by knows where it is."""
_LEAD = 2
"""Seconds decoded before a seek's target, for codecs that lean on earlier frames."""
_NEAR = 0.5
"""Seconds between the header's end and the last packet that count as the same end."""
_MOST_DAMAGED = 10_000


class PyavReader:
    """A recording that libavcodec decodes."""

    def __init__(self, file: BinaryIO, name: str, container: Container, limits: Limits) -> None:
        self._name = name
        self._demuxer = container.demuxer
        size = file.seek(0, 2)
        self._container = open_container(file, name, container)
        self.notes: list[str] = []
        tracks = self._container.streams.audio
        if not tracks:
            raise ClipMissing(f"{name!r} ({container.name}) holds no audio track")
        self._stream = self._container.streams.best("audio") or tracks[0]
        if len(tracks) > 1:
            self.notes.append(
                f"{len(tracks)} audio tracks: only number {tracks.index(self._stream) + 1} was used"
            )
        codec = self._stream.codec_context
        if codec is None or not codec.sample_rate:
            raise ClipUnsupported(
                f"{name!r} ({container.name}) has audio in a codec that is not taken, or damaged",
                hint="convert it: ffmpeg -i FILE out.wav",
            )
        limits.check_format(codec.sample_rate, codec.channels, name)
        base = self._stream.time_base
        self._clock = (base.numerator, base.denominator)
        self._origin = self._find_origin()
        self.claimed = self._header_seconds()
        self.info = AudioInfo(
            container=container.name,
            codec=codec.codec.canonical_name,
            rate=codec.sample_rate,
            channels=codec.channels,
            duration=self.claimed,
            size=size,
        )

    @property
    def _has_clock(self) -> bool:
        return self._demuxer not in _NO_CLOCK

    def _find_origin(self) -> float:
        """Return the seconds on the stream's clock at which the recording begins."""
        first = self._stream.start_time
        if first is None or not (self._has_clock or self._demuxer in _COUNTED):
            return 0.0
        begins = float(first * self._stream.time_base)
        whole = self._container.start_time
        # A track may begin after the video: that silence is part of the recording.
        return min(begins, whole / 1e6) if whole is not None else begins

    def _header_seconds(self) -> float | None:
        if not self._has_clock:
            return None
        stream = self._stream
        if stream.duration:
            ends = float(((stream.start_time or 0) + stream.duration) * stream.time_base)
            return max(0.0, ends - self._origin - self._priming())
        if len(self._container.streams) == 1 and self._container.duration:
            return float(self._container.duration / 1e6)
        return None

    def _priming(self) -> float:
        """Return the seconds that Ogg counts but no Opus decoder gives (RFC 7845, section 4.2)."""
        head = self._stream.codec_context.extradata
        if self._demuxer != "ogg" or not head or head[:8] != b"OpusHead":
            return 0.0
        return int.from_bytes(head[10:12], "little") / 48_000

    def blocks(self, second: int) -> Iterator[tuple[int, Samples]]:
        """Yield (rate, samples) from a whole second on; see Reader."""
        from qwen_audio_tools.decoding.frames import Joiner, drop

        packets = self._container.demux(self._stream)
        sought = self._seek(second)
        if self._demuxer in _COUNTED and second > _LEAD:
            packets, sought = itertools.dropwhile(self._before(second - _LEAD), packets), True
        frames = self._frames(packets)
        first = next(frames, None)
        if first is None:
            return
        frame, _ = first
        begins = (self._place(frame) or 0) if sought else 0
        joiner = Joiner(begins)
        joined = joiner.join(itertools.chain((first,), frames))
        yield from drop(joined, second * frame.sample_rate - begins)
        if joiner.filled:
            self.notes.append(f"{joiner.filled:.1f} s missing in the file were filled with silence")

    def _seek(self, second: int) -> bool:
        """Jump if the clock counts single samples; else one decodes from the start, and drops."""
        stream = self._stream
        exact = self._has_clock and 1 / stream.time_base % stream.codec_context.sample_rate == 0
        if not exact or second <= _LEAD:
            return False
        self._container.seek(int((self._origin + second - _LEAD) / stream.time_base), stream=stream)
        return True

    def _before(self, seconds: float) -> Callable[[Any], bool]:
        at = int((self._origin + seconds) / self._stream.time_base)
        return lambda packet: packet.pts is not None and packet.pts < at

    def _frames(self, packets: Iterator[Any]) -> Iterator[tuple[Any, int | None]]:
        """Yield each frame and the sample of the recording where it belongs, if that is known."""
        import av

        damaged = 0
        decode = self._stream.codec_context.decode
        while True:
            try:
                for frame in decode(next(packets)):
                    yield frame, self._place(frame) if self._has_clock else None
            except StopIteration:
                break
            except av.InvalidDataError:
                damaged += 1
                if damaged > _MOST_DAMAGED:
                    break
            except av.FFmpegError as error:
                self.notes.append(f"decoding stopped early: {_reason(error)}")
                break
        if damaged:
            self.notes.append(f"{damaged} damaged packets were left out")

    def _place(self, frame: Any) -> int | None:
        if frame.pts is None:
            return None
        # The stream's clock, read once: a Fraction for each frame costs a tenth of the decoding.
        ticks, per_second = self._clock
        return int((frame.pts * ticks / per_second - self._origin) * frame.sample_rate + 0.5)

    def reaches(self) -> float | None:
        """Return the header's seconds if packets lie where it says that the end is; see Reader."""
        import av

        if not self._has_clock or not self.claimed:
            return None
        stream, last = self._stream, 0.0
        try:
            at = self._origin + max(0.0, self.claimed - _LEAD)
            self._container.seek(int(at / stream.time_base), stream=stream)
            for packet in self._container.demux(stream):
                if packet.pts is not None:
                    ends = packet.pts + (packet.duration or 0)
                    last = max(last, float(ends * stream.time_base) - self._origin)
        except av.FFmpegError:
            return None
        return self.claimed if abs(last - self.claimed) < _NEAR else None

    def counted(self) -> float:
        """Return the seconds that the packets of an mp3 hold together, without decoding them."""
        import av

        base, ends = self._stream.time_base, 0.0
        with contextlib.suppress(av.FFmpegError):
            for packet in self._container.demux(self._stream):
                if packet.pts is not None:
                    ends = float((packet.pts + (packet.duration or 0)) * base)
        return max(0.0, ends - self._origin)

    def close(self) -> None:
        """Let go of libavformat's context."""
        self._container.close()


def open_container(file: BinaryIO, name: str, container: Container) -> Any:
    """Open a file in libavformat by the demuxer that its first bytes call for, and no other.

    Raises:
        ClipUnreadable: it starts like that container, but isn't one.
    """
    import av

    file.seek(0)
    try:
        return av.open(
            file,
            format=container.demuxer,
            options={"codec_whitelist": _CODECS, "format_whitelist": container.demuxer},
            metadata_errors="replace",
        )
    except (av.FFmpegError, ValueError) as error:
        raise ClipUnreadable(
            f"{name!r} starts like {container.name}, but cannot be read: {_reason(error)}",
            hint="check that it plays; a recording that broke off may have lost its index",
        ) from error


def _reason(error: Exception) -> str:
    text = getattr(error, "strerror", None) or str(error)
    return str(text).rstrip(".").lower()
