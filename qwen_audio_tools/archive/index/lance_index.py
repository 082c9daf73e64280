"""The index in LanceDB: a folder or an object store, vectors and full text in one table."""

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qwen_audio_tools.archive.index import nearest
from qwen_audio_tools.archive.index.filters import Filters
from qwen_audio_tools.archive.index.rows import Hit, Unread, digest, hit, rows, schema, texts
from qwen_audio_tools.archive.records import EpisodeRecord
from qwen_audio_tools.engines.embedding import Embedder
from qwen_audio_tools.errors import ArchiveError, MissingExtra
from qwen_audio_tools.locking import locked
from qwen_audio_tools.setting_kinds import without_password

if TYPE_CHECKING:
    from lancedb.table import Table

TABLE = "passages"
COMMIT = 4000
"""Rows that are written at once: each commit costs a file, and up to a quarter of a second."""
_KEPT = timedelta(hours=1)
"""How long old versions stay, for whoever is reading one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What `refresh` did, in passages."""

    added: int
    removed: int


class LanceIndex:
    """The passages of an archive, found by words and by meaning.

    `uri` is a folder, or what LanceDB takes, such as "s3://bucket/index"; `lock` is a file that
    keeps two processes from tending to the index at once. With the id of an `archive` it refuses
    an index that another one made.
    """

    def __init__(self, uri: str, embedder: Embedder, lock: Path, archive: str = "") -> None:
        self.uri, self.embedder, self._lock, self._archive = uri, embedder, lock, archive

    def refresh(self, records: Iterable[EpisodeRecord | Unread]) -> Change:
        """Make the index hold these records and no others; what it has already stays, unread.

        Raises:
            ArchiveError: the index can't be written.
        """
        with locked(self._lock):
            known = self._known()
            wanted: set[str] = set()
            added = 0
            for group in _grouped(self._new(records, known, wanted)):
                added += self._write(group, known)
            gone = [episode for episode in known if episode not in wanted]
            removed = self._remove(gone)
            if added or removed:
                self._tend()
        return Change(added=added, removed=removed)

    def clear(self) -> None:
        """Throw the index away; `refresh` makes it anew.

        Raises:
            ArchiveError: it is of another archive, or can't be deleted.
        """
        with locked(self._lock), _told("cleared"):
            connection = _connect(self.uri)
            if TABLE in _names(connection):
                kept = ""  # of a damaged one nobody can tell whose it is
                with contextlib.suppress(Exception):
                    kept = _kept(connection.open_table(TABLE), "archive")
                self._check_owner(kept)
                connection.drop_table(TABLE)

    def __len__(self) -> int:
        """Return how many passages there are."""
        table = self._table()
        with _told("counted"):
            return 0 if table is None else int(table.count_rows(Filters().expression().to_sql()))

    def by_words(
        self, query: str, filters: Filters, count: int, *, episodes: bool = False
    ) -> list[Hit]:
        """Return the passages (or episodes) that hold words of the query, the best first."""
        from lancedb.query import MatchQuery

        table = self._table()
        if table is None or not query.strip():
            return []
        with _told("searched"):
            found = table.search(MatchQuery(query, "searched"), query_type="fts")
            found = found.where(filters.expression(episodes=episodes))
            return _hits(found, count, "_score", 1.0)

    def by_meaning(
        self, query: str, filters: Filters, count: int, *, episodes: bool = False
    ) -> list[Hit]:
        """Return the passages (or episodes) whose meaning is nearest, the nearest first."""
        table = self._table()
        if table is None:
            return []
        with _told("searched"):
            found = table.search(self.embedder.embed([query])[0], vector_column_name="vector")
            found = found.distance_type("cosine")
            found = nearest.looked_up(found, table).where(filters.expression(episodes=episodes))
            return _hits(found, count, "_distance", -1.0)

    def around(self, episode: str, first: int, last: int) -> list[Hit]:
        """Return the passages of an episode from one index to another, in order."""
        from lancedb.expr import col, lit

        table = self._table()
        if table is None:
            return []
        where = (col("episode") == lit(episode)) & (col("index") >= lit(first))
        with _told("read"):
            found = table.search().where(where & (col("index") <= lit(last)))
            read = [hit(row) for row in found.limit(max(1, last - first + 1)).to_list()]
        return sorted(read, key=lambda each: each.index)

    def _new(
        self, records: Iterable[EpisodeRecord | Unread], known: dict[str, str], wanted: set[str]
    ) -> Iterator[tuple[EpisodeRecord, str]]:
        """Yield what is not there as it should be, with its digest."""
        for each in records:
            if isinstance(each, Unread) and known.get(each.id, "") == each.digest:
                wanted.update({each.id} if each.digest else ())
                continue
            record = each.read() if isinstance(each, Unread) else each
            if record is None or not record.passages:
                continue
            wanted.add(record.episode.id)
            named = digest(record)
            if known.get(record.episode.id) != named:
                yield record, named

    def _known(self) -> dict[str, str]:
        table = self._table()
        if table is None:
            return {}
        whole = table.search().where(Filters().expression(episodes=True))
        columns = whole.select(["episode", "record"]).limit(int(table.count_rows())).to_arrow()
        pairs = zip(columns["episode"].to_pylist(), columns["record"].to_pylist(), strict=True)
        return dict(pairs)

    def _write(self, group: Sequence[tuple[EpisodeRecord, str]], known: dict[str, str]) -> int:
        vectors = self.embedder.embed([text for record, _ in group for text in texts(record)])
        # What is new needs no look for old rows: each look reads a column of the whole table.
        self._remove([record.episode.id for record, _ in group if record.episode.id in known])
        with _told("written"):
            table = self._table() or self._create(vectors.shape[1])
            table.add(rows(group, vectors, table.schema))
        known.update((record.episode.id, named) for record, named in group)
        return len(vectors) - len(group)

    def _remove(self, episodes: Sequence[str]) -> int:
        """Remove episodes that are there, and return how many passages went with them."""
        from lancedb.expr import col

        table = self._table()
        if table is None or not episodes:
            return 0
        rows = 0
        with _told("written"):
            for at in range(0, len(episodes), 500):
                some = list(episodes[at : at + 500])
                rows += int(table.delete(col("episode").isin(some)).num_deleted_rows)
        return rows - len(episodes)

    def _tend(self) -> None:
        """Bring the indexes up to date, and give back what old versions take."""
        from lancedb.index import FTS, BTree

        table = self._table()
        if table is None:
            return
        with _told("tended"):
            there = {column for index in table.list_indices() for column in index.columns}
            if "searched" not in there:
                # ICU finds the words of Chinese and Thai, too. Stop words would be those of all
                # languages at once: "war", "dog" and "man" are some in one or another.
                words = FTS(base_tokenizer="icu", remove_stop_words=False)
                table.create_index("searched", config=words)
            if "episode" not in there:
                table.create_index("episode", config=BTree())
            nearest.tend(table, table.count_rows())
            table.optimize(cleanup_older_than=_KEPT)

    def _table(self) -> "Table | None":
        # Opened anew each time, half a millisecond: another process may have written meanwhile, or
        # made the table anew, and a handle on the old one would go on to files that are gone.
        with _told("opened"):
            connection = _connect(self.uri)
            if TABLE not in _names(connection):
                return None
            table = connection.open_table(TABLE)
        return self._checked(table)

    def _checked(self, table: "Table") -> "Table":
        self._check_owner(_kept(table, "archive"))
        if (kept := _kept(table, "embedder")) != self.embedder.name:
            raise ArchiveError(
                f"the index holds vectors of {kept!r}, not of {self.embedder.name!r}",
                hint="qwa archive rebuild",
            )
        return table

    def _check_owner(self, kept: str) -> None:
        # An index of before there were ids has none, and is anybody's.
        if kept and self._archive and kept != self._archive:
            raise ArchiveError(
                f"the index in {without_password(self.uri)!r} is of another archive",
                hint="QWA_ARCHIVE_INDEX=… names another place for the index of this one",
            )

    def _create(self, width: int) -> "Table":
        made = schema(width, self.embedder.name, self._archive)
        table = _connect(self.uri).create_table(TABLE, schema=made, exist_ok=True)
        return self._checked(table)  # another archive may have been quicker


