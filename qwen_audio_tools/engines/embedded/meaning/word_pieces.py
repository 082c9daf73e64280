"""Words to piece numbers, as the sentence encoder was trained: a unigram model of 128,000 pieces.

The method is Kudo's (2018, arXiv:1804.10959): of all ways to cut a word into known pieces, take
the one with the highest summed log probability. `sentencepiece` does the same, but needs 0.3 s
to load this model; sorted names that are mapped into memory need nothing.
"""

import unicodedata
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Names = npt.NDArray[np.bytes_]
Numbers = npt.NDArray[np.uint32]
Scores = npt.NDArray[np.float64]

UNKNOWN, BEGIN, END = 0, 1, 2
CONTROL_PIECES = 3
SPACE = "\u2581"
LONGEST_PIECE = 16
# Sentencepiece's own penalty: an unknown character costs this much more than the rarest piece.
UNKNOWN_PENALTY = 10.0
KEPT_WORDS = 20_000
# What the model's training text had as blanks, and Unicode's NFKC leaves alone.
_BLANKS = dict.fromkeys((*range(9, 14), 5760, 8203, 8206, 8207, 8232, 8233), " ")
_BLANKS |= {0xFEFF: " ", 0xFFFD: " "}
# A full-width tilde stays itself there, while NFKC would make it an ASCII one.
_TILDE, _STAND_IN = "\uff5e", "\ue000"


def normalize(text: str) -> str:
    """Return `text` in the form the pieces were learnt on: NFKC, single blanks, none outside."""
    text = text.translate(_BLANKS).replace(_TILDE, _STAND_IN)
    text = unicodedata.normalize("NFKC", text).replace(_STAND_IN, _TILDE)
    return " ".join(part for part in text.split(" ") if part)


class WordPieces:
    """Cuts text into pieces.

    `names` are the pieces in UTF-8, sorted, shape (n,); `numbers[i]` is the number of `names[i]`,
    and `scores[number]` its log probability.
    """

    def __init__(self, names: Names, numbers: Numbers, scores: Scores) -> None:
        self._names, self._numbers, self._scores = names, numbers, scores
        self._unknown_score = float(np.min(scores)) - UNKNOWN_PENALTY
        self._known_words: dict[str, tuple[int, ...]] = {}

    def encode(self, text: str, *, limit: int | None = None) -> list[int]:
        """Return piece numbers with the begin and end marks; at most `limit` of them if given."""
        numbers = [BEGIN]
        for word in normalize(text).split(" "):
            if not word:
                continue
            numbers.extend(self._word(SPACE + word.replace(" ", SPACE)))
            if limit is not None and len(numbers) >= limit:
                numbers = numbers[: limit - 1]
                break
        numbers.append(END)
        return numbers

    def _word(self, word: str) -> tuple[int, ...]:
        # No piece has a blank inside, so words can be cut one by one, and a frequent word once.
        known = self._known_words.get(word)
        if known is None:
            known = self._cut(word)
            if len(self._known_words) < KEPT_WORDS:
                self._known_words[word] = known
        return known

    def _cut(self, word: str) -> tuple[int, ...]:
        size = len(word)
        best = [0.0] + [float("-inf")] * size
        cut: list[tuple[int, int]] = [(0, UNKNOWN)] * (size + 1)
        spans = [
            (start, end)
            for start in range(size)
            for end in range(start + 1, min(start + LONGEST_PIECE, size) + 1)
        ]
        for (start, end), (number, score) in zip(spans, self._look_up(word, spans), strict=True):
            if number is None:
                if end > start + 1:
                    continue
                number, score = UNKNOWN, self._unknown_score
            if best[start] + score > best[end]:
                best[end], cut[end] = best[start] + score, (start, number)
        numbers: list[int] = []
        at = size
        while at:
            at, number = cut[at]
            # Neighbouring unknown characters are one unknown piece.
            if number != UNKNOWN or not numbers or numbers[-1] != UNKNOWN:
                numbers.append(number)
        return tuple(reversed(numbers))

    def _look_up(
        self, word: str, spans: Sequence[tuple[int, int]]
    ) -> list[tuple[int | None, float]]:
        """Return the number and score of each part of a word; None where it is no piece.

        All parts are searched at once in the sorted names: a dict of them would take longer to
        build than a question takes to answer.
        """
        keys = [word[start:end].encode() for start, end in spans]
        width = self._names.dtype.itemsize
        wanted = np.array([key if len(key) <= width else b"" for key in keys], self._names.dtype)
        places = np.minimum(np.searchsorted(self._names, wanted), len(self._names) - 1)
        there = (self._names[places] == wanted) & (wanted != b"")
        numbers = self._numbers[places]
        scores = self._scores[numbers]
        return [
            (number if found and number >= CONTROL_PIECES else None, score)
            for number, score, found in zip(
                numbers.tolist(), scores.tolist(), there.tolist(), strict=True
            )
        ]
