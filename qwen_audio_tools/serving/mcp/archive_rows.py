"""The rows of the table of tools that are there when an archive is named."""

from dataclasses import asdict
from typing import Any

from qwen_audio_tools.agents import archive_tools, wording
from qwen_audio_tools.agents.archive_telling import EpisodesListed, PartRead
from qwen_audio_tools.agents.archive_tools import Part
from qwen_audio_tools.agents.searching import MOST_FOUND
from qwen_audio_tools.agents.tools import Ears
from qwen_audio_tools.archive.citing import playable
from qwen_audio_tools.archive.heads import Head
from qwen_audio_tools.archive.index.filters import Filters
from qwen_audio_tools.archive.index.rows import Hit
from qwen_audio_tools.archive.opened_search import ArchiveSearch
from qwen_audio_tools.archive.records import Episode
from qwen_audio_tools.archive.searching import Query
from qwen_audio_tools.serving.mcp import archive_schemas as schemas
from qwen_audio_tools.serving.mcp.arguments import LONGEST_QUESTION, Argument, Given, Kind
from qwen_audio_tools.serving.mcp.results import Result, first, rounded
from qwen_audio_tools.serving.mcp.tools import PART, Tool, Work
from qwen_audio_tools.stopping import Stop

_NAME = 500
_FOUND = 5
_WARNINGS = 2_000
_FILTERS = (
    Argument(name="show", about=wording.SHOW, most=_NAME),
    Argument(name="episode", about=wording.IN_EPISODE, most=_NAME),
    Argument(name="speaker", about=wording.SPEAKER, most=_NAME),
    Argument(name="sound", about=wording.SOUND, most=_NAME),
    Argument(name="since", about=wording.SINCE, most=40),
    Argument(name="until", about=wording.UNTIL, most=40),
    Argument(name="language", about=wording.IN_LANGUAGE, most=40),
)


def archive_table(searched: ArchiveSearch) -> tuple[Tool, ...]:
    """Return the tools over an archive, in the order in which they are listed."""
    query = Argument(name="query", about=wording.QUERY, required=True, most=LONGEST_QUESTION)
    count = Argument(
        name="count",
        about=f"{wording.COUNT} {_FOUND} unless said, {MOST_FOUND} in all.",
        kind=Kind.COUNT,
    )
    page = Argument(name="page", about=wording.LIST_PAGE, kind=Kind.COUNT)
    episode = Argument(name="episode", about=wording.EPISODE, required=True, most=_NAME)
    return (
        Tool(
            words=wording.SEARCH_ARCHIVE,
            title="Search the archive",
            arguments=(query, *_FILTERS, count),
            output=schemas.FOUND,
            work=_search(searched),
            light=True,
        ),
        Tool(
            words=wording.GET_TRANSCRIPT,
            title="Read an episode",
            arguments=(episode, *PART, page),
            output=schemas.READ,
            work=_read(searched),
            light=True,
        ),
        Tool(
            words=wording.LIST_EPISODES,
            title="List episodes",
            arguments=(Argument(name="show", about=wording.SHOW, most=_NAME), page),
            output=schemas.LISTED,
            work=_list(searched),
            light=True,
        ),
    )


def _search(searched: ArchiveSearch) -> Work:
    def work(ears: Ears, given: Given, stop: Stop) -> Result:
        filters = Filters(**{each.name: given.get(each.name, "") for each in _FILTERS})
        query = Query(text=given["query"], filters=filters, count=given.get("count", _FOUND))
        progress = stop.options(ears.options).progress
        text, hits = archive_tools.search_archive(
            searched, query, most=ears.most, progress=progress
        )
        found, left_out = first([_told(hit) for hit in hits], 2 * ears.most)
        return Result(text=text, data={"found": found, "left_out": left_out})

    return work


def _told(hit: Hit) -> dict[str, Any]:
    values = {name: value for name, value in hit.to_dict().items() if name != "source"}
    link = playable(hit, hit.start, hit.end)
    return {**rounded(values), "audio": hit.source, "link": link}


def _read(searched: ArchiveSearch) -> Work:
    def work(ears: Ears, given: Given, stop: Stop) -> Result:
        part = Part(
            episode=given["episode"],
            start_s=given.get("start_s", 0.0),
            end_s=given.get("end_s"),
            page=given.get("page", 1),
        )
        text, read = archive_tools.get_transcript(searched, part, most=ears.most)
        return Result(text=text, data=_part(read))

    return work


def _part(read: PartRead) -> dict[str, Any]:
    record = read.record
    warnings, _ = first(record.warnings, _WARNINGS)
    data: dict[str, Any] = rounded(
        {
            **_named(record.episode),
            "duration": record.duration,
            "language": record.language,
            "audio": read.audio,
            "words_by": record.words,
            "lines": [asdict(line) for line in read.lines],
            "page": read.page,
            "pages": read.pages,
            "coverage": record.coverage.to_dict(),
            "warnings": warnings,
        }
    )
    return data


def _list(searched: ArchiveSearch) -> Work:
    def work(ears: Ears, given: Given, stop: Stop) -> Result:
        text, listed = archive_tools.list_episodes(
            searched, given.get("show", ""), given.get("page", 1), most=ears.most
        )
        return Result(text=text, data=_listed(listed))

    return work


def _listed(listed: EpisodesListed) -> dict[str, Any]:
    episodes = [
        {
            **_named(head),
            "duration": head.duration,
            "state": str(head.state),
            "audio": audio,
        }
        for head, audio in listed.episodes
    ]
    pages = {"total": listed.total, "page": listed.page, "pages": listed.pages}
    data: dict[str, Any] = rounded({"episodes": episodes, **pages})
    return data


def _named(episode: Episode | Head) -> dict[str, Any]:
    return {
        "episode": episode.id,
        "show": episode.show,
        "title": episode.title,
        "published": episode.published,
    }
