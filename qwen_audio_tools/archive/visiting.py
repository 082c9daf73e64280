"""Visit a feed: read it if it changed, and take its new and changed episodes into the ledger."""

import urllib.parse
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from qwen_audio_tools.archive.archive import Archive
from qwen_audio_tools.archive.feeds.reading import Feed, read_feed
from qwen_audio_tools.archive.fetching import Content, Fetcher, reason
from qwen_audio_tools.archive.heads import Head
from qwen_audio_tools.archive.records import Episode, EpisodeRecord, State
from qwen_audio_tools.archive.shows import Show
from qwen_audio_tools.errors import QwenAudioError

LARGEST = 32 * 2**20
"""Bytes of a feed that are read."""
_WRITERS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """How a visit went: the show as it is now, and how many episodes are new or changed."""

    show: Show
    new: int = 0
    changed: int = 0
    unchanged: bool = False


def visit_feed(
    archive: Archive, show: Show, fetcher: Fetcher, known: Mapping[str, Head] | None = None
) -> Visit:
    """Read a feed unless it is as it was, and keep what it says; a failure is kept in the show.

    `known` are the heads of the ledger, if the caller has them already: they save reading records.

    Raises:
        OSError: nothing can be written.
    """
    if show.not_before > now():
        return Visit(show=show, unchanged=True)
    try:
        content = _content(archive, show, fetcher)
        if content.wait is not None:
            until = now(content.wait)
            return failed(archive, show, f"the server asks to wait until {until}", until)
        if content.unchanged:
            return Visit(show=_kept(archive, _seen(show, content)), unchanged=True)
        feed = read_feed(content.data, url=show.source, show=show.id)
    except QwenAudioError as error:
        return failed(archive, show, reason(error))
    return take_in(archive, show, feed, content, known or {})


def take_in(
    archive: Archive, show: Show, feed: Feed, content: Content, known: Mapping[str, Head]
) -> Visit:
    """Keep what a feed says in the show and in the ledger.

    Raises:
        OSError: nothing can be written.
    """
    new, changed, busy = merge(archive, _wanted(feed.episodes, show.since), known)
    seen = _seen(show, content)
    if busy:  # another process works on some of these: next time the feed is read again
        seen = replace(seen, etag="", modified="")
    told = replace(
        seen,
        title=feed.title,
        guid=feed.guid,
        link=feed.link,
        about=feed.about,
        language=feed.language,
        warnings=feed.warnings,
    )
    return Visit(show=_kept(archive, told), new=new, changed=changed)


def merge(
    archive: Archive, episodes: Iterable[EpisodeRecord], known: Mapping[str, Head]
) -> tuple[int, int, int]:
    """Put new and changed episodes into the ledger; return how many are new, changed, in use."""
    unlike = [
        record
        for record in episodes
        if record.episode.id not in known
        or known[record.episode.id].revision != record.episode.revision
    ]
    # To bring a file to the disk is mostly waiting: several at once cost little more than one.
    with ThreadPoolExecutor(_WRITERS, thread_name_prefix="merge") as pool:
        done = list(pool.map(lambda record: _merged(archive, record), unlike))
    return done.count("new"), done.count("changed"), done.count("busy")


def _merged(archive: Archive, record: EpisodeRecord) -> str:
    with archive.ledger.locked(record.episode.id) as held:
        if not held:
            return "busy"
        old = archive.ledger.get(record.episode.id)
        if old is None:
            archive.ledger.put(record)
            return "new"
        if old.episode.revision != record.episode.revision:
            archive.ledger.put(changed_by(old, record))
            return "changed"
        return ""


def changed_by(old: EpisodeRecord, new: EpisodeRecord) -> EpisodeRecord:
    """Return a record after its feed has changed: what was heard stays as long as it holds.

    Other audio is fetched anew, other transcripts are read anew; a mended title costs nothing.
    """
    before, after = old.episode, new.episode
    other_audio = _is_other_audio(before, after)
    enclosure = replace(
        after.enclosure,
        path="" if other_audio else before.enclosure.path,
        sha256=before.enclosure.sha256,
        size=after.enclosure.size if other_audio else before.enclosure.size,
    )
    episode = replace(after, enclosure=enclosure, chapters=after.chapters or before.chapters)
    stale = other_audio or before.transcripts != after.transcripts
    record = replace(old, episode=episode, duration=old.duration or new.duration)
    return replace(record, state=State.NEW, error="", attempts=0) if stale else record


def _is_other_audio(before: Episode, after: Episode) -> bool:
    old, new = before.enclosure, after.enclosure
    if not old.url:
        return False
    # Queries carry tokens that change with each reading of the feed. What the feed says of the size
    # isn't asked: with advertisements put in for each listener it changes too.
    urls = {_bare(each.url) for each in (old, *before.alternates)}
    return _bare(new.url) not in urls


def _bare(url: str) -> str:
    parts = urllib.parse.urlsplit(url)
    return f"{parts.netloc}{parts.path}".lower()


def now(after: float = 0.0) -> str:
    """Return the time in `after` seconds, ISO 8601."""
    return (datetime.now(UTC) + timedelta(seconds=after)).isoformat(timespec="seconds")


def _content(archive: Archive, show: Show, fetcher: Fetcher) -> Content:
    # A record that was set aside comes back only if the feed is read, whether it changed or not.
    lost = any(broken.when >= show.checked for broken in archive.ledger.set_aside())
    validators = {} if lost else {"etag": show.etag, "modified": show.modified}
    return fetcher.read(show.source, most=LARGEST, **validators)


def _wanted(episodes: Iterable[EpisodeRecord], since: str) -> Iterable[EpisodeRecord]:
    return (
        each
        for each in episodes
        if not since or not each.episode.published or each.episode.published >= since
    )


def _seen(show: Show, content: Content) -> Show:
    return replace(
        show,
        etag=content.etag,
        modified=content.modified,
        source=content.moved or show.source,
        checked=now(),
        not_before="",
        error="",
        failures=0,
    )


def failed(archive: Archive, show: Show, why: str, until: str = "") -> Visit:
    """Keep in a show why its visit failed, and return that visit."""
    seen = replace(show, error=why, failures=show.failures + 1, not_before=until)
    return Visit(show=_kept(archive, seen), unchanged=True)


def _kept(archive: Archive, show: Show) -> Show:
    archive.shows.put(show)
    return show
