"""The scores of one recording, and what can be read from them: events, presence, best names.

Knows nothing of audio or of the model that gave the scores.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from qwen_audio_tools.engines.embedded.sounds import audioset
from qwen_audio_tools.engines.embedded.sounds.loudness_track import sharpened
from qwen_audio_tools.engines.embedded.sounds.sound_grouping import (
    ENTER,
    STAY,
    SoundEvent,
    best_of,
    drop_explained,
    runs,
)
from qwen_audio_tools.engines.embedded.sounds.yamnet import LEVEL_SCORES, PATCH_SECONDS
from qwen_audio_tools.spans import Span, merge

YES, POSSIBLY = 0.3, 0.1

_NOT_EVENTS = audioset.SPEECH | audioset.SCENE | audioset.MEDIUM | {audioset.SILENCE}


@dataclass(frozen=True, slots=True)
class Presence:
    """Whether a sound is there: its highest score and the spans where it is heard."""

    score: float
    spans: tuple[Span, ...]

    @property
    def verdict(self) -> Literal["yes", "possibly", "no evidence"]:
        """What the score allows to say."""
        if self.score >= YES:
            return "yes"
        return "possibly" if self.score >= POSSIBLY else "no evidence"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SoundScores:
    """All scores of at least 0.05, step by step.

    Step i looks at `starts[i]` to `starts[i] + 0.96` seconds; its classes are the `counts[i]` next
    entries of `indices`, with `levels` that index LEVEL_SCORES. `loudness` is in dB for each 40 ms;
    `duration` is in seconds.
    """

    starts: npt.NDArray[np.float32]
    counts: npt.NDArray[np.uint16]
    indices: npt.NDArray[np.uint16]
    levels: npt.NDArray[np.uint8]
    loudness: npt.NDArray[np.int8]
    duration: float

    def to_arrays(self) -> dict[str, npt.NDArray[np.generic]]:
        """Return everything as named arrays, for a cache on disk."""
        names = ("starts", "counts", "indices", "levels", "loudness")
        return {name: getattr(self, name) for name in names} | {
            "duration": np.array(self.duration, np.float64)
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.NDArray[np.generic]]) -> "SoundScores":
        """Rebuild from `to_arrays`."""
        return cls(
            starts=np.asarray(arrays["starts"], np.float32),
            counts=np.asarray(arrays["counts"], np.uint16),
            indices=np.asarray(arrays["indices"], np.uint16),
            levels=np.asarray(arrays["levels"], np.uint8),
            loudness=np.asarray(arrays["loudness"], np.int8),
            duration=float(np.asarray(arrays["duration"], np.float64)),
        )

    def track(self, label: str) -> npt.NDArray[np.float32]:
        """Return the score of one class at each step, 0 where it was below 0.05."""
        return self._tracks({label})[label]

    def peaks(self) -> dict[str, float]:
        """Return the highest score of each class that has any."""
        highest = np.zeros(len(audioset.labels()), np.uint8)
        np.maximum.at(highest, self.indices, self.levels)
        present = np.unique(self.indices)
        return {audioset.labels()[i]: float(LEVEL_SCORES[highest[i]]) for i in present}

    def events(self, *, every: bool = False) -> tuple[SoundEvent, ...]:
        """Return the sounds in order of time, each by its most specific name.

        Speech, silence, the scene and the medium are left out, as others tell them better; with
        `every` they and all broader names stay in.
        """
        wanted = {
            label
            for label, score in self.peaks().items()
            if score >= ENTER and (every or label not in _NOT_EVENTS)
        }
        tracks = self._tracks(wanted)
        found = [
            SoundEvent(
                label=label,
                start=(span := self._span(first, last)).start,
                end=span.end,
                score=round(float(track[first : last + 1].max()), 3),
            )
            for label, track in tracks.items()
            for first, last in runs(track, ENTER, STAY)
        ]
        if every:
            return tuple(sorted(found, key=lambda event: (event.start, event.label)))
        return tuple(drop_explained(found))

    def presence(self, names: Iterable[str]) -> Presence:
        """Return whether any of these classes, or of those below them, is heard, and when.

        Raises KeyError for a name that is no AudioSet class.
        """
        known = list(names)
        for name in known:
            audioset.index_of(name)
        tracks = list(self._tracks(set(audioset.families(known))).values())
        if not tracks or not len(self.starts):
            return Presence(0.0, ())
        best = np.max(tracks, axis=0)
        score = float(best.max())
        enter = min(ENTER, max(STAY, score))
        spans = merge(self._span(first, last) for first, last in runs(best, enter, STAY))
        return Presence(round(score, 3), spans)

    def top(self, count: int = 3, *, among: Iterable[str] | None = None) -> list[tuple[str, float]]:
        """Return the best names for the whole clip with their scores, best first.

        `among` limits the choice, for example to `audioset.INSTRUMENTS` or `audioset.GENRES`.
        """
        allowed = None if among is None else frozenset(among)
        peaks = {
            label: score
            for label, score in self.peaks().items()
            if (label in allowed if allowed is not None else label not in _NOT_EVENTS)
        }
        return best_of(peaks, count)

    def _tracks(self, wanted: set[str]) -> dict[str, npt.NDArray[np.float32]]:
        steps = np.repeat(np.arange(len(self.starts)), self.counts)
        tracks = {}
        for label in sorted(wanted):
            mine = self.indices == audioset.index_of(label)
            track = np.zeros(len(self.starts), np.float32)
            track[steps[mine]] = LEVEL_SCORES[self.levels[mine]]
            tracks[label] = track
        return tracks

    def _span(self, first: int, last: int) -> Span:
        """Return the seconds that a run of steps stands for.

        A sound shows in each patch that contains most of it, so a run begins about a quarter of a
        patch after its first patch does, and ends as much before its last one.
        """
        start = 0.0 if first == 0 else float(self.starts[first]) + PATCH_SECONDS / 4
        end = float(self.starts[last]) + PATCH_SECONDS * 3 / 4
        if last == len(self.starts) - 1:
            end = self.duration
        found = sharpened(Span(start, max(end, start)), self.loudness)
        return Span(*(min(round(edge, 2), self.duration) for edge in found))
