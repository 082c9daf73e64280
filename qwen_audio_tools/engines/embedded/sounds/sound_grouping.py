"""From scores per step to sound events with times: hysteresis, then the more specific class wins.

Knows nothing of audio or of the model; it sees a grid of scores.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from qwen_audio_tools.engines.embedded.sounds import audioset
from qwen_audio_tools.spans import Span

ENTER, STAY = 0.3, 0.1
_BRIDGE = 1  # a sound may dip below STAY for this many steps and go on


@dataclass(frozen=True, slots=True, kw_only=True)
class SoundEvent:
    """A sound of one AudioSet class, from `start` to `end` seconds; `score` is its highest."""

    label: str
    start: float
    end: float
    score: float

    @property
    def span(self) -> Span:
        """From start to end."""
        return Span(self.start, self.end)

    @property
    def chinese(self) -> str:
        """The Chinese name of the class."""
        return audioset.chinese(self.label)


def runs(scores: npt.NDArray[np.float32], enter: float, stay: float) -> list[tuple[int, int]]:
    """Return (first, last) steps of each stretch that reaches `enter` and stays above `stay`."""
    active = np.flatnonzero(scores >= stay)
    if not len(active):
        return []
    breaks = np.flatnonzero(np.diff(active) > 1 + _BRIDGE)
    firsts = active[np.r_[0, breaks + 1]]
    lasts = active[np.r_[breaks, len(active) - 1]]
    return [
        (int(first), int(last))
        for first, last in zip(firsts, lasts, strict=True)
        if scores[first : last + 1].max() >= enter
    ]


def drop_explained(events: Sequence[SoundEvent]) -> list[SoundEvent]:
    """Return the events without those that a more specific one of the same time explains.

    "Animal" goes when "Dog" is there, "Dog" when "Bark" covers half of it, and the bark takes over
    the dog's times. Of siblings at one time the best stay, of instruments also those near the best.
    "Music" stays beside its instruments and genres.
    """
    generic = [event for event in events if event.label in audioset.GENERIC]
    specific = [event for event in events if event.label not in audioset.GENERIC]
    return sorted(
        [_widened(event, specific) for event in specific if not _explained(event, specific)]
        + [event for event in generic if not _superfluous(event, specific, generic)],
        key=lambda event: (event.start, -event.score, event.label),
    )


def _share(event: SoundEvent, other: SoundEvent) -> float:
    """Return how much of `event` lies inside `other`, 0 to 1."""
    return event.span.overlap(other.span) / max(event.span.seconds, 1e-6)


def _explained(event: SoundEvent, others: Sequence[SoundEvent]) -> bool:
    if event.label == "Music":
        return False
    own = audioset.by_label()[event.label]
    for other in others:
        if other is event or _share(event, other) < 0.5:
            continue
        if _names_better(other, event):
            return True
        if _drowns(other, event):
            return True
        sibling = audioset.by_label()[other.label].parent == own.parent
        named = sibling and not own.parent.startswith("(") and own.parent != "Music"
        ahead = 1.5 if own.parent in audioset.GENERIC | audioset.MUSIC else 1.0
        if named and other.score > event.score and other.score >= ahead * event.score:
            return True
    return False


def _names_better(other: SoundEvent, event: SoundEvent) -> bool:
    """Tell whether `other` is what `event` is, more specifically and surely enough."""
    return event.label in audioset.ancestors(other.label) and other.score >= 0.5 * event.score


def _widened(event: SoundEvent, others: Sequence[SoundEvent]) -> SoundEvent:
    """Return the event with the times of the broader ones that it replaces."""
    replaced = [
        other
        for other in others
        if other.label != "Music" and _share(other, event) >= 0.5 and _names_better(event, other)
    ]
    start = min([event.start, *(other.start for other in replaced)])
    end = max([event.end, *(other.end for other in replaced)])
    return replace(event, start=start, end=end)


def _drowns(other: SoundEvent, event: SoundEvent) -> bool:
    """Tell whether `other` is so much surer that a faint or nameless `event` is its shadow."""
    if other.label in audioset.MUSIC:
        return False
    nameless = audioset.by_label()[event.label].parent == "(unclear source)"
    theirs = audioset.by_label()[other.label].parent == "(unclear source)"
    if nameless and not theirs:
        return other.score >= event.score
    return event.score < 0.4 and other.score >= 0.65 and event.label not in audioset.VOCAL


def _superfluous(
    event: SoundEvent, specific: Sequence[SoundEvent], generic: Sequence[SoundEvent]
) -> bool:
    """Tell whether anything more telling sounds during a generic event."""
    if any(_share(event, other) > 0.3 and other.score >= 0.3 for other in specific):
        return True
    return any(
        event.label in audioset.ancestors(other.label) and _share(event, other) > 0.3
        for other in generic
    )


def best_of(peaks: dict[str, float], count: int) -> list[tuple[str, float]]:
    """Rank the classes of a whole clip: specific before generic, of equals the deepest.

    `peaks` maps labels to their highest score. The levels of the model are coarse, so scores
    within a tenth count as equal. An ancestor of a class already taken is not repeated.
    """
    ranked = sorted(
        peaks.items(), key=lambda item: (round(item[1], 1), audioset.depth(item[0])), reverse=True
    )
    ranked.sort(key=lambda item: item[0] in audioset.GENERIC)
    taken: list[tuple[str, float]] = []
    for label, score in ranked:
        if len(taken) == count:
            break
        if not any(label in audioset.ancestors(other) for other, _ in taken):
            taken.append((label, score))
    return taken
