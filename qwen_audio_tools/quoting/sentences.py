"""A transcript as sentences with times: joined where a recognizer cut one, cut where it joined two.

Inside a segment times are interpolated by the share of characters, and marked so.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from qwen_audio_tools.transcript import Segment

# A pause this long ends a sentence also without a mark; seconds.
LONGEST_PAUSE = 1.2
LONGEST_SENTENCE = 300
_END = re.compile(
    r"(?<=[。！？!?])[\"'”’」』)）]*\s*|"
    r"(?<!\bMr\.)(?<!\bMrs\.)(?<!\bMs\.)(?<!\bDr\.)(?<!\bSt\.)(?<!\bNo\.)(?<!\bvs\.)(?<!\b[A-Z]\.)"
    r"(?<=[.…])[\"'”’)]*\s+(?=[^a-z\s])"
)
_FINISHED = re.compile(r"[.!?。！？…][\"'”’」』)）]*$")
_WIDE = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """One sentence; `segment` is where it starts, `first` and `last` are indexes of segments.

    `start` and `end` are seconds of the recording; `interpolated` tells that at least one of them
    lies inside a segment and was reckoned from the share of characters.
    """

    segment: Segment
    first: int
    last: int
    text: str
    start: float
    end: float
    interpolated: bool


def sentences(segments: Sequence[Segment]) -> tuple[Sentence, ...]:
    """Return the sentences of a transcript in order; empty segments are left out."""
    found: list[Sentence] = []
    for index, segment in enumerate(segments):
        for piece in _cut(segment, index):
            if found and _goes_on(found[-1], piece):
                found[-1] = _joined(found[-1], piece)
            else:
                found.append(piece)
    return tuple(found)


def is_wide(text: str) -> bool:
    """Tell whether the text is Chinese or Japanese: written without blanks."""
    return bool(_WIDE.search(text))


def _cut(segment: Segment, index: int) -> list[Sentence]:
    text = segment.text.strip()
    pieces = [piece.strip() for piece in _END.split(text) if piece and piece.strip()]
    total = sum(map(len, pieces))
    seconds = (segment.end - segment.start) / total if total else 0.0
    found, at = [], 0
    for piece in pieces:
        start, at = at, at + len(piece)
        found.append(
            Sentence(
                segment=segment,
                first=index,
                last=index,
                text=piece,
                start=segment.start + start * seconds,
                end=segment.end if at == total else segment.start + at * seconds,
                interpolated=len(pieces) > 1,
            )
        )
    return found


def _goes_on(sentence: Sentence, piece: Sentence) -> bool:
    return (
        sentence.last != piece.first
        and not _FINISHED.search(sentence.text)
        # Without any marks (some recognizers write none) each segment stays a sentence.
        and (piece.text[:1].islower() or sentence.text.endswith((",", "，", "、")))
        and piece.start - sentence.end <= LONGEST_PAUSE
        and sentence.segment.speaker == piece.segment.speaker
        and len(sentence.text) + len(piece.text) <= LONGEST_SENTENCE
    )


def _joined(sentence: Sentence, piece: Sentence) -> Sentence:
    joiner = "" if is_wide(sentence.text) else " "
    return Sentence(
        segment=sentence.segment,
        first=sentence.first,
        last=piece.last,
        text=sentence.text + joiner + piece.text,
        start=sentence.start,
        end=piece.end,
        interpolated=sentence.interpolated or piece.interpolated,
    )