def _grouped(
    records: Iterator[tuple[EpisodeRecord, str]],
) -> Iterator[list[tuple[EpisodeRecord, str]]]:
    group: list[tuple[EpisodeRecord, str]] = []
    count = 0
    for record, named in records:
        group.append((record, named))
        count += len(record.passages) + 1
        if count >= COMMIT:
            yield group
            group, count = [], 0
    if group:
        yield group


def _kept(table: "Table", name: str) -> str:
    kept: bytes = (table.schema.metadata or {}).get(name.encode(), b"")
    return kept.decode()


def _hits(query: Any, count: int, column: str, sign: float) -> list[Hit]:
    found = query.limit(count).to_list()
    return [hit(row).scored(sign * float(row[column])) for row in found]


def _connect(uri: str) -> Any:
    try:
        import lancedb
    except ModuleNotFoundError as error:
        raise MissingExtra(
            "an archive's index needs packages that are not installed: lancedb",
            hint="pip install 'qwen-audio-tools[archive]'",
        ) from error
    return lancedb.connect(uri)


def _names(connection: Any) -> list[str]:
    names: list[str] = connection.list_tables().tables
    return names


@contextlib.contextmanager
def _told(what: str) -> Iterator[None]:
    """Turn what LanceDB raises into an error of ours, with the way out."""
    try:
        yield
    except (ArchiveError, MissingExtra):
        raise
    except Exception as error:
        told = " ".join(str(error).split())[:200]
        raise ArchiveError(
            f"the index can't be {what}: {told}", hint="qwa archive rebuild makes it anew"
        ) from error
