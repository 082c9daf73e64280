"""Turns of voices in time: the values, and how they follow from windows that were grouped."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from qwen_audio_tools.spans import Span

WINDOW_SECONDS, HOP_SECONDS = 1.6, 0.8

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeakerTurn:
    """One voice, "S1" being the first heard, from `start` to `end` seconds.

    `score` is how alike the turn is to the rest of that voice, a mean cosine of 0 to 1.
    """

    speaker: str
    start: float
    end: float
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeakerTurns:
    """The turns in order of time, an estimate of the number of voices, and how sure it is.

    `certainty` (0 to 1) is about one voice against several; that `count` itself is exact is less
    sure whenever it is above one.
    """

    turns: tuple[SpeakerTurn, ...]
    count: int
    certainty: float

    def wording(self, *, chinese: bool = False) -> str:
        """Say the count as carefully as it is known."""
        if self.count == 0:
            return "没有听到说话声" if chinese else "no voice"
        if self.count == 1:
            return "一个人的声音" if chinese else "one voice"
        return (
            f"至少两个人,估计 {self.count} 个"
            if chinese
            else ("at least two voices" + (f", about {self.count}" if self.count > 2 else ""))
        )

    def seconds(self) -> dict[str, float]:
        """Return how long each voice speaks."""
        found: dict[str, float] = {}
        for turn in self.turns:
            found[turn.speaker] = round(found.get(turn.speaker, 0.0) + turn.end - turn.start, 2)
        return found

    def speaker_of(self, span: Span) -> str | None:
        """Return the voice that fills most of `span`, or None where none speaks."""
        shares: dict[str, float] = {}
        for turn in self.turns:
            overlap = span.overlap(Span(turn.start, turn.end))
            shares[turn.speaker] = shares.get(turn.speaker, 0.0) + overlap
        best = max(shares, key=lambda name: shares[name], default=None)
        return best if best is not None and shares[best] > 0 else None

    def to_arrays(self) -> dict[str, npt.NDArray[np.generic]]:
        """Return everything as named arrays, for a cache on disk."""
        return {
            "speakers": np.array([int(turn.speaker[1:]) for turn in self.turns], np.uint16),
            "starts": np.array([turn.start for turn in self.turns], np.float64),
            "ends": np.array([turn.end for turn in self.turns], np.float64),
            "scores": np.array([turn.score for turn in self.turns], np.float64),
            "count": np.array(self.count),
            "certainty": np.array(self.certainty),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.NDArray[Any]]) -> "SpeakerTurns":
        """Rebuild from `to_arrays`."""
        columns = (arrays[name].tolist() for name in ("speakers", "starts", "ends", "scores"))
        turns = tuple(
            SpeakerTurn(speaker=f"S{who}", start=start, end=end, score=score)
            for who, start, end, score in zip(*columns, strict=True)
        )
        return cls(turns=turns, count=int(arrays["count"]), certainty=float(arrays["certainty"]))


def windows_of(span: Span) -> list[Span]:
    """Return windows of 1.6 s every 0.8 s that cover a span; a shorter span is one window."""
    if span.seconds <= WINDOW_SECONDS:
        return [span]
    count = int(np.ceil((span.seconds - WINDOW_SECONDS) / HOP_SECONDS)) + 1
    starts = [min(span.start + k * HOP_SECONDS, span.end - WINDOW_SECONDS) for k in range(count)]
    return [Span(start, start + WINDOW_SECONDS) for start in starts]


def turns_of(
    spans: Sequence[Span], windows: Sequence[Span], vectors: Floats, labels: npt.NDArray[np.intp]
) -> tuple[SpeakerTurn, ...]:
    """Return turns; inside a span two voices meet midway between their windows."""
    means = [vectors[labels == group].mean(axis=0) for group in range(labels.max() + 1)]
    found: list[SpeakerTurn] = []
    at = 0
    for span in spans:
        first = at
        while at < len(windows) and windows[at].start < span.end:
            at += 1
        start = span.start
        for number in range(first, at):
            centre = (windows[number].start + windows[number].end) / 2
            last = number == at - 1
            if not last and labels[number + 1] == labels[number]:
                continue
            following = span.end if last else centre + HOP_SECONDS / 2
            group = labels[number]
            members = [k for k in range(first, number + 1) if windows[k].end > start]
            score = float(np.mean([vectors[k] @ means[group] for k in members]))
            found.append(_turn(int(group), Span(start, following), score))
            start = following
    return tuple(found)


def _turn(group: int, span: Span, score: float) -> SpeakerTurn:
    start, end = round(span.start, 2), round(span.end, 2)
    return SpeakerTurn(
        speaker=f"S{group + 1}", start=start, end=end, score=round(min(max(score, 0.0), 1.0), 3)
    )
