"""wav, mp3, flac, aiff and ogg vorbis through libsndfile: the fastest way for these (measured)."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, Any, BinaryIO

from qwen_audio_tools.decoding.limits import AudioInfo, Limits
from qwen_audio_tools.decoding.riff import claimed_seconds
from qwen_audio_tools.decoding.sniff import FLAC, MP3, Container
from qwen_audio_tools.errors import ClipError, ClipUnreadable

if TYPE_CHECKING:
    from qwen_audio_tools.decoding.pyav_reader import PyavReader
    from qwen_audio_tools.decoding.reader import Samples

BLOCK = 131_072
"""Samples read at once, all channels together."""
_ROUNDING = 1e-6
"""Seconds by which two ways to count the same samples may differ."""
_SHORT = 0.5
"""Seconds of an mp3 that may be missing at its end without looking for them."""


class SoundfileReader:
    """A recording that libsndfile decodes."""

    def __init__(self, file: BinaryIO, name: str, container: Container, limits: Limits) -> None:
        import soundfile

        self._file, self._name, self._container, self._limits = file, name, container, limits
        promised = claimed_seconds(file)
        size = file.seek(0, 2)
        file.seek(0)
        try:
            self._sound = _without_seeks()(file)
        except (soundfile.LibsndfileError, TypeError, ValueError) as error:
            raise ClipUnreadable(
                f"{name!r} starts like {container.name}, but cannot be decoded: {_reason(error)}",
                hint="check that it plays, or export it again",
            ) from error
        limits.check_format(self._sound.samplerate, self._sound.channels, name)
        self.notes: list[str] = []
        self.claimed = promised or self._known_seconds()
        self.info = AudioInfo(
            container=container.name,
            codec=self._sound.subtype.lower(),
            rate=self._sound.samplerate,
            channels=self._sound.channels,
            duration=self._known_seconds(),
            size=size,
        )

    def _known_seconds(self) -> float | None:
        frames = self._sound.frames
        # SF_COUNT_MAX stands for "unknown".
        return frames / self._sound.samplerate if 0 < frames < 2**62 else None

    def blocks(self, second: int) -> Iterator[tuple[int, Samples]]:
        """Yield (rate, samples) from a whole second on; see Reader."""
        # libmpg123 throws the bit reservoir away where it is sent to a place inside: what comes
        # first may be wrong, and it complains about that on stderr.
        if second and self._container is MP3 and (other := self._other()):
            with contextlib.closing(other):
                yield from other.blocks(second)
            self.notes.extend(other.notes)
        else:
            yield from self._blocks(second)

    def _blocks(self, second: int) -> Iterator[tuple[int, Samples]]:
        import numpy as np
        import soundfile

        rate, channels = self._sound.samplerate, self._sound.channels
        held = np.empty((max(1, BLOCK // channels), channels), np.float32)
        at = second * rate
        if at >= self._sound.frames:
            return
        stopped = ""
        try:
            self._sound.seek(at)
            while len(block := self._sound.read(dtype="float32", always_2d=True, out=held)):
                at += len(block)
                yield rate, block
        except soundfile.LibsndfileError as error:
            stopped = f"decoding stopped at {at / rate:.1f} s: {_reason(error)}"
        short = self.claimed is not None and self.claimed - at / rate > _SHORT
        if self._container in (MP3, FLAC) and (short or stopped):
            yield from self._after_damage(at)
        elif stopped:
            self.notes.append(stopped)

    def _after_damage(self, at: int) -> Iterator[tuple[int, Samples]]:
        """Yield what libsndfile left: at damage it stops; libavcodec goes on."""
        from qwen_audio_tools.decoding.frames import drop

        other = self._other()
        if other is None:
            self.notes.append(f"decoding stopped at {at / self._sound.samplerate:.1f} s")
            return
        with contextlib.closing(other):
            yield from drop(other.blocks(0), at)
        self.notes.extend(other.notes)

    def _other(self) -> PyavReader | None:
        """Return the same recording in libavcodec, or None where that can't open it."""
        from qwen_audio_tools.decoding.pyav_reader import PyavReader

        try:
            return PyavReader(self._file, self._name, self._container, self._limits)
        except ClipError:
            return None

    def reaches(self) -> float | None:
        """Return the seconds if the very last sample can be read; see Reader."""
        import soundfile

        seconds = self._known_seconds()
        if seconds is None:
            return None
        if self._container is MP3 and (other := self._other()):
            with contextlib.closing(other):
                return seconds if other.counted() > seconds - _ROUNDING else None
        try:
            self._sound.seek(self._sound.frames - 1)
            return seconds if len(self._sound.read(1)) else None
        except soundfile.LibsndfileError:
            return None

    def close(self) -> None:
        """Let go of libsndfile's handle."""
        self._sound.close()


@cache
def _without_seeks() -> Any:
    """Return a SoundFile that does not seek to where it already is after each read.

    soundfile does so in any file that it deems seekable. In mp3, a seek throws away the bits that
    frames borrow from the ones before (the bit reservoir), and the next 0.1 s come out wrong.
    """
    import soundfile

    class Stream(soundfile.SoundFile):  # type: ignore[misc]
        def seekable(self) -> bool:
            return False

    return Stream


def _reason(error: Exception) -> str:
    # "Error opening <object>: Format not recognised." tells more without its first half.
    return str(error).rpartition(": ")[2].rstrip(".").lower() or type(error).__name__
