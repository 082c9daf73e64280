"""What an archive holds, by its ledger: its episodes, and what was heard from when to when."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from qwen_audio_tools.archive.archive import Archive
from qwen_audio_tools.archive.heads import Head, heads
from qwen_audio_tools.archive.records import EpisodeRecord, State
from qwen_audio_tools.errors import ArchiveError

SPEECH, SOUND = "speech", "sound"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What was heard from one second to another: words (SPEECH), or the name of a SOUND."""

    kind: str
    start: float
    end: float
    text: str
    speaker: str = ""


def episodes_of(archive: Archive, show: str = "") -> list[Head]:
    """Return the episodes, of one show if it is named, the newest first.

    Raises:
        ArchiveError: no show is called so, or the ledger can't be read.
    """
    feed = archive.shows.named(show).id if show else ""
    found = [head for head in heads(archive).values() if not feed or head.feed == feed]
    return sorted(found, key=lambda head: (head.published, head.id), reverse=True)


def episode_named(archive: Archive, name: str) -> EpisodeRecord:
    """Return the record of an episode that was heard, by its id, or by its title if one has it.

    That of an episode with the audio of another holds what was heard in that one.

    Raises:
        ArchiveError: there is none, there are several, or it was not listened to yet.
    """
    known = heads(archive)
    id = name if name in known else _titled(known, name)
    record = archive.ledger.get(id)
    if record is not None and record.state is State.SAME:
        record = archive.ledger.get(record.same_as)
    if record is None:
        raise ArchiveError(f"the episode {name!r} is gone from the ledger")
    if not (record.segments or record.sounds or record.passages):
        told = f": {record.error}" if record.error else ""
        raise ArchiveError(
            f"{record.episode.title!r} was not listened to yet{told}", hint="qwa archive sync"
        )
    return record


def lines_between(
    record: EpisodeRecord, start: float = 0.0, end: float | None = None
) -> list[Line]:
    """Return what was said and heard in a part of an episode, in order, no line cut.

    Raises:
        ArchiveError: the part is empty, or begins after the end.
    """
    length = record.duration
    if end is not None and end <= start:
        raise ArchiveError(f"nothing lies between {start:g} s and {end:g} s")
    if length is not None and start >= length:
        title = record.episode.title
        raise ArchiveError(f"{title!r} lasts {length:.2f} s; nothing begins at {start:g} s")
    found = [
        each for each in _lines(record) if each.end > start and (end is None or each.start < end)
    ]
    return sorted(found, key=lambda line: (line.start, line.end))


def _lines(record: EpisodeRecord) -> Iterable[Line]:
    for said in record.segments:
        yield Line(
            kind=SPEECH,
            start=said.start,
            end=said.end,
            text=said.text.strip(),
            speaker=said.speaker or "",
        )
    for heard in record.sounds:
        yield Line(kind=SOUND, start=heard.start, end=heard.end, text=heard.name)


def _titled(known: Mapping[str, Head], name: str) -> str:
    """Return the id of the episode with this title, or the only one whose title holds it."""
    folded = " ".join(name.split()).casefold()
    titles = {id: " ".join(head.title.split()).casefold() for id, head in known.items()}
    exact = [id for id, title in titles.items() if title == folded]
    found = exact or [id for id, title in titles.items() if folded and folded in title]
    if len(found) == 1:
        return found[0]
    if found:
        some = ", ".join(f"{id} {known[id].title[:80]!r}" for id in sorted(found)[:5])
        raise ArchiveError(f"{len(found)} episodes fit {name[:80]!r}: {some}", hint="give the id")
    near = get_close_matches(folded, titles.values(), n=3, cutoff=0.6)
    meant = [f"{id} {known[id].title[:80]!r}" for id, title in titles.items() if title in near][:3]
    raise ArchiveError(
        f"there is no episode {name[:80]!r}",
        hint=f"did you mean {' or '.join(meant)}?" if meant else "give an id from the list",
    )
