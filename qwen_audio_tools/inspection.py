"""What a file holds and how loud it is, measured in its own rate and channels, without any model.

Loudness follows ITU-R BS.1770-4: K-weighting, 400 ms blocks every 100 ms, gates at -70 LUFS and
10 LU below the mean. The weighting is applied to the spectrum of each 100 ms rather than by two
recursive filters, which numpy does not have: within 0.1 LU of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from qwen_audio_tools.decoding.limits import AudioInfo
from qwen_audio_tools.plotting import plot
from qwen_audio_tools.spans import Span

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from qwen_audio_tools.clip import Clip, Samples

__all__ = ["Inspection", "inspect", "plot"]

Progress = Callable[[str, float, float], None]

_FULL = 0.999
"""Share of full scale that counts as clipped: lossy codecs and 8 bit don't reach 1 exactly."""
_RUN = 3
"""Samples in a row at full scale that make a clipped run: a single one is only a peak."""
_SILENT_DBFS = -50.0
_SILENT_SECONDS = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """How a clip measures. Levels in dB below full scale; -inf, as JSON null, for pure silence.

    `lufs` is None for clips under 0.4 s. `clipped_share` is the share of samples in clipped runs,
    `clipped_runs` their number. `silence` are spans of half a second and more under -50 dBFS.
    """

    name: str
    info: AudioInfo
    seconds: float
    peak_dbfs: float
    rms_dbfs: float
    lufs: float | None
    clipped_share: float
    clipped_runs: int
    silence: tuple[Span, ...]
    warnings: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain data, fit for JSON."""
        values = asdict(self)
        for name in ("peak_dbfs", "rms_dbfs", "lufs"):
            if values[name] is not None and not math.isfinite(values[name]):
                values[name] = None
        values["silence"] = [{"start": span.start, "end": span.end} for span in self.silence]
        values["warnings"] = list(self.warnings)
        return values


def inspect(clip: Clip, progress: Progress | None = None) -> Inspection:
    """Decode a clip once and measure it, in constant memory.

    `progress` is told the seconds that were measured, and how many there are; what it raises ends
    the work.

    Raises:
        ClipError: a kind of it, if the clip can't be opened or decoded.
    """
    from qwen_audio_tools.loudness import Loudness

    levels, loudness = _Levels(), Loudness()
    promised = (clip.duration_hint or 0.0) if progress else 0.0

    def observe(rate: int, block: Samples) -> None:
        import numpy as np

        sound = np.nan_to_num(block, nan=0.0, posinf=0.0, neginf=0.0)
        levels.feed(rate, sound)
        loudness.feed(rate, sound)
        if progress:
            progress("measuring", levels.seconds, max(promised, levels.seconds))

    clip.listen(observe)
    return Inspection(
        name=clip.name,
        info=clip.info,
        seconds=levels.seconds,
        peak_dbfs=_decibels(levels.peak**2),
        rms_dbfs=_decibels(levels.square_sum / max(1, levels.count)),
        lufs=loudness.integrated(),
        clipped_share=levels.clipped / max(1, levels.count),
        clipped_runs=levels.runs,
        silence=levels.silence(),
        warnings=clip.warnings,
    )


def _decibels(power: float) -> float:
    return 10 * math.log10(power) if power > 0 else -math.inf


class _Levels:
    """Peak, power, clipping and silence of blocks of shape (n, channels)."""

    def __init__(self) -> None:
        self.peak, self.square_sum, self.count = 0.0, 0.0, 0
        self.clipped, self.runs, self.seconds = 0, 0, 0.0
        self._tail: npt.NDArray[np.bool_] | None = None  # the last samples, for runs across blocks
        self._quiet_from: float | None = None
        self._silence: list[Span] = []

    def feed(self, rate: int, block: Samples) -> None:
        import numpy as np

        self.peak = max(self.peak, float(np.abs(block).max()))
        self.square_sum += float(np.einsum("ij,ij->", block, block, dtype=np.float64))
        self.count += block.size
        self._clipping(np.abs(block) >= _FULL)
        self._quiet(rate, block)
        self.seconds += len(block) / rate

    def _clipping(self, full: npt.NDArray[np.bool_]) -> None:
        import numpy as np

        if self._tail is None or self._tail.shape[1] != full.shape[1]:
            self._tail = np.zeros((_RUN, full.shape[1]), bool)
        joined = np.concatenate([self._tail, full])
        self._tail = joined[-_RUN:]
        if not full.any():
            return
        # third[i]: samples i, i+1 and i+2 are full; a run begins where the one before is not.
        third = joined[:-2] & joined[1:-1] & joined[2:]
        new = third[1:]
        begins = new & ~third[:-1]
        self.runs += int(begins.sum())
        self.clipped += int(new.sum()) + (_RUN - 1) * int(begins.sum())

    def _quiet(self, rate: int, block: Samples) -> None:
        import numpy as np

        step = max(1, rate // 50)
        starts = np.arange(0, len(block), step)
        power = np.add.reduceat(np.square(block).mean(axis=1), starts)
        power /= np.minimum(step, len(block) - starts)
        quiet = power < 10 ** (_SILENT_DBFS / 10)
        changes = np.flatnonzero(np.diff(quiet, prepend=self._quiet_from is not None))
        for index in changes:
            self._turn(bool(quiet[index]), self.seconds + float(starts[index]) / rate)

    def _turn(self, quiet: bool, at: float) -> None:
        if quiet:
            self._quiet_from = at
            return
        if self._quiet_from is not None and at - self._quiet_from >= _SILENT_SECONDS:
            self._silence.append(Span(self._quiet_from, at))
        self._quiet_from = None

    def silence(self) -> tuple[Span, ...]:
        if self._quiet_from is not None:
            self._turn(False, self.seconds)
        return tuple(self._silence)
