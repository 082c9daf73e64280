"""What an archive knows of an episode: what its feed says, and what was heard. Pure values."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import Any

from qwen_audio_tools.answer import Coverage
from qwen_audio_tools.transcript import Segment

VERSION = 1
"""Of the JSON form; a newer one is refused rather than misread."""


PUBLISHER = "publisher"
"""Where words come from that no engine heard: a transcript of the episode's publisher."""


class NewerVersion(ValueError):
    """Data that a later version of this program wrote: it is not damaged."""


def check_version(version: object, what: str) -> None:
    """Raise NewerVersion or ValueError where `version` is not ours."""
    if version != VERSION:
        kind = NewerVersion if isinstance(version, int) and version > VERSION else ValueError
        raise kind(f"version {version!r} of {what}; {VERSION} is known")


@dataclass(frozen=True, slots=True, kw_only=True)
class Enclosure:
    """The audio of an episode.

    `path` is where it lies on this machine, if it does; a relative one counts from the archive's
    folder (`Archive.path_of`). `sha256` is that of the file's bytes; `url` where it came from,
    empty for a local file; `size` its bytes, until it is here as the feed claims.
    """

    url: str = ""
    path: str = ""
    media_type: str = ""
    size: int | None = None
    sha256: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TranscriptLink:
    """A transcript that the publisher offers (Podcasting 2.0)."""

    url: str
    media_type: str
    language: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Chapter:
    """A chapter, from `start` seconds of the recording until the next one."""

    start: float
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    """What is known before anything is heard.

    `id` names it in the archive: made from the feed and the guid, or from a file's content.
    `show` is the title of the feed or the name of the folder; `published` is ISO 8601, or empty.
    `feed` is the id of the show in the archive. `alternates` are other files of the same episode,
    for when the first can't be had. `revision` names what its feed said, to tell when that
    changes. All texts are plain: no markup is left in them.
    """

    id: str
    show: str
    title: str
    enclosure: Enclosure
    guid: str = ""
    feed: str = ""
    link: str = ""
    published: str = ""
    about: str = ""
    persons: tuple[str, ...] = ()
    chapters: tuple[Chapter, ...] = ()
    chapters_url: str = ""
    transcripts: tuple[TranscriptLink, ...] = ()
    alternates: tuple[Enclosure, ...] = ()
    revision: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SoundEvent:
    """A sound that was heard, by its AudioSet name in English, with its score from 0 to 1."""

    start: float
    end: float
    name: str
    score: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SpokenPassage:
    """What is found and cited: some 30 to 60 s that end at pauses, never across a chapter's start.

    `voice` holds measures such as "pitch_hz", "activation", "words_per_second", as far as known.
    """

    index: int
    start: float
    end: float
    text: str
    speakers: tuple[str, ...] = ()
    sounds: tuple[str, ...] = ()
    chapter: str = ""
    language: str | None = None
    voice: Mapping[str, float] = field(default_factory=dict)


class State(StrEnum):
    """How far an episode has come."""

    NEW = "new"  # known from its feed
    FETCHED = "fetched"  # its audio is here, and verified
    HEARD = "heard"
    SAME = "same"  # its audio is that of the episode `same_as`, which tells all
    FAILED = "failed"  # `error` says why; the next sync tries again, a few times


@dataclass(frozen=True, slots=True, kw_only=True)
class EpisodeRecord:
    """An episode in the ledger.

    `words` tells where the words come from: `PUBLISHER`, or the engine's label; `engine` who heard
    the rest. `summary` is a few sentences of the episode's own. `attempts` counts failures in a
    row.
    `duration` is what the feed claims until the episode was heard.
    """

    episode: Episode
    state: State = State.NEW
    duration: float | None = None
    language: str | None = None
    segments: tuple[Segment, ...] = ()
    sounds: tuple[SoundEvent, ...] = ()
    passages: tuple[SpokenPassage, ...] = ()
    summary: str = ""
    words: str = ""
    engine: str = ""
    coverage: Coverage = field(default_factory=lambda: Coverage(0.0, 0.0))
    warnings: tuple[str, ...] = ()
    error: str = ""
    attempts: int = 0
    same_as: str = ""
    updated: str = ""

    def failed(self, error: str) -> "EpisodeRecord":
        """Return the record after a failure; what was known before stays."""
        return replace(self, state=State.FAILED, error=error, attempts=self.attempts + 1)

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-ready dict."""
        return {
            "version": VERSION,
            **asdict(self),
            "state": str(self.state),
            "coverage": self.coverage.to_dict(),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "EpisodeRecord":
        """Rebuild a record from `to_dict`.

        Raises:
            KeyError, TypeError, ValueError: it is none, or of a newer version.
        """
        values = dict(data)
        check_version(values.pop("version"), "a record")
        episode = dict(values["episode"])
        episode.update(
            enclosure=Enclosure(**episode["enclosure"]),
            persons=tuple(episode["persons"]),
            chapters=tuple(Chapter(**each) for each in episode["chapters"]),
            transcripts=tuple(TranscriptLink(**each) for each in episode["transcripts"]),
            alternates=tuple(Enclosure(**each) for each in episode.get("alternates", ())),
        )
        values.update(
            episode=Episode(**episode),
            state=State(values["state"]),
            segments=tuple(Segment(**each) for each in values["segments"]),
            sounds=tuple(SoundEvent(**each) for each in values["sounds"]),
            passages=tuple(_passage(each) for each in values["passages"]),
            coverage=Coverage.from_dict(values["coverage"]),
            warnings=tuple(values["warnings"]),
        )
        return cls(**values)


def _passage(data: Mapping[str, Any]) -> SpokenPassage:
    return SpokenPassage(
        **{**data, "speakers": tuple(data["speakers"]), "sounds": tuple(data["sounds"])}
    )
