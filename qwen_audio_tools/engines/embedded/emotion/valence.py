"""Valence of words, -1 to 1: how pleasant what is said is, in English and 15 other languages.

English is scored by VADER's rules and lexicon (Hutto and Gilbert 2014, MIT licence). Every language
is scored by a linear readout of sentence vectors, fitted by ridge regression to the lexicon's word
valences: `benchmarks/fit_valence.py`. Vectors lose negation ("not happy") and irony.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import numpy as np

from qwen_audio_tools.engines.embedded.emotion.feeling_words import Floats, feelings
from qwen_audio_tools.engines.embedded.emotion.places import Encoder

READOUT = "valence_readout.npy"
_NEGATIONS = {
    "zh": ("不高兴", "不开心", "不喜欢", "不好", "不满", "没意思", "不快乐", "不幸"),
}


@dataclass(frozen=True, slots=True)
class Valence:
    """How pleasant a text is, -1 to 1, and how sure that is, 0 to 1."""

    value: float
    certainty: float


@cache
def readout() -> tuple[Floats, float, float]:
    """Return weights (512,), the score of a neutral text, and the scale to -1..1."""
    path = resources.files(__package__).joinpath(READOUT)
    with path.open("rb") as file:
        numbers = np.load(file)
    return numbers[:-2].astype(np.float32), float(numbers[-2]), float(numbers[-1])


def valences(
    texts: Sequence[str],
    language: str | None,
    encoder: Encoder | None,
    vectors: Floats | None = None,
) -> list[Valence]:
    """Return the valence of each text; `language` is an ISO 639-1 code, None if unknown.

    Without an encoder only English is scored; other texts get 0 with no certainty. `vectors` are
    those of the texts, if they are known already.
    """
    felt: Floats = np.ones(len(texts), np.float32)
    read = [Valence(0.0, 0.0) for _ in texts]
    if encoder is not None and texts:
        known = encoder.encode(texts) if vectors is None else vectors
        felt = feelings(known, encoder)
        read = _read(known, felt)
    if language != "en":
        return [_unpleasant(text, value) for text, value in zip(texts, read, strict=True)]
    ruled = _vader(texts, felt)
    return [_joined(a, b) for a, b in zip(ruled, read, strict=True)]


def _read(vectors: Floats, felt: Floats) -> list[Valence]:
    weights, neutral, scale = readout()
    values = np.tanh((vectors @ weights - neutral) / scale)
    sure = np.clip(np.abs(values) * 1.2, 0.0, 1.0) * 0.85 * felt
    return [
        Valence(round(float(value), 3), round(float(certainty), 3))
        for value, certainty in zip(values, sure, strict=True)
    ]


def _vader(texts: Sequence[str], felt: Floats) -> list[Valence]:
    analyzer = _analyzer()
    scores = [float(analyzer.polarity_scores(text)["compound"]) for text in texts]
    return [
        Valence(score, min(0.85, 0.3 + 0.6 * abs(score)) * (0.3 + 0.7 * float(much)))
        if score
        else Valence(0.0, 0.0)
        for score, much in zip(scores, felt, strict=True)
    ]


@cache
def _analyzer() -> Any:
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

    return SentimentIntensityAnalyzer()


def _joined(ruled: Valence, read: Valence) -> Valence:
    """Return both opinions weighed by their certainty; where they disagree, less of it is left."""
    total = ruled.certainty + read.certainty
    if not total:
        return Valence(round(0.5 * (ruled.value + read.value), 3), 0.0)
    value = (ruled.value * ruled.certainty + read.value * read.certainty) / total
    agree = ruled.value * read.value > 0 or min(ruled.certainty, read.certainty) < 0.1
    certainty = max(ruled.certainty, read.certainty) + (0.1 if agree else -0.35)
    return Valence(round(value, 3), round(float(np.clip(certainty, 0.0, 0.9)), 3))


def _unpleasant(text: str, value: Valence) -> Valence:
    """Return the valence turned round where a plain Chinese negation was lost on the vectors."""
    if value.value > 0 and any(word in text for word in _NEGATIONS["zh"]):
        return Valence(-0.5 * value.value, value.certainty)
    return value
