"""What a recording may cost, and what its header says of it; knows no decoder."""

import math
from dataclasses import dataclass

from qwen_audio_tools.errors import ClipTooLong, ClipUnreadable

RATE = 16_000
"""The rate of all samples behind the decoder, in Hz."""

_DAY = 24 * 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioInfo:
    """What the header of a recording says.

    `rate` in Hz, `duration` in seconds (None where only decoding can tell), `size` in bytes.
    """

    container: str
    codec: str
    rate: int
    channels: int
    duration: float | None
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The most that one recording may cost. Checked before decoding and while it runs.

    `max_seconds` bounds the span that is decoded, not the file that it is cut from.
    """

    max_bytes: int = 4 * 2**30
    max_seconds: float = _DAY
    max_channels: int = 64
    min_rate: int = 2_000
    max_rate: int = 768_000

    def check_size(self, size: int, name: str) -> None:
        """Raise ClipTooLong where the source has more bytes than allowed."""
        if size > self.max_bytes:
            raise ClipTooLong(
                f"{name!r} has {size:,} bytes; at most {self.max_bytes:,} are allowed",
                hint="cut it into parts, or compress it (mp3, m4a, opus)",
            )

    def check_format(self, rate: int, channels: int, name: str) -> None:
        """Raise ClipTooLong or ClipUnreadable where rate (Hz) or channels are out of bounds."""
        if not self.min_rate <= rate <= self.max_rate:
            raise ClipUnreadable(
                f"{name!r} claims a rate of {rate} Hz; "
                f"{self.min_rate} to {self.max_rate} Hz are allowed",
                hint="the header may be damaged: export the file again",
            )
        if channels < 1:
            raise ClipUnreadable(f"{name!r} claims to have no channel")
        if channels > self.max_channels:
            raise ClipTooLong(
                f"{name!r} has {channels} channels; at most {self.max_channels} are allowed",
                hint="export the channels that matter as stereo or mono",
            )

    def check_seconds(self, seconds: float, name: str) -> None:
        """Raise ClipTooLong where more seconds than allowed would be, or were, decoded."""
        if seconds > self.max_seconds:
            raise ClipTooLong(
                f"{name!r} has more than the {_time(self.max_seconds)} of audio that are allowed",
                hint="ask about a part of it, by its start and end",
            )


def _time(seconds: float) -> str:
    hours = seconds / 3600
    if hours >= 1 and math.isclose(hours, round(hours)):
        return f"{round(hours)} h"
    return f"{seconds:g} s"
