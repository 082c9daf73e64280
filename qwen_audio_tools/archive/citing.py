"""Where an answer comes from, so that a person can hear it: a label, and a link that plays."""

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from qwen_audio_tools.archive.index.rows import Hit
from qwen_audio_tools.spans import clock

_MARK = re.compile(r"\[(\d{1,3})\]")
_ENDS = re.compile(r"(?<=[.!?。！？])\s*(?=[^\s\[])|\n+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Citation:
    """A span of an episode; `number` is how the answer's text refers to it.

    `start` and `end` are what the sentence rests on, which may be less than the passage `hit`.
    """

    number: int
    start: float
    end: float
    hit: Hit

    @property
    def label(self) -> str:
        """How a person reads it: `[Show · Episode 12:31–12:58]`."""
        return label(self.hit, self.start, self.end)

    @property
    def link(self) -> str:
        """Where it plays: the audio's address with a media fragment (W3C), `…#t=751,778`."""
        return playable(self.hit, self.start, self.end)

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-ready dict."""
        return {
            "number": self.number,
            "label": self.label,
            "link": self.link,
            "start": round(self.start, 3),
            "end": round(self.end, 3),
            "passage": self.hit.to_dict(),
        }


def label(hit: Hit, start: float, end: float) -> str:
    """Return a span of an episode as a person reads it."""
    return f"[{named(hit)} {clock(start, tenths=False)}–{clock(end, tenths=False)}]"


def named(hit: Hit) -> str:
    """Return show and episode as one name."""
    return " · ".join(filter(None, (hit.show, hit.title))) or hit.episode


def playable(hit: Hit, start: float, end: float) -> str:
    """Return an address that plays from `start` to `end` seconds, where a player knows `#t=`."""
    where = hit.link or hit.source
    if "://" not in where:
        where = quote(where)
    return f"{where}#t={start:.1f},{end:.1f}".replace(".0,", ",").removesuffix(".0")


def cites_all(text: str, numbers: set[int]) -> bool:
    """Whether each sentence of a text refers to one of the numbers, and to no other."""
    sentences = [piece for piece in _ENDS.split(text.strip()) if piece.strip()]
    marks = [[int(mark) for mark in _MARK.findall(each)] for each in sentences]
    return bool(sentences) and all(found and set(found) <= numbers for found in marks)


def cited(text: str) -> set[int]:
    """Return the numbers that a text refers to."""
    return {int(mark) for mark in _MARK.findall(text)}


def without_marks(text: str) -> str:
    """Return a text whose own "[1]" can't be taken for a citation."""
    return _MARK.sub(r"(\1)", text)
