"""How many of a question's words a sentence holds, rare words counting more, kin words in part.

Kin is told by the meaning of single words ("lecture" and "talk"), so this finds sentences that
the meaning of the whole misses. Chinese words are taken as pairs of characters.
"""

import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Encode = Callable[[Sequence[str]], Floats]
"""Texts to unit vectors, shape (n, width); one function object for one model: vectors are kept."""

# A kin word counts this much of the same word at the highest cosine, and nothing below KIN_FROM.
KIN_SHARE = 0.7
KIN_FROM = 0.4
_STOP_WORDS = (
    "a an the and or but of to in on at for from by with about as is are was were be been "
    "being do does did has have had will would can could should may i you he she it we they "
    "them his her its their your my our this that these those there what when where who whom "
    "whose which why how many much say says said tell tells told mention mentioned speaker "
    "speakers person people man woman anything something any some not no so than then speak "
    "talk think get got go "
)
_STOPS = frozenset(_STOP_WORDS.split())
_STOPS_ZH = frozenset(
    "的了是在有吗呢吧啊他她它们我你说什么么哪谁几多少个这那就都也和很到被把给为怎样"
)
_ENDINGS = ("ing", "ies", "ed", "es", "s", "e")


def shared_words(question: str, texts: Sequence[str], encode: Encode) -> Floats:
    """Return the share of the question's words that each text holds, shape (n,), 0 to 1."""
    asked = _words(question)
    held = [_words(text) for text in texts]
    if not asked or not any(held):
        return np.zeros(len(texts), np.float32)
    counts = Counter(stem for words in held for stem in words)
    # Robertson's idf, kept above zero: log(1 + n / (0.5 + sentences that hold the word)).
    weights = {stem: math.log(1 + len(texts) / (0.5 + counts[stem])) for stem in asked}
    kin = _kin(asked, held, encode)
    shares = np.zeros(len(texts), np.float32)
    for place, stem in enumerate(asked):
        same = np.array([stem in words for words in held])
        shares += weights[stem] * np.where(same, 1.0, KIN_SHARE * kin[place]).astype(np.float32)
    return shares / np.float32(sum(weights.values()))


def _kin(asked: dict[str, str], held: Sequence[dict[str, str]], encode: Encode) -> Floats:
    """Return how near each text's nearest word is to each asked word: (asked, texts), 0 to 1."""
    vocabulary = tuple(sorted({word for words in held for word in words.values()}))
    place = {word: index for index, word in enumerate(vocabulary)}
    near = encode(list(asked.values())) @ _vectors(vocabulary, encode).T
    nearest = np.zeros((len(asked), len(held)), np.float32)
    for index, words in enumerate(held):
        if words:
            columns = [place[word] for word in words.values()]
            nearest[:, index] = near[:, columns].max(axis=1)
    return np.asarray(np.maximum(nearest - KIN_FROM, 0.0) / (1 - KIN_FROM), np.float32)


@lru_cache(maxsize=4)
def _vectors(vocabulary: tuple[str, ...], encode: Encode) -> Floats:
    # Several questions are asked of one transcript: its words are encoded once.
    return encode(vocabulary)


def _words(text: str) -> dict[str, str]:
    """Return the telling words of a text by their stems."""
    words = {}
    for word in re.findall(r"[^\W_\u3040-\u30ff\u3400-\u9fff]+", text.lower()):
        if word not in _STOPS:
            words[_stem(word)] = word
    for run in re.findall(r"[\u3040-\u30ff\u3400-\u9fff]+", text):
        pairs = (run[at : at + 2] for at in range(len(run) - 1))
        words |= {pair: pair for pair in pairs if not _STOPS_ZH & set(pair)}
    return words


def _stem(word: str) -> str:
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: -len(ending)] + ("y" if ending == "ies" else "")
    return word
