"""What of a long recording is heard at once: parts that together hold every second.

A part ends at a pause. Where speech runs on without one, the parts on both sides of the cut hear
a little of each other, so that the word that was cut is whole in one of them.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from qwen_audio_tools.clip import Clip
from qwen_audio_tools.decoding.limits import RATE
from qwen_audio_tools.spans import Span
from qwen_audio_tools.windows import Window, windows

if TYPE_CHECKING:
    from qwen_audio_tools.clip import Samples

MARGIN = 1.0
"""Seconds that a part hears of its neighbour where speech runs on: some three words."""
_FRAME = RATE // 50
_QUIET = 10 ** (-18 / 10)
"""A pause is this much weaker than the loud parts of its surroundings: 18 dB."""
_PAUSE = 12
"""Frames that make a pause, 240 ms: slow speakers hold a "pt" for 160."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What an engine hears at once.

    `clip` is the audio, `span` the seconds that it answers for: those of all parts follow each
    other without a gap. `number` counts the clips of a conversation from 1. `overlaps` says that
    it begins within what the part before it heard.
    """

    clip: Clip
    span: Span
    number: int = 1
    overlaps: bool = False


def parts(clip: Clip, limit: float, *, margins: bool = False, number: int = 1) -> Iterator[Part]:
    """Yield the parts of a clip, each at most `limit` seconds long.

    With `margins` those between which speech runs on overlap by `2 * MARGIN` seconds.

    Raises:
        ClipError: the clip can't be decoded.
    """
    offset = clip.start or 0.0
    if clip.duration <= limit:
        yield Part(clip=clip, span=Span(offset, offset + clip.duration), number=number)
        return
    margin = min(MARGIN, limit / 7) if margins else 0.0
    levels = _Levels(limit)
    runs_on = 0.0  # seconds to hear of the part before
    for window, is_last in _with_last(windows(levels.watch(clip), limit - 2 * margin)):
        ahead = 0.0 if is_last or not margin or levels.pause_at(window.end) else margin
        yield Part(
            clip=clip[window.start - runs_on : window.end + ahead],
            span=Span(offset + window.start, offset + window.end),
            number=number,
            overlaps=runs_on > 0,
        )
        runs_on = ahead


def _with_last(found: Iterator[Window]) -> Iterator[tuple[Window, bool]]:
    # One window is read ahead: nothing comes after the last, so its end is no cut.
    before = next(found, None)
    while before is not None:
        following = next(found, None)
        yield before, following is None
        before = following


class _Levels:
    """The energy of each 20 ms of what was decoded lately."""

    def __init__(self, limit: float) -> None:
        # The window that is asked about, the one read ahead, and the block that closed that one.
        self._kept: deque[float] = deque(maxlen=int((2 * limit + 2.0) * 50))
        self._seen = 0

    def watch(self, clip: Clip) -> "Iterator[Samples]":
        """Yield the clip's samples in blocks of a second, remembering how loud they are."""
        import numpy as np

        for block in clip.blocks(1.0):
            frames = block[: len(block) // _FRAME * _FRAME].reshape(-1, _FRAME)
            found = np.einsum("ij,ij->i", frames, frames).tolist()
            self._kept.extend(found)
            self._seen += len(found)
            yield block

    def pause_at(self, second: float) -> bool:
        """Whether that second lies in a pause, and not in the closure of a consonant."""
        import numpy as np

        energies = np.asarray(self._kept)
        # In digital silence a window ends anywhere in the pause, so its whole length is looked at.
        loud_at = np.flatnonzero(energies > np.percentile(energies, 90) * _QUIET)
        middle = round(second * 50) - (self._seen - len(energies))
        after = int(np.searchsorted(loud_at, middle))
        begins = loud_at[after - 1] + 1 if after else 0
        ends = loud_at[after] if after < len(loud_at) else len(energies)
        return bool(ends - begins >= _PAUSE)
