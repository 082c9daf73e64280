"""Made speech for the benchmarks: our own sentences in espeak voices, and where they are kept."""

import csv
import random
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from qwen_audio_tools.testing import RATE, silence, speech

Samples = npt.NDArray[np.float32]

DATA = Path(__file__).parent.parent / "data"
EXAMPLES = Path(__file__).parent.parent.parent / "examples" / "audio"

# Kinds of voices by language; a variant (+f3) is another throat in the same language.
VOICES = {
    "en": ("en-us", "en-gb", "en-us+f3", "en-gb+m3", "en-us+m7", "en-gb+f2"),
    "zh": ("cmn", "cmn+f3", "cmn+Annie", "cmn+m3", "cmn+f2"),
    "es": ("es", "es+f3", "es-419", "es+m3", "es-419+f2"),
    "fr": ("fr", "fr+f3", "fr+m3", "fr+f2", "fr+m7"),
    "de": ("de", "de+f3", "de+m3", "de+f2", "de+m7"),
}


@cache
def sentences(language: str) -> tuple[str, ...]:
    """Return the sentences of a language."""
    with (DATA / "sentences.tsv").open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        return tuple(row["text"] for row in rows if row["language"] == language)


def said(text: str, voice: str, *, around: float = 0.3) -> Samples:
    """Return a sentence in a voice at a speed of its own, with `around` seconds of silence."""
    pace = 140 + random.Random(text + voice).randrange(30)
    return np.concatenate(
        [silence(around), speech(text, voice=voice, rate_wpm=pace), silence(around)]
    )


def utterances(language: str, count: int, *, shift: int = 0) -> list[tuple[str, Samples]]:
    """Return (text, samples) of `count` utterances; past all sentences the voices change."""
    texts, voices = sentences(language), VOICES[language]
    return [
        (text := texts[number % len(texts)],
         said(text, voices[(number + number // len(texts) + shift) % len(voices)]))
        for number in range(count)
    ]  # fmt: skip


def passage(seconds: float, seed: int) -> tuple[str, Samples]:
    """Return English sentences in one voice, at most `seconds` of them, and their text."""
    chance = random.Random(seed)
    voice = VOICES["en"][seed % len(VOICES["en"])]
    texts: list[str] = []
    parts: list[Samples] = []
    for text in chance.sample(sentences("en"), len(sentences("en"))):
        part = said(text, voice)
        if parts and sum(map(len, parts)) + len(part) > seconds * RATE:
            break
        texts.append(text)
        parts.append(part)
    return " ".join(texts), np.concatenate(parts)
