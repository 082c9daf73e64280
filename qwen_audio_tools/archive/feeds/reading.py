"""The bytes of an RSS or Atom feed, read into a show and its episodes."""

import calendar
import io
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any

from qwen_audio_tools.archive.feeds import podcast_tags
from qwen_audio_tools.archive.feeds.plain_text import notes, one_line
from qwen_audio_tools.archive.feeds.scanning import Scan, Tag, scan
from qwen_audio_tools.archive.feeds.web_pages import feeds_named_in, is_web_page
from qwen_audio_tools.archive.records import Chapter, Enclosure, Episode, EpisodeRecord
from qwen_audio_tools.archive.shows import made_id
from qwen_audio_tools.errors import ArchiveError, MissingExtra

MOST = 10_000
"""Items of one feed that are taken in: the longest-running daily shows have some 8000."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """What a feed says: `episodes` are new records, newest first; `guid` is that of the show."""

    title: str
    guid: str = ""
    link: str = ""
    about: str = ""
    language: str = ""
    episodes: tuple[EpisodeRecord, ...] = ()
    warnings: tuple[str, ...] = ()


def read_feed(data: bytes, *, url: str, show: str) -> Feed:
    """Read a feed that came from `url`; `show` is the id of its show in the archive.

    Raises:
        ArchiveError: it is no feed, or one that declares entities.
        MissingExtra: feedparser is not installed.
    """
    scanned = scan(data)
    parsed = _parsed(data)
    if not parsed.get("version") and not parsed.entries:
        raise _no_feed(data, url, scanned)
    channel = parsed.feed
    title = one_line(channel.get("title")) or one_line(url)
    warnings = []
    if scanned.error:
        warnings.append(f"the feed is broken XML ({scanned.error}); it was read as far as possible")
    source = _Source(url=url, show=show, title=title, hosts=podcast_tags.persons(scanned.channel))
    found, odd = _episodes(parsed.entries, scanned, source)
    warnings += odd
    return Feed(
        title=title,
        guid=podcast_tags.guid(scanned.channel),
        link=podcast_tags.web_address(channel.get("link"), url),
        about=notes(channel.get("subtitle") or channel.get("description")),
        language=one_line(channel.get("language"), 20),
        episodes=tuple(found),
        warnings=tuple(warnings),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Source:
    url: str
    show: str
    title: str
    hosts: tuple[str, ...]


def _parsed(data: bytes) -> Any:
    try:
        import feedparser
    except ImportError as error:
        raise MissingExtra(
            "feeds need the package 'feedparser', which is not installed",
            hint="pip install 'qwen-audio-tools[archive]'",
        ) from error
    # From memory only: given a string, feedparser would open it as a path or a URL. Without a base
    # for relative links: a guid that looks like one must stay as it is when the feed moves.
    try:
        return feedparser.parse(
            io.BytesIO(data),
            sanitize_html=False,  # all markup goes: see plain_text
            resolve_relative_uris=False,
        )
    except Exception as error:  # whatever its readers of broken markup trip over
        raise ArchiveError(f"it can't be read ({type(error).__name__}: {error})") from error


def _no_feed(data: bytes, url: str, scanned: Scan) -> ArchiveError:
    if is_web_page(data):
        named = feeds_named_in(data, url)
        hint = f"it names this feed: {named[0]}" if named else "look on that page for its feed"
        return ArchiveError("it is a web page, not a feed", hint=hint)
    what = f"XML with the root {scanned.root[:40]!r}" if scanned.root else "no XML"
    return ArchiveError(f"it is {what}, not an RSS or Atom feed", hint="check the URL")


def _episodes(
    entries: list[Any], scanned: Scan, source: _Source
) -> tuple[list[EpisodeRecord], list[str]]:
    """Return the episodes, newest first, each guid once, and what was left out."""
    found: dict[str, EpisodeRecord] = {}
    silent = doubled = 0
    numbered = list(enumerate(entries))
    # Sorting keeps the feed's own order, which is newest first, where dates are equal or missing.
    numbered.sort(key=lambda each: _published(each[1]), reverse=True)
    for number, entry in numbered[:MOST]:
        tags = scanned.items[number] if number < len(scanned.items) else []
        record = _record(entry, tags, source)
        if record is None:
            silent += 1
        elif record.episode.id in found:
            doubled += 1
        else:
            found[record.episode.id] = record
    told = []
    if len(entries) > MOST:
        told.append(f"the feed has {len(entries):,} items; the newest {MOST:,} are taken in")
    if silent:
        told.append(f"{silent:,} of {len(entries):,} items of the feed have no audio")
    if doubled:
        told.append(f"{doubled:,} items of the feed repeat the guid of another; the first counts")
    return list(found.values()), told


def _record(entry: Any, tags: list[Tag], source: _Source) -> EpisodeRecord | None:
    others = podcast_tags.alternates(tags, source.url)
    enclosures = [*_enclosures(entry, source.url), *others]
    if not enclosures:
        return None
    title = one_line(entry.get("title"))
    link = podcast_tags.web_address(entry.get("link"), source.url)
    published = _published(entry)
    guid = str(entry.get("id") or "").strip()[:2000]
    # Without a guid the file's address stands for the episode, less what changes from day to day.
    key = guid or enclosures[0].url.partition("?")[0] or link or title + published
    episode = Episode(
        id=made_id(source.show, key),
        show=source.title,
        title=title or "(untitled)",
        enclosure=enclosures[0],
        guid=one_line(guid, 2000),
        feed=source.show,
        link=link,
        published=published,
        about=_about(entry),
        persons=podcast_tags.persons(tags) or source.hosts or _author(entry, source),
        chapters=_chapters(entry),
        chapters_url=podcast_tags.chapters_url(tags, source.url),
        transcripts=podcast_tags.transcripts(tags, source.url),
        alternates=tuple(enclosures[1:]),
    )
    told = json.dumps(asdict(episode), sort_keys=True)
    return EpisodeRecord(
        episode=replace(episode, revision=made_id(told)),
        duration=seconds_of(entry.get("itunes_duration")),
    )


def _enclosures(entry: Any, base: str) -> list[Enclosure]:
    """Return the files of an item that may be heard, audio before video."""
    links = [link for link in entry.get("links", ()) if link.get("rel") == "enclosure"]
    found: dict[str, Enclosure] = {}
    for link in [*links, *entry.get("media_content", ())]:
        media_type = str(link.get("type") or "").partition(";")[0].strip().lower()[:100]
        url = podcast_tags.web_address(link.get("href") or link.get("url"), base)
        if url and _may_be_heard(media_type):
            size = podcast_tags.whole(link.get("length") or link.get("filesize"))
            found.setdefault(url, Enclosure(url=url, media_type=media_type, size=size))
    return sorted(found.values(), key=lambda each: each.media_type.startswith("video/"))


def _may_be_heard(media_type: str) -> bool:
    kind = media_type.partition("/")[0]
    # What is no audio after all, its bytes will tell; some servers call everything a stream.
    return kind in ("audio", "video", "") or media_type.endswith(("/ogg", "/octet-stream"))


def _published(entry: dict[str, Any]) -> str:
    # Past feedparser's own `get`, which answers for one date with the other, and warns of it.
    moment: Any = dict.get(entry, "published_parsed") or dict.get(entry, "updated_parsed")
    try:
        return datetime.fromtimestamp(calendar.timegm(moment), UTC).isoformat(timespec="seconds")
    except (TypeError, ValueError, OverflowError, OSError):
        return ""


def _about(entry: Any) -> str:
    texts = [entry.get("summary"), *(each.get("value") for each in entry.get("content", ()))]
    return max((notes(text) for text in texts), key=len)


def _author(entry: Any, source: _Source) -> tuple[str, ...]:
    name = one_line(entry.get("author"), 100)
    return (name,) if name and name != source.title else ()


def _chapters(entry: Any) -> tuple[Chapter, ...]:
    """Return the chapters that stand in the feed itself (Podlove Simple Chapters)."""
    return tuple(sorted(_inline(entry.get("psc_chapters")), key=lambda each: each.start))


def _inline(written: Mapping[str, Any] | None) -> Iterator[Chapter]:
    for each in (written or {}).get("chapters", ()):
        start, title = seconds_of(each.get("start")), one_line(each.get("title"))
        if start is not None and title:
            yield Chapter(start=start, title=title)


def seconds_of(text: object) -> float | None:
    """Return the seconds of "3600", "60:00" or "1:00:00.5"; None where it is no time."""
    match = re.fullmatch(r"\s*(?:(?:(\d{1,4}):)?(\d{1,4}):)?(\d{1,7}(?:\.\d{1,9})?)\s*", str(text))
    if match is None:
        return None
    hours, minutes, seconds = match.groups()
    return 3600.0 * int(hours or 0) + 60.0 * int(minutes or 0) + float(seconds)
