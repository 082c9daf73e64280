"""Add feeds, lists of feeds, folders and files to an archive; nothing is heard yet."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from qwen_audio_tools.archive.archive import Archive
from qwen_audio_tools.archive.feeds.opml import LARGEST as LARGEST_LIST
from qwen_audio_tools.archive.feeds.opml import is_opml, read_opml
from qwen_audio_tools.archive.feeds.podcast_tags import web_address
from qwen_audio_tools.archive.feeds.reading import Feed, read_feed
from qwen_audio_tools.archive.fetching import Content, Fetcher
from qwen_audio_tools.archive.local_files import visit_files
from qwen_audio_tools.archive.shows import Kind, KnownFile, Show, made_id
from qwen_audio_tools.archive.visiting import LARGEST, Visit, now, take_in
from qwen_audio_tools.errors import ArchiveError, ClipMissing, ClipUnreadable, QwenAudioError
from qwen_audio_tools.sources.connecting import short


@dataclass(frozen=True, slots=True)
class NotAdded:
    """A feed of a list that could not be added, and why."""

    name: str
    error: QwenAudioError


@dataclass(frozen=True, slots=True, kw_only=True)
class Adding:
    """How to add: `since` leaves out what was published before that day (ISO 8601), `latest` all
    but the newest episodes."""

    archive: Archive
    fetcher: Fetcher
    since: str = ""
    latest: int | None = None

    def add(self, source: str) -> Iterator[Visit | NotAdded]:
        """Add what a word names, and yield each show with its episodes as it is known.

        Of a list of feeds (OPML) one that fails stops no other.

        Raises:
            ArchiveError: it is nothing that can be added, or is here already.
            ClipError: it can't be had.
        """
        if re.match(r"(?i)https?://", source):
            yield from self._add_url(source)
            return
        path = Path(source).expanduser().resolve()
        if path.is_dir():
            yield visit_files(self.archive, self._folder(path))
        elif not path.exists():
            raise ClipMissing(f"there is no file or folder {source!r}", hint="check it: ls -l")
        elif data := _list_in(path):
            yield from self._add_list(data)
        else:
            yield self._add_file(path)

    def _add_url(self, source: str) -> Iterator[Visit | NotAdded]:
        url = web_address(source)
        if not url:
            raise ArchiveError(f"{source!r} is no URL of a feed")
        content = self._fetched(url)
        if is_opml(content.data):
            yield from self._add_list(content.data)
        else:
            yield self._add_feed(url, content)

    def _add_list(self, data: bytes) -> Iterator[Visit | NotAdded]:
        for each in read_opml(data):
            try:
                yield self._add_feed(each.url, self._fetched(each.url))
            except QwenAudioError as error:
                yield NotAdded(each.title or short(each.url), error)

    def _fetched(self, url: str) -> Content:
        content = self.fetcher.read(url, most=LARGEST)
        if content.wait is not None:
            raise ClipUnreadable(
                f"{short(url)!r}: the server asks to wait {content.wait:.0f} s",
                hint="try again then",
            )
        return content

    def _add_feed(self, url: str, content: Content) -> Visit:
        known = self._known_feed(url)
        show = known or Show(
            id=made_id("feed", url), kind=Kind.FEED, source=url, added=now(), since=self.since
        )
        try:
            feed = read_feed(content.data, url=url, show=show.id)
        except ArchiveError as error:
            raise ArchiveError(f"{short(url)!r} is no feed: {error}", hint=error.hint) from error
        self._refuse_double(show, feed)
        if self.latest is not None and known is None:
            show = replace(show, since=max(self.since, _since_of(feed, self.latest)))
        return take_in(self.archive, show, feed, content, {})

    def _known_feed(self, url: str) -> Show | None:
        shows = self.archive.shows
        named = shows.get(made_id("feed", url))
        return named or next((show for show in shows if show.source == url), None)

    def _refuse_double(self, show: Show, feed: Feed) -> None:
        """Refuse a feed that is here already, by another URL."""
        for other in self.archive.shows:
            if feed.guid and other.guid == feed.guid and other.id != show.id:
                raise ArchiveError(
                    f"{feed.title!r} is in the archive already, from {short(other.source)!r}",
                    hint="qwa archive status",
                )

    def _folder(self, path: Path) -> Show:
        if path == self.archive.folder.resolve():
            raise ArchiveError(f"{str(path)!r} is the archive itself", hint="name another folder")
        id = made_id("folder", str(path))
        return self.archive.shows.get(id) or Show(
            id=id, kind=Kind.FOLDER, source=str(path), title=path.name or str(path), added=now()
        )

    def _add_file(self, path: Path) -> Visit:
        """Add one recording; those of the same folder make one show."""
        from qwen_audio_tools.clip import Clip

        Clip(path).info  # noqa: B018 (what is no recording is refused here)
        folder = path.parent
        id = made_id("files", str(folder))
        show = self.archive.shows.get(id) or Show(
            id=id, kind=Kind.FILES, source=str(folder), title=folder.name, added=now()
        )
        files = {**show.files}
        files.setdefault(str(path), KnownFile(-1, -1, ""))  # like no file there is
        return visit_files(self.archive, replace(show, files=files))


def _since_of(feed: Feed, latest: int) -> str:
    dates = sorted((each.episode.published for each in feed.episodes), reverse=True)
    if latest < 1:
        return now()
    return dates[latest - 1] if len(dates) >= latest else ""


def _list_in(path: Path) -> bytes:
    """Return the bytes of a file that is a list of feeds, and nothing for any other."""
    try:
        with path.open("rb") as file:
            start = file.read(4096)
            if not is_opml(start):
                return b""
            data = start + file.read(LARGEST_LIST)
    except OSError as error:
        raise ClipUnreadable(f"{str(path)!r} can't be read: {error.strerror}") from error
    if len(data) > LARGEST_LIST:
        raise ArchiveError(f"{str(path)!r} is larger than {LARGEST_LIST:,} bytes")
    return data
