"""Sound events: which of 521 sounds are in a recording, when, and how surely.

Streams in constant memory apart from sparse scores (a few kB a minute). Scores are the model's
own and not probabilities; "no evidence" is all that silence about a sound can mean, because a
sound under speech is missed about half of the time.
"""

from array import array

import numpy as np
import numpy.typing as npt

from qwen_audio_tools.engines.embedded import weights
from qwen_audio_tools.engines.embedded.sounds.loudness_track import LoudnessTrack
from qwen_audio_tools.engines.embedded.sounds.sound_grouping import SoundEvent
from qwen_audio_tools.engines.embedded.sounds.sound_scores import Presence, SoundScores
from qwen_audio_tools.engines.embedded.sounds.yamnet import LEVEL_SCORES, RATE, PatchCutter, Yamnet

__all__ = ["Presence", "SoundEvent", "SoundMeter", "SoundScores", "sound_events", "sound_scores"]

MODEL = "yamnet"
KEEP = 0.05


class SoundMeter:
    """Listens to a stream of 16 kHz blocks: `feed` each, then `finish`."""

    def __init__(self, *, threads: int = 1, model: Yamnet | None = None) -> None:
        self._model = model or Yamnet(weights.folder("yamnet"), threads=threads)
        self._cutter = PatchCutter()
        self._loudness = LoudnessTrack()
        self._keep = int(np.argmax(LEVEL_SCORES >= KEEP))
        self._starts, self._counts = array("f"), array("H")
        self._indices, self._levels = array("H"), array("B")

    def feed(self, samples: npt.NDArray[np.float32]) -> None:
        """Take the next samples, float32 in [-1, 1], shape (n,), any n."""
        self._loudness.feed(samples)
        for start, patch in self._cutter.feed(samples):
            self._score(start, patch)

    def finish(self) -> SoundScores:
        """Return the scores of all that was fed."""
        for start, patch in self._cutter.finish():
            self._score(start, patch)
        return SoundScores(
            starts=np.array(self._starts, np.float32),
            counts=np.array(self._counts, np.uint16),
            indices=np.array(self._indices, np.uint16),
            levels=np.array(self._levels, np.uint8),
            loudness=self._loudness.finish(),
            duration=self._cutter.samples_seen / RATE,
        )

    def _score(self, start: float, patch: npt.NDArray[np.float32]) -> None:
        levels = self._model.levels(patch)
        kept = np.flatnonzero(levels >= self._keep)
        self._starts.append(start)
        self._counts.append(len(kept))
        self._indices.frombytes(kept.astype(np.uint16).tobytes())
        self._levels.frombytes(levels[kept].tobytes())


def sound_scores(samples: npt.NDArray[np.float32]) -> SoundScores:
    """Return the scores of a whole recording: 16 kHz float32 mono, shape (n,)."""
    meter = SoundMeter()
    meter.feed(samples)
    return meter.finish()


def sound_events(samples: npt.NDArray[np.float32]) -> tuple[SoundEvent, ...]:
    """Return the sounds of a whole recording with their times: 16 kHz float32 mono, shape (n,)."""
    return sound_scores(samples).events()
