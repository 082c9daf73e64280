"""Texts of neighbouring parts of a recording, joined so that no word is told twice or lost."""

import re
from collections.abc import Iterable

_CJK = "぀-ヿ㐀-鿿豈-﫿"
_WORD = re.compile(rf"[{_CJK}]|[^\W_{_CJK}]+(?:['’.,:-][^\W_{_CJK}]+)*")
_CLOSING = re.compile(r"[^\w\s\"“‘'(\[《「]+")  # what belongs to the word before it
_REACH = 16
"""Words on each side of a seam that are compared: as many as anybody says in two seconds."""
_MISS = 0.5
"""What a word costs that only one side heard; one that both heard earns 1."""

_Word = tuple[str, int, int]
"""A word as it is compared, and where it begins and ends in its text."""


def without_overlap(before: str, after: str) -> tuple[str, str] | None:
    """Return both texts with the words that both hold at their seam told once.

    `before` ends with what `after` begins with, but for the words that the cuts went through:
    those are taken from the side that heard them whole. None if they have nothing in common.
    """
    left, right = _words(before)[-_REACH:], _words(after)[:_REACH]
    pairs = _aligned([word for word, _, _ in left], [word for word, _, _ in right])
    if not pairs:
        return None
    # In the middle of what they share, both are furthest from their cuts.
    mine, theirs = pairs[len(pairs) // 2]
    head, tail = before[: left[mine][2]], after[right[theirs][2] :]
    if closing := _CLOSING.match(tail):
        head, tail = head + closing.group(), tail[closing.end() :]
    return head, tail.lstrip()


def joined(texts: Iterable[str]) -> str:
    """Return the texts as one, with a space between them where the script has spaces."""
    whole = ""
    for text in filter(None, (text.strip() for text in texts)):
        whole += glue(whole, text) + text
    return whole


def glue(before: str, after: str) -> str:
    """Return what stands between two texts: nothing in Chinese or Japanese, else a space."""
    if not before or not after:
        return ""
    tight = f"[{_CJK}　-〿＀-￯]"
    return "" if re.match(tight, before[-1]) and re.match(tight, after[0]) else " "


def _words(text: str) -> list[_Word]:
    return [(found.group().casefold(), *found.span()) for found in _WORD.finditer(text)]


def _aligned(left: list[str], right: list[str]) -> list[tuple[int, int]]:
    """Return the pairs of equal words in the best overlap of `left`'s end and `right`'s start.

    Overlap alignment: `left` may have anything before it, `right` anything after it.
    """
    width = len(right) + 1
    scores = [[-_MISS * at for at in range(width)]]
    for i in range(1, len(left) + 1):
        row = [0.0]
        for j in range(1, width):
            row.append(
                max(
                    scores[i - 1][j - 1] + _likeness(left, right, i - 1, j - 1),
                    scores[i - 1][j] - _MISS,
                    row[j - 1] - _MISS,
                )
            )
        scores.append(row)
    last = scores[-1]
    best = max(range(width), key=lambda at: (last[at], -at))
    return _pairs(scores, left, right, best) if last[best] > 0 else []


def _likeness(left: list[str], right: list[str], i: int, j: int) -> float:
    if left[i] == right[j]:
        return 1.0
    # The cut may have gone through the last word of the one, or the first of the other.
    begun = i == len(left) - 1 and right[j].startswith(left[i])
    ended = j == 0 and left[i].endswith(right[j])
    return 0.0 if begun or ended else -_MISS


def _pairs(
    scores: list[list[float]], left: list[str], right: list[str], end: int
) -> list[tuple[int, int]]:
    i, j = len(left), end
    found: list[tuple[int, int]] = []
    while i and j:
        here = scores[i][j]
        if here == scores[i - 1][j - 1] + _likeness(left, right, i - 1, j - 1):
            i, j = i - 1, j - 1
            if left[i] == right[j]:
                found.append((i, j))
        elif here == scores[i - 1][j] - _MISS:
            i -= 1
        else:
            j -= 1
    return found[::-1]
