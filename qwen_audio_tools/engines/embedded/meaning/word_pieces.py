"""Words to piece numbers, as the sentence encoder was trained: a unigram model of 128,000 pieces.

The method is Kudo's (2018, arXiv:1804.10959): of all ways to cut a word into known pieces, take
the one with the highest summed log probability. `sentencepiece` does the same, but needs 0.3 s
to load this model; a dict needs 0.03 s, and a question is answered in less than that.
"""

import unicodedata
from collections.abc import Sequence

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
    """Cuts text into pieces; `pieces[i]` and its log probability `scores[i]` have the number i."""

    def __init__(self, pieces: Sequence[str], scores: Sequence[float]) -> None:
        self._scores = scores
        self._numbers = dict(zip(pieces, range(len(pieces)), strict=True))
        for control in pieces[:CONTROL_PIECES]:
            self._numbers.pop(control)
        self._unknown_score = min(scores) - UNKNOWN_PENALTY
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
        for start in range(size):
            here = best[start]
            for end in range(start + 1, min(start + LONGEST_PIECE, size) + 1):
                number = self._numbers.get(word[start:end])
                if number is not None:
                    score = here + self._scores[number]
                elif end == start + 1:
                    number, score = UNKNOWN, here + self._unknown_score
                else:
                    continue
                if score > best[end]:
                    best[end], cut[end] = score, (start, number)
        numbers: list[int] = []
        at = size
        while at:
            at, number = cut[at]
            # Neighbouring unknown characters are one unknown piece.
            if number != UNKNOWN or not numbers or numbers[-1] != UNKNOWN:
                numbers.append(number)
        return tuple(reversed(numbers))
