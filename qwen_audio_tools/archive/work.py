"""The work on one episode, under its lock: take it in, listen to it, keep what came of it.

Whatever goes wrong with an episode is kept in its record, and stops nobody else.
"""

import errno
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

from qwen_audio_tools.archive.archive import Archive
from qwen_audio_tools.archive.fetching import Fetcher, reason
from qwen_audio_tools.archive.heads import Head, head_of
from qwen_audio_tools.archive.listening import listen
from qwen_audio_tools.archive.records import EpisodeRecord, State
from qwen_audio_tools.archive.taking import take
from qwen_audio_tools.engines.base import Engine, Options
from qwen_audio_tools.errors import (
    Cancelled,
    EngineUnreachable,
    EngineUnsupported,
    MissingExtra,
    QwenAudioError,
    SettingsError,
    WeightsMissing,
)

MOST_ATTEMPTS = 5
"""Failures in a row after which an episode is left alone until somebody asks for it."""
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

# What is wrong with the engine is no episode's fault, and would fail the next one too.
OF_THE_ENGINE = (
    Cancelled,
    EngineUnreachable,
    EngineUnsupported,
    MissingExtra,
    SettingsError,
    WeightsMissing,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of the work on an episode: `state` is None where another process has, or had, it.

    `seconds` are those of its audio, `took` those of the work.
    """

    id: str
    state: State | None
    title: str = ""
    show: str = ""
    error: str = ""
    seconds: float = 0.0
    took: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-ready dict."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "Outcome":
        """Rebuild an outcome from `to_dict`."""
        return cls(**{**data, "state": State(data["state"]) if data["state"] else None})


def take_episode(archive: Archive, id: str, fetcher: Fetcher) -> Outcome:
    """Bring the audio of an episode here, if it isn't.

    Raises:
        OSError: there is no room. The record says so too, if that could be written.
    """

    def work(record: EpisodeRecord) -> EpisodeRecord:
        return take(archive, record, fetcher)

    def wanted(record: EpisodeRecord) -> bool:
        return record.state in (State.NEW, State.FAILED) or lacks_audio(archive, record)

    return _worked(archive, id, wanted, work)


def hear_episode(
    archive: Archive, id: str, engine: Engine, ears: Engine | None, options: Options
) -> Outcome:
    """Listen to an episode whose audio is here.

    Raises:
        EngineError, SettingsError: what is wrong with the engine; the episode stays as it was.
        OSError: there is no room.
    """

    def work(record: EpisodeRecord) -> EpisodeRecord:
        return listen(record, archive.clip_of(record), engine, ears=ears, options=options)

    return _worked(archive, id, lambda record: record.state is State.FETCHED, work)


def note_failure(archive: Archive, id: str, error: str) -> Outcome:
    """Keep that the work on an episode failed, where whoever did it could not say so."""

    def work(record: EpisodeRecord) -> EpisodeRecord:
        return record.failed(error)

    return _worked(archive, id, lambda _: True, work)


def lacks_audio(archive: Archive, record: EpisodeRecord | Head) -> bool:
    """Whether an episode was heard, but its audio, which could be had again, is gone."""
    head = record if isinstance(record, Head) else head_of(record)
    if head.state is not State.HEARD or not head.url:
        return False
    return not head.path or not (archive.folder / head.path).is_file()


def _worked(
    archive: Archive,
    id: str,
    wanted: Callable[[EpisodeRecord], bool],
    work: Callable[[EpisodeRecord], EpisodeRecord],
) -> Outcome:
    started = time.monotonic()
    with archive.ledger.locked(id) as held:
        record = archive.ledger.get(id) if held else None
        if record is None or not wanted(record):
            is_here = record is not None and record.state is State.FETCHED
            return Outcome(id=id, state=State.FETCHED if is_here else None)
        try:
            done = work(record)
        except OF_THE_ENGINE:
            raise
        except OSError as error:
            archive.ledger.put(record.failed(reason(error)))
            if error.errno in NO_ROOM:
                raise
            done = record.failed(reason(error))
        except QwenAudioError as error:
            done = record.failed(reason(error))
        except Exception as error:  # a bug in one episode must not cost a night's work
            done = record.failed(f"unexpected {reason(error)}")
        done = archive.ledger.put(done)
    return Outcome(
        id=id,
        state=done.state,
        title=done.episode.title,
        show=done.episode.show,
        error=done.error if done.state is State.FAILED else "",
        seconds=done.duration or 0.0,
        took=time.monotonic() - started,
    )


def again(record: EpisodeRecord) -> EpisodeRecord:
    """Return a record whose failures are forgotten."""
    return replace(record, state=State.NEW, error="", attempts=0)
