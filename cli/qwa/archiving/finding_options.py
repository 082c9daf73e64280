"""What `qwa archive search` and `qwa archive ask` share: `@finds` gives it to them as one value."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from qwa.archiving.archive_options import ARCHIVE
from qwa.option_groups import Command, grouped

if TYPE_CHECKING:
    from qwa.progress import Bar
    from qwen_audio_tools.archive.index.filters import Filters
    from qwen_audio_tools.archive.opened_search import ArchiveSearch

QUERY = Annotated[str, typer.Argument(metavar="WORDS", help="What to look for, or to ask.")]


def _only(flag: str, metavar: str, about: str) -> Any:
    return Annotated[str | None, typer.Option(flag, metavar=metavar, help=about)]


# These are the names that `Filters` has.
FILTERS: dict[str, Any] = {
    "show": _only("--show", "NAME", "Only in this show."),
    "speaker": _only("--speaker", "NAME", "Only where they speak."),
    "sound": _only("--sound", "NAME", "Only with it: laughter."),
    "since": _only("--since", "DATE", "Published then or later."),
    "until": _only("--until", "DATE", "Published then or before."),
    "language": _only("--language", "CODE", "Only in this language."),
}
WHERE: dict[str, Any] = {
    "rerank": _only("--rerank", "MODEL", "A cross-encoder, by folder or id, orders the best."),
    "archive": ARCHIVE,
}


class Finding(NamedTuple):
    """Where the command line looks, for what alone, and what orders it."""

    archive: str | None = None
    rerank: str | None = None
    only: Mapping[str, str] = MappingProxyType({})

    @property
    def filters(self) -> "Filters":
        """The filters that were given.

        Raises:
            SettingsError: a date is none.
        """
        from qwen_audio_tools.archive.index.filters import Filters

        return Filters(**self.only)

    def open(self, bar: "Bar", settings: Mapping[str, object] | None = None) -> "ArchiveSearch":
        """Return the archive to be searched; the first search brings its index up to date.

        Raises:
            ArchiveError, SettingsError, EngineError: as `opened_search`.
        """
        from qwen_audio_tools.archive.opened_search import opened_search
        from qwen_audio_tools.settings import read

        given = {"archive_rerank": self.rerank} if self.rerank is not None else {}
        return opened_search(
            self.archive, settings=read(**{**(settings or {}), **given}), progress=bar
        )


def finds(command: Command) -> Command:
    """Give a command all of these options; it takes them as its argument `finding`."""
    return grouped(command, "finding", {**FILTERS, **WHERE}, _finding_of)


def index_of(place: str | None) -> "ArchiveSearch":
    """Return an archive with its index, for who tends to that and searches nothing."""
    from qwen_audio_tools.archive.opened_search import opened_search
    from qwen_audio_tools.engines.reranking import NONE
    from qwen_audio_tools.settings import read

    return opened_search(place, settings=read(archive_rerank=NONE))


def _finding_of(given: Mapping[str, Any]) -> Finding:
    only = {name: given[name] for name in FILTERS if given[name] is not None}
    return Finding(given["archive"], given["rerank"], only)
