"""Verify an archive: is each file what it should be, and is all there that the ledger speaks of?"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

from qwen_audio_tools.archive.archive import Archive
from qwen_audio_tools.archive.local_files import hashed
from qwen_audio_tools.archive.records import PUBLISHER, EpisodeRecord, State
from qwen_audio_tools.errors import ArchiveError, ClipMissing

_SLACK = 1.0
"""Seconds by which a passage may end after its audio: rounding, and what decoders pad."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Something that is not as it should be: `id` is that of the episode, if it is of one."""

    what: str
    id: str = ""
    title: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-ready dict."""
        return asdict(self)


def verify(archive: Archive, *, audio: bool = False) -> Iterator[Problem]:
    """Yield every problem; reads each record, and with `audio` all of the audio too.

    Damaged records are set aside on the way, as by every other reader.
    """
    before = {broken.path for broken in archive.ledger.set_aside()}
    known = {show.id for show in archive.shows}
    for id in archive.ledger.ids():
        try:
            record = archive.ledger.get(id)
        except ArchiveError as error:
            yield Problem(what=str(error), id=id)
            continue
        if record is None:
            continue
        for what in _wrong(archive, id, record, known, audio):
            yield Problem(what=what, id=id, title=record.episode.title)
    for broken in (*archive.ledger.set_aside(), *archive.shows.set_aside()):
        when = "just now" if broken.path not in before and broken.path.exists() else broken.when
        place = broken.path.relative_to(archive.folder).as_posix()
        yield Problem(what=f"damaged and set aside ({when}) as {place}: {broken.why}", id=broken.id)


def _wrong(
    archive: Archive, id: str, record: EpisodeRecord, known: set[str], audio: bool
) -> Iterator[str]:
    episode = record.episode
    if episode.id != id:
        yield f"the file of {id} holds the episode {episode.id}"
    if episode.feed and episode.feed not in known:
        yield f"its show {episode.feed} is not in the archive"
    if record.state is State.SAME:
        other = archive.ledger.get(record.same_as)
        if other is None or other.episode.enclosure.sha256 != episode.enclosure.sha256:
            yield f"its audio is that of {record.same_as!r}, which is not there"
        return
    if record.state in (State.FETCHED, State.HEARD):
        yield from _wrong_audio(archive, record, audio)
    if record.state is State.HEARD:
        yield from _wrong_passages(record)


def _wrong_audio(archive: Archive, record: EpisodeRecord, thoroughly: bool) -> Iterator[str]:
    enclosure = record.episode.enclosure
    try:
        path = archive.path_of(record)
        size = path.stat().st_size
        if enclosure.size is not None and size != enclosure.size:
            yield f"its audio has {size:,} bytes, not {enclosure.size:,}"
        elif thoroughly and hashed(path) != enclosure.sha256:
            yield "its audio is not the audio that was heard: the SHA-256 differs"
    except ClipMissing as error:
        yield str(error)
    except OSError as error:
        yield f"its audio can't be read: {error.strerror}"


def _wrong_passages(record: EpisodeRecord) -> Iterator[str]:
    ends = (record.duration or 0.0) + _SLACK
    found = record.passages
    if [each.index for each in found] != list(range(len(found))):
        yield "its passages are not numbered in order"
    if any(after.start < before.start for before, after in pairwise(found)):
        yield "its passages are not in order of time"
    if record.words != PUBLISHER and any(not 0 <= p.start <= p.end <= ends for p in found):
        yield "a passage lies outside of the recording"
    starts = [chapter.start for chapter in record.episode.chapters]
    if any(p.start < start < p.end for p in found for start in starts):
        yield "a passage goes on over the start of a chapter"
