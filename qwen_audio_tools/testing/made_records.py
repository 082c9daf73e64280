"""Records of an archive with known words, as listening leaves them: for tests."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from qwen_audio_tools.archive.records import (
    Enclosure,
    Episode,
    EpisodeRecord,
    SpokenPassage,
    State,
)
from qwen_audio_tools.transcript import Segment

SECONDS = 30.0


def text_record(
    show: str, title: str, texts: Sequence[str], *, published: str = "2026-03-04", **more: Any
) -> EpisodeRecord:
    """Return a record without audio: passages of 30 s with these words.

    `more` are fields that each passage has, such as `speakers` or `sounds`.
    """
    id = _id(show, title)
    passages = [
        SpokenPassage(index=at, start=SECONDS * at, end=SECONDS * (at + 1), text=text, **more)
        for at, text in enumerate(texts)
    ]
    enclosure = Enclosure(url=f"https://example.com/{id}.mp3")
    episode = Episode(id=id, show=show, title=title, enclosure=enclosure, published=published)
    return _heard(episode, SECONDS * len(texts), passages)


def spoken_record(
    title: str, path: Path, seconds: float, spans: Sequence[tuple[float, float, str]]
) -> EpisodeRecord:
    """Return a record of a file of so many seconds, with what is said from where to where."""
    show = "Made Radio"
    passages = [
        SpokenPassage(index=at, start=start, end=end, text=text, language="en")
        for at, (start, end, text) in enumerate(spans)
    ]
    enclosure = Enclosure(path=str(path))
    episode = Episode(id=_id(show, title), show=show, title=title, enclosure=enclosure)
    return _heard(episode, seconds, passages)


def _heard(episode: Episode, seconds: float, passages: Sequence[SpokenPassage]) -> EpisodeRecord:
    return EpisodeRecord(
        episode=episode,
        state=State.HEARD,
        duration=seconds,
        language="en",
        segments=tuple(_said(each) for each in passages if each.text),
        passages=tuple(passages),
        engine="made",
    )


def _said(passage: SpokenPassage) -> Segment:
    speaker = passage.speakers[0] if passage.speakers else None
    return Segment(start=passage.start, end=passage.end, text=passage.text, speaker=speaker)


def _id(show: str, title: str) -> str:
    return hashlib.sha256(f"{show}/{title}".encode()).hexdigest()[:16]
