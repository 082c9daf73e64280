"""ArchiveSearch: an archive opened once with its index, and searched by every front end.

An index is brought up to date by whoever searches. Who searches often must not read the whole
ledger each time: the times of its folders tell whether anything was written since.
"""

import threading
import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from qwen_audio_tools.agents.searching import Found
from qwen_audio_tools.archive.archive import Archive, opened
from qwen_audio_tools.archive.citing import named
from qwen_audio_tools.archive.digests import Digests
from qwen_audio_tools.archive.hit_metadata import text_of
from qwen_audio_tools.archive.index.lance_index import LanceIndex
from qwen_audio_tools.archive.index.opening import index_of
from qwen_audio_tools.archive.index.rows import Hit
from qwen_audio_tools.archive.records import EpisodeRecord
from qwen_audio_tools.archive.searching import Query, search
from qwen_audio_tools.archive.shows import Kind
from qwen_audio_tools.engines.base import Progress
from qwen_audio_tools.engines.embedding import DEFAULT
from qwen_audio_tools.engines.reranking import Rerank, open_reranker
from qwen_audio_tools.errors import ArchiveError
from qwen_audio_tools.settings import Settings, read
from qwen_audio_tools.sources.policy import SourcePolicy

_SETTLED_NS = 2_000_000_000
"""A folder that was written to just now may be written to again within one tick of its clock."""
_AGAIN_S = 0.1


class ArchiveSearch:
    """An archive and its index; threads may share one.

    It is a `Searcher`, so that tools of agents can search it. With `fresh` each search first takes
    in what the ledger has new. `rerank` orders what is found by a query that names none.
    """

    def __init__(
        self,
        archive: Archive,
        index: LanceIndex,
        *,
        fresh: bool = True,
        rerank: Rerank | None = None,
    ) -> None:
        self.archive, self.index, self.fresh, self.rerank = archive, index, fresh, rerank
        self._lock = threading.Lock()
        self._taken_in: tuple[int, ...] | None = None

    def __repr__(self) -> str:
        return f"ArchiveSearch({str(self.archive.folder)!r})"

    def find(self, query: Query, progress: Progress | None = None) -> list[Hit]:
        """Return the best hits, the best first; `source` is what the tools for audio take.

        `progress` is told how the index is brought up to date, and may stop that by raising.

        Raises:
            SettingsError: the query is empty, or no hit is wanted.
            ArchiveError: the index is damaged, of another embedder, or can't be written.
            EngineError: the cross-encoder can't be loaded.
        """
        query = replace(query, rerank=query.rerank or self.rerank)
        if self.fresh:
            self.refresh(progress)
        found = search(self.index, query)
        if not found and self.fresh and not len(self.index):
            self._taken_in = None  # somebody deleted the index: it is made anew from the ledger
            self.refresh(progress)
            found = search(self.index, query)
        return [replace(hit, source=self._source(hit)) for hit in found]

    def search(self, query: str, k: int) -> list[Found]:
        """Return at most `k` passages for a query, the best first."""
        return [_found(hit) for hit in self.find(Query(text=query, count=k))]

    def refresh(self, progress: Progress | None = None) -> None:
        """Take into the index what changed in the ledger, if anything was written since.

        Raises:
            ArchiveError: the index can't be written.
        """
        while not self._lock.acquire(timeout=_AGAIN_S):
            if progress:
                progress("waiting", 0.0, 0.0)
        try:
            stamp = self.archive.ledger.stamp()
            if stamp != self._taken_in:
                self._take_in(progress)
                settled = time.time_ns() - max(stamp, default=0) > _SETTLED_NS
                self._taken_in = stamp if settled else None
        finally:
            self._lock.release()

    def _take_in(self, progress: Progress | None) -> None:
        digests = Digests(self.archive)
        try:
            self.index.refresh(digests.records(progress))
        except OSError as error:
            raise ArchiveError(
                f"the index of {str(self.archive.folder)!r} can't be brought up to date: {error}"
            ) from error
        digests.keep()

    def _source(self, hit: Hit) -> str:
        found = self.place(hit.source, "")
        if found != hit.source or "://" in found or Path(found).is_file():
            return found
        record = self.archive.ledger.get(hit.episode)
        return self.audio_of(record) if record else found

    def audio_of(self, record: EpisodeRecord) -> str:
        """Return where the audio of an episode is: its file, or a URL if that isn't here."""
        return self.place(record.episode.enclosure.path, record.episode.enclosure.url)

    def place(self, path: str, url: str) -> str:
        """Return the whole path of a file of the archive, or the URL where it is not here."""
        file = self.archive.folder / path
        return str(file.absolute()) if path and file.is_file() else url or path

    @property
    def roots(self) -> tuple[Path, ...]:
        """What its audio lies in: its own folder, and the folders and files that were added."""
        found = [self.archive.folder]
        for show in self.archive.shows:
            if show.kind is Kind.FOLDER:
                found.append(Path(show.source))
            elif show.kind is Kind.FILES:
                found += map(Path, show.files)
        return _outermost(path.resolve() for path in found)

    def allowed(self, policy: SourcePolicy) -> SourcePolicy:
        """Return a policy by which the audio of the archive may be opened, too."""
        if policy.roots is None:
            return policy
        return replace(policy, roots=_outermost((*policy.roots, *self.roots)))


def opened_search(
    folder: str | Path | None = None,
    *,
    index_uri: str | None = None,
    embedder: Any = DEFAULT,
    fresh: bool = True,
    settings: Settings | None = None,
    progress: Progress | None = None,
) -> ArchiveSearch:
    """Open an archive to be searched: that in a folder, the user's own by default.

    The index is in it, or where the setting `archive_index` says, or `index_uri`. `embedder` is the
    one that the index was made with. The cross-encoder of the setting `archive_rerank` orders what
    is found; `progress` is told how it loads. Nothing is loaded or written before the first search.

    Raises:
        ArchiveError: there is no archive.
        SettingsError: as reading the settings, or the embedder or the cross-encoder is none.
        MissingExtra, WeightsMissing: the cross-encoder can't be had.
    """
    archive = opened(folder)
    values = settings or read()
    uri = values.archive_index if index_uri is None else index_uri
    index = index_of(archive, uri, embedder)
    return ArchiveSearch(archive, index, fresh=fresh, rerank=open_reranker(values, progress))


def _found(hit: Hit) -> Found:
    beside = f" (sounds: {', '.join(hit.sounds)})" if hit.text and hit.sounds else ""
    return Found(
        text=text_of(hit) + beside,
        source=hit.source,
        start=round(hit.start, 3),
        end=round(hit.end, 3),
        speaker=", ".join(hit.speakers) or None,
        title=named(hit),
    )


def _outermost(paths: Iterable[Path]) -> tuple[Path, ...]:
    """Return the paths without those inside of others, and never the root of all files."""
    known = dict.fromkeys(path for path in paths if path != Path(path.anchor))
    return tuple(path for path in known if not any(parent in known for parent in path.parents))
