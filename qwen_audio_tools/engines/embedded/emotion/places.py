"""Emotion words on the plane of valence and arousal, and how likely each is given both.

The plane is Russell's circumplex (1980); the places are our own reading of it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Protocol

import numpy as np
import numpy.typing as npt


class Encoder(Protocol):
    """Anything that turns sentences into unit vectors, shape (n, width)."""

    def encode(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Return one unit vector per text."""
        ...

    def __hash__(self) -> int:
        """Vectors of fixed sentences are kept per encoder."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """An emotion: valence -1 to 1, arousal 0 to 1, how usual it is, and the words for it."""

    emotion: str
    valence: float
    arousal: float
    usual: float
    chinese: str
    words: tuple[str, ...]


@cache
def places() -> tuple[Place, ...]:
    """Return the twelve emotions that are told apart."""
    table = resources.files(__package__).joinpath("emotion_places.tsv").read_text("utf-8")
    found = []
    for line in table.splitlines()[1:]:
        name, valence, arousal, usual, zh, english, chinese = line.split("\t")
        found.append(
            Place(
                emotion=name,
                valence=float(valence),
                arousal=float(arousal),
                usual=float(usual),
                chinese=zh,
                words=(*english.split(","), *chinese.split(",")),
            )
        )
    return tuple(found)


def place_named(emotion: str) -> Place:
    """Return the place of one of the twelve; KeyError for any other word."""
    for place in places():
        if place.emotion == emotion:
            return place
    raise KeyError(emotion)


def place_of(word: str, encoder: Encoder | None = None) -> Place | None:
    """Return the place that a word of any kind stands for, or None.

    A known word is looked up; another one goes to the emotion nearest in meaning, if there is an
    encoder and the meaning is near at all (cosine of at least 0.35).
    """
    plain = word.strip().strip(".!?。！？\"'").lower()
    for place in places():
        if plain == place.emotion or plain == place.chinese or plain in place.words:
            return place
    for place in places():
        if any(known in plain for known in place.words if len(known) > 3 or not known.isascii()):
            return place
    if encoder is None or not plain:
        return None
    known_words = [(place, known) for place in places() for known in place.words]
    near = encoder.encode([known for _, known in known_words]) @ encoder.encode([plain])[0]
    best = int(np.argmax(near))
    return known_words[best][0] if near[best] >= 0.35 else None


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value on one axis and how sure it is, 0 to 1."""

    value: float
    certainty: float


def likelihoods(
    valence: Estimate, arousal: Estimate, lean: Mapping[str, float]
) -> dict[str, float]:
    """Return the share of each emotion, all summing to 1.

    Each axis is a bell around its estimate, the wider the less sure it is; `lean` holds how much
    words and events speak for single emotions, 0 to 1. With nothing sure, what is usual wins.
    """
    wide_valence = 0.3 + 0.7 * (1 - valence.certainty)
    wide_arousal = 0.2 + 0.5 * (1 - arousal.certainty)
    weights = {}
    for place in places():
        off = ((place.valence - valence.value) / wide_valence) ** 2
        off += ((place.arousal - arousal.value) / wide_arousal) ** 2
        weights[place.emotion] = place.usual * np.exp(-0.5 * off + 2.5 * lean.get(place.emotion, 0))
    total = sum(weights.values())
    return {name: float(weight / total) for name, weight in weights.items()}
