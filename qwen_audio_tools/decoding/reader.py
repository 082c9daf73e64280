"""The seam between containers and the one pipeline behind them; knows which decoder takes what."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO, Protocol

from qwen_audio_tools.decoding.limits import AudioInfo, Limits
from qwen_audio_tools.decoding.sniff import sniff
from qwen_audio_tools.errors import ClipUnreadable

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    import numpy.typing as npt

    Samples = npt.NDArray[np.float32]


class Reader(Protocol):
    """An opened recording in its own rate and channels."""

    info: AudioInfo
    claimed: float | None
    """Seconds that the header promises; what can be decoded may be less."""
    notes: list[str]
    """Warnings; complete once `blocks` is exhausted."""

    def blocks(self, second: int) -> Iterator[tuple[int, Samples]]:
        """Yield (rate in Hz, float32 samples of shape (n, channels)) from a whole second on.

        A whole second, since that is a whole number of samples at any rate: so the resampler
        behind it is in the same phase wherever one begins. Samples are valid until the next step.
        """
        ...

    def reaches(self) -> float | None:
        """Return the seconds of the whole recording if the file proves them without decoding."""
        ...

    def close(self) -> None:
        """Let go of the decoder; the file stays open."""
        ...


def open_reader(file: BinaryIO, name: str, limits: Limits) -> Reader:
    """Open a seekable binary file with the decoder that its first bytes call for.

    Raises:
        ClipMissing, ClipUnsupported, ClipUnreadable, ClipTooLong: see their docstrings.
    """
    from qwen_audio_tools.decoding.pyav_reader import PyavReader
    from qwen_audio_tools.decoding.soundfile_reader import SoundfileReader

    size = file.seek(0, 2)
    limits.check_size(size, name)
    container = sniff(file, name)
    if not container.soundfile:
        return PyavReader(file, name, container, limits)
    try:
        return SoundfileReader(file, name, container, limits)
    except ClipUnreadable as error:
        # Such as mp3 or mu-law variants inside a wav, which libavcodec knows.
        try:
            return PyavReader(file, name, container, limits)
        except ClipUnreadable:
            raise error from None
