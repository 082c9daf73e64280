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
    "zh": ("cmn+Annie", "cmn", "cmn+f2"),
    "es": ("es", "es-419", "es+f2"),
    "fr": ("fr", "fr+f2", "fr+m3"),
    "de": ("de", "de+f2", "de+m3"),
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


def clips_of_three(language: str) -> list[tuple[str, Samples]]:
    """Return all sentences of a language, three to a clip and a voice: about ten seconds each.

    A single made sentence often leaves Whisper in doubt about the language.
    """
    texts, voices = sentences(language), VOICES[language]
    made = []
    for number in range(0, len(texts), 3):
        some, voice = texts[number : number + 3], voices[number // 3 % len(voices)]
        made.append((" ".join(some), np.concatenate([said(text, voice) for text in some])))
    return made


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
