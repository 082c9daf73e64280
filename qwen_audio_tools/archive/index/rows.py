"""What of a record goes into the index, as flat rows; and what comes out of it, as hits."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from qwen_audio_tools.archive.records import EpisodeRecord, SpokenPassage

if TYPE_CHECKING:
    import pyarrow as pa

    from qwen_audio_tools.engines.embedding import Vectors

MARK = "\n"
"""Stands around each name in a column of several, so that "A" is not found in "Ann"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A passage that was found, or several that follow each other, with what may be cited of it.

    `start` and `end` are seconds of the recording; `score` orders hits of one search and means
    nothing else. `source` is where the audio is: a path, or a URL if it isn't here.
    """

    episode: str
    index: int
    show: str
    title: str
    start: float
    end: float
    text: str
    speakers: tuple[str, ...] = ()
    sounds: tuple[str, ...] = ()
    chapter: str = ""
    language: str = ""
    published: str = ""
    source: str = ""
    link: str = ""
    sha256: str = ""
    model: str = ""
    score: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-ready dict."""
        return asdict(self) | {"start": round(self.start, 3), "end": round(self.end, 3)}

    def scored(self, score: float) -> "Hit":
        """Return the same hit with another score."""
        return replace(self, score=score)


@dataclass(frozen=True, slots=True)
class Unread:
    """A record that is read only where the index lacks its digest; "" says: no passages."""

    id: str
    digest: str
    read: Callable[[], EpisodeRecord | None]


EPISODE = -1
"""The `index` of the row that stands for a whole episode: what it is about."""


def digest(record: EpisodeRecord) -> str:
    """Return what names the rows of a record: it changes whenever they would."""
    told = [_facts(record, each) for each in _places(record)]
    return hashlib.sha256(json.dumps(told, ensure_ascii=False).encode()).hexdigest()[:32]


def texts(record: EpisodeRecord) -> list[str]:
    """Return what is embedded for each row: the episode's gist, then what each passage holds."""
    return [_said(record, each) for each in _places(record)]


def rows(
    records: Sequence[tuple[EpisodeRecord, str]], vectors: "Vectors", form: "pa.Schema"
) -> "pa.Table":
    """Return the rows of records, each with its digest: one for the episode, and one a passage."""
    import pyarrow as pa

    told = [
        {**_facts(record, each), "record": named, "searched": _searched(record, each)}
        for record, named in records
        for each in _places(record)
    ]
    found = {name: [row[name] for row in told] for name in form.names if name != "vector"}
    flat = pa.array(vectors.reshape(-1))
    found["vector"] = pa.FixedSizeListArray.from_arrays(flat, vectors.shape[1])
    return pa.table(found, schema=form)


def schema(width: int, embedder: str, archive: str = "") -> "pa.Schema":
    """Return the columns; the embedder's name and the archive's id are kept with them."""
    import pyarrow as pa

    words = ["id", "episode", "show", "title", "text", "searched", "speakers", "sounds", "chapter"]
    words += ["language", "published", "source", "link", "sha256", "model", "record"]
    fields = [pa.field(name, pa.string()) for name in words]
    fields += [pa.field("index", pa.int32())]
    fields += [pa.field(name, pa.float64()) for name in ("start", "end")]
    fields += [pa.field("vector", pa.list_(pa.float32(), width))]
    return pa.schema(fields, metadata={"embedder": embedder, "archive": archive})


def hit(row: Mapping[str, Any]) -> Hit:
    """Return what a row of the index says."""
    return Hit(
        **{
            name: row[name]
            for name in (
                *("episode", "index", "show", "title", "start", "end", "text", "chapter"),
                *("language", "published", "source", "link", "sha256", "model"),
            )
        },
        speakers=unmarked(row["speakers"]),
        sounds=unmarked(row["sounds"]),
    )


def marked(names: Sequence[str]) -> str:
    """Return several names in one column, each between marks."""
    plain = [name.replace(MARK, " ").strip() for name in names]
    return MARK + MARK.join(plain) + MARK if plain else ""


def unmarked(column: str) -> tuple[str, ...]:
    """Return the names in a column of several."""
    return tuple(filter(None, column.split(MARK)))


def _places(record: EpisodeRecord) -> list[SpokenPassage]:
    """Return the passages, and before them one that stands for the episode."""
    episode = record.episode
    headings = [chapter.title for chapter in episode.chapters]
    gist = "\n".join(filter(None, [episode.title, record.summary or episode.about, *headings]))
    whole = SpokenPassage(
        index=EPISODE,
        start=0.0,
        end=record.duration or 0.0,
        text=gist,
        speakers=tuple(dict.fromkeys(name for each in record.passages for name in each.speakers)),
        sounds=tuple(dict.fromkeys(name for each in record.passages for name in each.sounds)),
    )
    return [whole, *record.passages]


def _facts(record: EpisodeRecord, passage: SpokenPassage) -> dict[str, Any]:
    episode = record.episode
    return {
        "id": f"{episode.id}:{passage.index}",
        "episode": episode.id,
        "index": passage.index,
        "show": episode.show,
        "title": episode.title,
        "start": float(passage.start),
        "end": float(passage.end),
        "text": passage.text,
        "speakers": marked(passage.speakers),
        "sounds": marked(passage.sounds),
        "chapter": passage.chapter,
        "language": passage.language or record.language or "",
        "published": episode.published,
        "source": episode.enclosure.path or episode.enclosure.url,
        "link": episode.enclosure.url or episode.link,
        "sha256": episode.enclosure.sha256,
        "model": record.engine or record.words,
    }


def _said(record: EpisodeRecord, passage: SpokenPassage) -> str:
    if passage.index == EPISODE:
        return passage.text or record.episode.id
    sounds = f"Sounds: {', '.join(passage.sounds)}." if passage.sounds else ""
    return "\n".join(filter(None, (passage.text, sounds))) or record.episode.title


def _searched(record: EpisodeRecord, passage: SpokenPassage) -> str:
    """Return what full text search looks through: names and headings find a passage too."""
    return "\n".join(
        filter(
            None,
            (
                *(_said(record, passage), passage.chapter),
                *(record.episode.title, record.episode.show, *passage.speakers),
            ),
        )
    )
