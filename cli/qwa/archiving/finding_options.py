"""What `qwa archive search` and `qwa archive ask` share: filters, and the index that they go to."""

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from qwen_audio_tools.archive.opened_search import ArchiveSearch

QUERY = Annotated[str, typer.Argument(metavar="WORDS", help="What to look for, or to ask.")]
SHOW = Annotated[str, typer.Option("--show", metavar="NAME", help="Only in this show.")]
SPEAKER = Annotated[str, typer.Option("--speaker", metavar="NAME", help="Only where they speak.")]
SOUND = Annotated[str, typer.Option("--sound", metavar="NAME", help="Only with it: laughter.")]
SINCE = Annotated[str, typer.Option("--since", metavar="DATE", help="Published then or later.")]
UNTIL = Annotated[str, typer.Option("--until", metavar="DATE", help="Published then or before.")]
SPOKEN = Annotated[str, typer.Option("--language", metavar="CODE", help="Only in this language.")]


def opened_search(place: str | None) -> "ArchiveSearch":
    """Return the archive to be searched; the first search brings its index up to date."""
    from qwen_audio_tools.archive.opened_search import opened_search as opened

    return opened(place)
