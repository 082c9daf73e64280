"""What a voice does in each 40 ms, kept small, and the measures that are read from it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from qwen_audio_tools.engines.embedded.voices.pitch import LOWEST, without_octave_slips
from qwen_audio_tools.spans import Span, gaps, merge, total_seconds

HOP_SECONDS = 0.04
CENTRE_SECONDS = 0.032
CLEAR = 0.65
SHORTEST_PAUSE = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class VoiceMeasures:
    """Measures of the speech in some spans; None where there was too little voice to tell.

    Pitches are in Hz, `pitch_range` in semitones (10th to 90th percentile), levels in dB below full
    scale, `tilt` in dB (1-5 kHz against below 1 kHz: higher is more pressed), `centroid` in Hz,
    pauses in seconds, `words_per_minute` while speaking. All but `level` are free of the
    recording's level.
    """

    speech_seconds: float
    voiced_share: float
    pitch: float | None
    pitch_low: float | None
    pitch_high: float | None
    pitch_range: float | None
    level: float | None
    dynamics: float | None
    tilt: float | None
    centroid: float | None
    pauses: int
    longest_pause: float
    pause_share: float
    words_per_minute: float | None

    def to_dict(self) -> dict[str, float | None]:
        """Return a JSON-ready dict."""
        return asdict(self)

    def adult(self) -> tuple[Literal["male", "female"], float] | None:
        """Return whose voice the pitch suggests, with a certainty from 0.5 to 0.95, or None.

        Calm adult voices part at about 165 Hz; raised ones and children's sound like women's.
        """
        if self.pitch is None:
            return None
        distance = 12 * np.log2(self.pitch / 165.0)
        lively = max(0.0, (self.pitch_range or 0.0) - 8.0) * 0.02
        certainty = float(np.clip(0.5 + 0.09 * abs(distance), 0.5, 0.95))
        if distance > 0:
            certainty = min(0.9, certainty - lively)
        return ("female" if distance > 0 else "male"), round(max(0.5, certainty), 2)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class VoiceTrack:
    """For each 40 ms: pitch in Hz, clarity of 255, level and tilt in dB, centroid in 16 Hz."""

    pitch: npt.NDArray[np.float16]
    clarity: npt.NDArray[np.uint8]
    level: npt.NDArray[np.int8]
    tilt: npt.NDArray[np.int8]
    centroid: npt.NDArray[np.uint8]
    duration: float

    def to_arrays(self) -> dict[str, npt.NDArray[np.generic]]:
        """Return everything as named arrays, for a cache on disk."""
        names = ("pitch", "clarity", "level", "tilt", "centroid")
        return {name: getattr(self, name) for name in names} | {
            "duration": np.array(self.duration, np.float64)
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.NDArray[np.generic]]) -> "VoiceTrack":
        """Rebuild from `to_arrays`."""
        return cls(
            pitch=np.asarray(arrays["pitch"], np.float16),
            clarity=np.asarray(arrays["clarity"], np.uint8),
            level=np.asarray(arrays["level"], np.int8),
            tilt=np.asarray(arrays["tilt"], np.int8),
            centroid=np.asarray(arrays["centroid"], np.uint8),
            duration=float(np.asarray(arrays["duration"], np.float64)),
        )

    def cut(self, span: Span) -> "VoiceTrack":
        """Return the part of the track between two seconds; its times count from the first."""
        first, last = (max(0, round(second / HOP_SECONDS)) for second in span)
        names = ("pitch", "clarity", "level", "tilt", "centroid")
        columns = {name: getattr(self, name)[first:last] for name in names}
        return VoiceTrack(**columns, duration=min(span.end, self.duration) - span.start)

    def measures(
        self, speech: Iterable[Span], *, words: int | None = None, within: Span | None = None
    ) -> VoiceMeasures:
        """Return the measures of the speech in `speech`, seconds; of what lies `within`, if given.

        `words` is how many words were said there; see `transcript.spoken_words`.
        """
        spans = _clipped(speech, within or Span(0.0, self.duration))
        inside = self._inside(spans)
        loud = inside & (self.level > _floor(self.level[inside]))
        voiced = loud & (self.clarity >= CLEAR * 255) & (self.pitch > LOWEST)
        pitch = without_octave_slips(self.pitch.astype(np.float32), voiced)
        low, middle, high = _percentiles(pitch, (10, 50, 90))
        quiet, loudest = _percentiles(self.level[loud].astype(np.float32), (10, 95))[:2]
        seconds = total_seconds(spans)
        pauses = [gap.seconds for gap in _pauses(spans)]
        whole = seconds + sum(pauses)
        return VoiceMeasures(
            speech_seconds=round(seconds, 2),
            voiced_share=round(float(voiced.sum() / max(1, loud.sum())), 2),
            pitch=middle,
            pitch_low=low,
            pitch_high=high,
            pitch_range=round(12 * float(np.log2(high / low)), 1) if low and high else None,
            level=_level(self.level[loud]),
            dynamics=None if quiet is None or loudest is None else round(loudest - quiet, 1),
            tilt=_percentiles(self.tilt[voiced].astype(np.float32), (50,))[0],
            centroid=_percentiles(self.centroid[voiced].astype(np.float32) * 16, (50,))[0],
            pauses=len(pauses),
            longest_pause=round(max(pauses, default=0.0), 2),
            pause_share=round(sum(pauses) / whole, 2) if whole else 0.0,
            words_per_minute=round(60 * words / seconds, 0) if words and seconds > 0.5 else None,
        )

    def _inside(self, spans: Sequence[Span]) -> npt.NDArray[np.bool_]:
        inside = np.zeros(len(self.pitch), np.bool_)
        for span in spans:
            first = int(np.ceil((span.start - CENTRE_SECONDS) / HOP_SECONDS))
            last = int(np.floor((span.end - CENTRE_SECONDS) / HOP_SECONDS))
            inside[max(first, 0) : max(last + 1, 0)] = True
        return inside


def _clipped(spans: Iterable[Span], whole: Span) -> tuple[Span, ...]:
    cut = (Span(max(a, whole.start), min(b, whole.end)) for a, b in spans)
    return merge(span for span in cut if span.seconds > 0)


def _pauses(spans: Sequence[Span]) -> list[Span]:
    if not spans:
        return []
    between = gaps(spans, Span(spans[0].start, spans[-1].end))
    return [gap for gap in between if gap.seconds >= SHORTEST_PAUSE]


def _floor(levels: npt.NDArray[np.int8]) -> float:
    """Return the level under which a frame is no speech: 35 dB below the loud ones."""
    return float(np.percentile(levels, 95)) - 35.0 if len(levels) else 0.0


def _level(levels: npt.NDArray[np.int8]) -> float | None:
    if not len(levels):
        return None
    power = np.mean(10.0 ** (levels.astype(np.float64) / 10))
    return round(float(10 * np.log10(power)), 1)


def _percentiles(values: npt.NDArray[np.float32], wanted: Sequence[int]) -> list[float | None]:
    if len(values) < 5:
        return [None] * max(2, len(wanted))
    return [round(float(value), 1) for value in np.percentile(values, wanted)]
