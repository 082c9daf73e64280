"""One decoding run: a span of an open file as 16 kHz mono blocks, with all that was odd."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, BinaryIO

from qwen_audio_tools.decoding.limits import RATE, AudioInfo, Limits
from qwen_audio_tools.decoding.reader import Reader, open_reader
from qwen_audio_tools.decoding.resampling import MonoResampler
from qwen_audio_tools.errors import ClipError, ClipMissing, ClipUnreadable

if TYPE_CHECKING:
    from qwen_audio_tools.decoding.reader import Samples

_SHORT = 0.1
_TOLERANCE = 0.5
"""Seconds that a header may promise too much before it is said: codecs pad their last frame."""
_LAYOUTS = {2: "stereo", 6: "5.1 surround", 8: "7.1 surround"}


class Decoded:
    """Iterate once for float32 blocks of shape (n,) at 16 kHz; then `warnings` is complete.

    `info` is known at once. `whole` is the length of the recording in seconds if this run went to
    its end. Close it, or use it in a `with`, to stop early.
    """

    def __init__(
        self, reader: Reader, name: str, start: float, end: float | None, limits: Limits
    ) -> None:
        check_span(start, end, name)
        self.info: AudioInfo = reader.info
        self.whole: float | None = None
        self.observe: Callable[[int, Samples], None] | None = None
        """Shown each block of the span in its own rate and channels, before it is mixed."""
        self._reader, self._name, self._limits = reader, name, limits
        self._start, self._end = start, end
        self._warnings: list[str] = []
        known = reader.info.duration
        if known is not None:
            limits.check_seconds((known if end is None else min(known, end)) - start, name)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What was lost, mixed or filled in; complete after the last block."""
        return tuple(self._warnings)

    def __iter__(self) -> Iterator[Samples]:
        """Yield the blocks, of any length but never empty.

        Raises:
            ClipMissing: no audio samples at all, or the span begins after the end.
            ClipUnreadable: every sample is NaN or infinite.
            ClipTooLong: more was decoded than the limits allow.
        """
        # A whole second, see Reader.blocks; one earlier, to let the resampler's filter settle.
        second = max(0, int(self._start) - 1)
        first = round(self._start * RATE)
        stop = None if self._end is None else round(self._end * RATE)
        at, given = second * RATE, 0
        mono = MonoResampler()
        for block in mono.run(self._observed(second)):
            part = block[max(0, first - at) : None if stop is None else max(0, stop - at)]
            at += len(block)
            if len(part):
                given += len(part)
                self._limits.check_seconds(given / RATE, self._name)
                yield part
            if stop is not None and at >= stop:
                break
        else:
            self._ended(at, given)
        self._finish(mono, given)

    def _observed(self, second: int) -> Iterator[tuple[int, Samples]]:
        at = float(second)
        for rate, block in self._reader.blocks(second):
            if self.observe is not None:
                first = max(0, round((self._start - at) * rate))
                last = None if self._end is None else max(0, round((self._end - at) * rate))
                if len(block[first:last]):
                    self.observe(rate, block[first:last])
            at += len(block) / rate
            yield rate, block

    def _ended(self, at: int, given: int) -> None:
        """Judge a run that came to the end of the recording."""
        if not given:
            self._nothing(at)
        self.whole = at / RATE
        claimed = self._reader.claimed
        if claimed is not None and claimed - self.whole > _TOLERANCE:
            self._warnings.append(
                f"ends early: header says {claimed:.1f} s, {self.whole:.1f} s could be decoded"
            )
        elif self._end is not None and self._end - self.whole > 0.05:
            self._warnings.append(
                f"asked for up to {self._end:.1f} s, but it ends at {self.whole:.1f} s"
            )

    def _nothing(self, at: int) -> None:
        known = self._reader.info.duration
        reached = at / RATE if at > max(0, int(self._start) - 1) * RATE else known
        if self._start > 0 and reached:
            raise ClipMissing(
                f"{self._name!r} lasts {reached:.2f} s; nothing begins at {self._start:g} s",
                hint=f"begin before {reached:.2f} s",
            )
        if self._reader.notes:
            raise ClipUnreadable(
                f"{self._name!r} ({self.info.container}) gave no audio: {self._reader.notes[-1]}"
            )
        raise ClipMissing(
            f"no audio samples in {self._name!r} ({self.info.container})",
            hint="the recording is empty: record or export it again",
        )

    def _finish(self, mono: MonoResampler, given: int) -> None:
        if mono.broken:
            if mono.broken == mono.total:
                raise ClipUnreadable(f"{self._name!r} holds no numbers: all samples are NaN or inf")
            self._warnings.insert(
                0, f"{mono.broken} of {mono.total} samples were not numbers and became silence"
            )
        for channels in mono.channels:
            if channels > 1:
                layout = _LAYOUTS.get(channels, f"{channels} channels")
                verb = "was" if channels in _LAYOUTS else "were"
                self._warnings.append(f"{layout} {verb} mixed down to mono")
        if given < _SHORT * RATE:
            self._warnings.append(f"only {given * 1000 / RATE:.0f} ms of audio: too short to judge")
        self._warnings.extend(self._reader.notes)

    def close(self) -> None:
        """Let go of the decoder."""
        self._reader.close()

    def __enter__(self) -> Decoded:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def check_span(start: float, end: float | None, name: str) -> None:
    """Raise ClipError where a span is negative, reversed, empty or not a number (seconds)."""
    if not 0 <= start < float("inf"):
        raise ClipError(f"{name!r} cannot begin at {start!r} s; 0 or more is allowed")
    if end is not None and not end > start:
        raise ClipError(f"{name!r}: a span from {start!r} s to {end!r} s is empty or reversed")


def decode(
    file: BinaryIO,
    *,
    start: float = 0.0,
    end: float | None = None,
    limits: Limits | None = None,
    name: str = "",
) -> Decoded:
    """Open a recording for one run over [start, end) in seconds, streamed in constant memory.

    `file` is a seekable binary file, opened by the caller and left open. `name` is for messages.

    Raises:
        ClipError: a kind of it that says what is wrong; see `qwen_audio_tools.errors`.
    """
    name = name or str(getattr(file, "name", "") or "audio")
    limits = limits or Limits()
    check_span(start, end, name)
    return Decoded(open_reader(file, name, limits), name, start, end, limits)


def probe(file: BinaryIO, *, limits: Limits | None = None, name: str = "") -> AudioInfo:
    """Return what the header of an open, seekable binary file says, without decoding it."""
    name = name or str(getattr(file, "name", "") or "audio")
    reader = open_reader(file, name, limits or Limits())
    try:
        return reader.info
    finally:
        reader.close()
