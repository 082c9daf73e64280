"""Free words for a sound, as people say them, to the AudioSet labels that name it.

First by the words themselves (label names in English and Chinese, and `sound_aliases.tsv`), then
by meaning. It does not know whether the sound is in any clip.
"""

import re
from collections.abc import Sequence
from functools import cache, lru_cache
from importlib import resources
from typing import TYPE_CHECKING

from qwen_audio_tools.engines.embedded.sounds import audioset

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from qwen_audio_tools.engines.embedded.meaning.sentence_encoder import SentenceEncoder

NAMED, RELATED = 1.0, 0.9
# Cosine from which a label means about the same; "a dragon" stays below it with every label.
SAME_MEANING = 0.66
NEAREST = 3
_CHINESE = re.compile(r"[\u3400-\u9fff]")
# Parts of labels that stand for something else in everyday speech.
_NOT_ALONE_WORDS = (
    "run roll fill crack slap chop rub stir filing tools wood hands inside outside etc. pop "
    "burst tap swing country house soul arrow change fly pump ship toot radio other flap whip "
    "ping zing roar coo rattle patter squish hoot spray gush sampler "
)
_NOT_ALONE = frozenset(_NOT_ALONE_WORDS.split())


def labels_for(
    text: str, labels: Sequence[str] | None = None, *, encoder: "SentenceEncoder | None" = None
) -> tuple[tuple[str, float], ...]:
    """Return the labels that `text` means with scores 0 to 1, best first; () if nothing fits.

    `labels` are those allowed (all 521 by default). Without an encoder only the words count:
    1.0 for a label that is named, 0.9 for kinds of it, then the cosine of the meanings.
    """
    allowed = set(labels if labels is not None else audioset.labels())
    named = [label for label in labels_named(text) if label in allowed]
    if named:
        kinds = [
            label
            for name in named
            for label in sorted(audioset.family(name), key=audioset.index_of)
            if label in allowed and label not in named
        ]
        scored = [(label, NAMED) for label in named]
        return (*scored, *((label, RELATED) for label in dict.fromkeys(kinds)))
    if encoder is None or not text.strip():
        return ()
    return tuple(item for item in _by_meaning(text, encoder) if item[0] in allowed)


def labels_named(text: str) -> tuple[str, ...]:
    """Return the labels whose names or everyday words occur in `text`, the longest word first."""
    rest = _plain(text)
    found: dict[str, None] = {}
    for word, named in _aliases():
        if _CHINESE.match(word):
            if word in rest:
                rest = rest.replace(word, "\n")
                found.update(dict.fromkeys(named))
        elif word in rest and re.search(rf"(?<![a-z']){re.escape(word)}(?![a-z'])", rest):
            rest = re.sub(rf"(?<![a-z']){re.escape(word)}(?![a-z'])", "\n", rest)
            found.update(dict.fromkeys(named))
    return tuple(found)


def _plain(text: str) -> str:
    words = re.findall(r"[a-z][a-z'-]*|[\u3400-\u9fff]+|[^a-z\s]", text.lower())
    return " ".join(_singular(word) for word in words)


def _singular(word: str) -> str:
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-3] + "y" if word.endswith("ies") else word[:-1]
    return word


@cache
def _aliases() -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Return (word, labels) pairs, longest word first; the hand-made ones win over label names."""
    found: dict[str, tuple[str, ...]] = {}
    for entry in audioset.classes():
        parts = re.sub(r"\(.*?\)", "", entry.label).lower().split(",")
        for part in (*parts, *entry.chinese.split("、")):
            word = _plain(part)
            if word and word not in _NOT_ALONE and (len(word) > 2 or _CHINESE.match(word)):
                found.setdefault(word, (entry.label,))
    rows = resources.files(__package__).joinpath("sound_aliases.tsv").read_text("utf-8")
    made: dict[str, tuple[str, ...]] = {}
    for row in rows.splitlines()[1:]:
        english, chinese, labels = row.split("\t")
        named = tuple(label.strip() for label in labels.split("|"))
        for word in (*english.split(","), *chinese.split(",")):
            made.setdefault(_plain(word), named)
    pairs = (found | made).items()
    return tuple(sorted(pairs, key=lambda pair: (-_weight(pair[0]), pair[0])))


def _weight(word: str) -> int:
    # A Chinese character says about as much as three Latin letters.
    return 3 * len(word) if _CHINESE.match(word) else len(word)


def _by_meaning(text: str, encoder: "SentenceEncoder") -> list[tuple[str, float]]:
    chinese = bool(_CHINESE.search(text))
    near = _label_meanings(encoder, chinese) @ encoder.encode([text.lower()])[0]
    best = near.argsort()[::-1][:NEAREST]
    return [(audioset.labels()[i], float(near[i])) for i in best if near[i] >= SAME_MEANING]


@lru_cache(maxsize=4)
def _label_meanings(encoder: "SentenceEncoder", chinese: bool) -> "npt.NDArray[np.float32]":
    return encoder.encode(
        [entry.chinese if chinese else entry.label.lower() for entry in audioset.classes()]
    )
