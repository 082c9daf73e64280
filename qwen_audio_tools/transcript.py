"""Segment and Transcript: what was said, when, by whom. The writers are in `subtitles.py`."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A stretch of speech and its words.

    `start` and `end` are seconds of the recording; `speaker` is a label such as "S1";
    `language` is an ISO 639-1 code; `confidence` is the mean token probability, 0 to 1.
    """

    start: float
    end: float
    text: str
    speaker: str | None = None
    language: str | None = None
    confidence: float | None = None


def joined_text(segments: Iterable[Segment], language: str | None) -> str:
    """Return the words of all segments; no spaces between them where the script has none."""
    joiner = "" if language in ("zh", "ja", "yue", "th") else " "
    return joiner.join(segment.text.strip() for segment in segments).strip()


def spoken_words(text: str) -> int:
    """Return about how many words a text has; 1.6 Chinese, Japanese or Thai letters make one."""
    dense = sum("\u3040" <= char <= "\u9fff" or "\u0e00" <= char <= "\u0e7f" for char in text)
    spaced = "".join(
        " " if "\u3040" <= char <= "\u9fff" or "\u0e00" <= char <= "\u0e7f" else char
        for char in text
    )
    words = sum(any(char.isalnum() for char in word) for word in spaced.split())
    return round(dense / 1.6) + words


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcript:
    """The segments of one recording in order of time; `duration` is in seconds."""

    segments: tuple[Segment, ...]
    language: str | None = None
    duration: float | None = None
    source: str | None = None

    @property
    def text(self) -> str:
        """All words in one string."""
        return joined_text(self.segments, self.language)

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-ready dict."""
        return asdict(self) | {"segments": [asdict(segment) for segment in self.segments]}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "Transcript":
        """Rebuild a transcript from `to_dict`."""
        segments = tuple(Segment(**segment) for segment in data["segments"])
        return cls(**{**data, "segments": segments})
