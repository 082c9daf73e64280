"""Who speaks when, and how many voices there are: an estimate from the sound of the voices.

One voice or several is told well; the exact number is right about half of the time in hard
recordings (far microphones, people talking over each other), so it is given with a certainty.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from qwen_audio_tools.engines.embedded.voices.speaker_encoder import (
    RATE,
    SpeakerEncoder,
    shared_encoder,
)
from qwen_audio_tools.engines.embedded.voices.turns import (
    SpeakerTurn,
    SpeakerTurns,
    turns_of,
    windows_of,
)
from qwen_audio_tools.engines.embedded.voices.voice_clusters import (
    THRESHOLD,
    Labels,
    cluster,
    similarity,
)
from qwen_audio_tools.spans import Span, merge

__all__ = ["SpeakerMeter", "SpeakerTurn", "SpeakerTurns", "speaker_turns"]

MODEL = "ge2e"
SHORTEST = 0.4
_BATCH = 16

Floats = npt.NDArray[np.float32]


class SpeakerMeter:
    """Listens to a stream whose speech spans are known: `feed` each block, then `finish`.

    Keeps one vector of 512 bytes for each 0.8 s of speech, and the samples of one window.
    """

    def __init__(self, spans: Sequence[Span], *, encoder: SpeakerEncoder | None = None) -> None:
        self._encoder = encoder
        self._spans = [span for span in merge(spans, gap=0.2) if span.seconds >= SHORTEST]
        self._windows = [window for span in self._spans for window in windows_of(span)]
        self._next = 0
        self._batch: list[Floats] = []
        self._vectors: list[npt.NDArray[np.float16]] = []
        self._kept = np.zeros(0, np.float32)
        self._kept_from = 0

    def feed(self, samples: Floats) -> None:
        """Take the next samples, 16 kHz float32, any count."""
        self._kept = np.concatenate([self._kept, np.asarray(samples, np.float32)])
        end = self._kept_from + len(self._kept)
        while self._next < len(self._windows) and self._windows[self._next].end * RATE <= end:
            self._take(self._windows[self._next])
        waiting = self._next < len(self._windows)
        wanted = int(self._windows[self._next].start * RATE) if waiting else end
        drop = min(max(wanted - self._kept_from, 0), len(self._kept))
        self._kept, self._kept_from = self._kept[drop:].copy(), self._kept_from + drop

    def finish(self) -> SpeakerTurns:
        """Return who spoke when in all that was fed."""
        end = (self._kept_from + len(self._kept)) / RATE
        while self._next < len(self._windows) and end - self._windows[self._next].start >= SHORTEST:
            self._take(self._windows[self._next])
        self._encode()
        if not self._vectors:
            return SpeakerTurns(turns=(), count=0, certainty=0.0)
        vectors = np.concatenate(self._vectors).astype(np.float32)
        labels = cluster(vectors)
        turns = turns_of(self._spans, self._windows[: len(vectors)], vectors, labels)
        return SpeakerTurns(
            turns=turns, count=int(labels.max()) + 1, certainty=_certainty(vectors, labels)
        )

    def _take(self, window: Span) -> None:
        first = max(0, int(window.start * RATE) - self._kept_from)
        last = max(first, int(window.end * RATE) - self._kept_from)
        self._batch.append(self._kept[first:last].copy())
        self._next += 1
        if len(self._batch) == _BATCH:
            self._encode()

    def _encode(self) -> None:
        if self._batch:
            encoder = self._encoder or shared_encoder()
            self._vectors.append(encoder.encode(self._batch).astype(np.float16))
            self._batch = []


def _certainty(vectors: Floats, labels: Labels) -> float:
    """Return how sure one-against-several is, from the distance to the threshold; 0.5 to 0.95."""
    if len(vectors) < 3:
        return 0.5
    if labels.max() == 0:
        spread = float(np.quantile(vectors @ vectors.mean(axis=0), 0.1))
        margin = spread - THRESHOLD
    else:
        between = similarity(vectors, labels)
        np.fill_diagonal(between, 1.0)
        margin = THRESHOLD - float(between.min())
    return round(float(np.clip(0.6 + 2.0 * margin, 0.5, 0.95)), 2)


def speaker_turns(samples: Floats, spans: Sequence[Span] | None = None) -> SpeakerTurns:
    """Return who speaks when in 16 kHz float32 samples; `spans` are where speech is, else all."""
    meter = SpeakerMeter(spans if spans is not None else [Span(0.0, len(samples) / RATE)])
    meter.feed(samples)
    return meter.finish()
