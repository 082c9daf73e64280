"""What `qwa archive search` and `qwa archive ask` share: filters, and the index that they go to."""

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from qwen_audio_tools.archive.archive import Archive
    from qwen_audio_tools.archive.index.lance_index import Change, LanceIndex

QUERY = Annotated[str, typer.Argument(metavar="WORDS", help="What to look for, or to ask.")]
SHOW = Annotated[str, typer.Option("--show", metavar="NAME", help="Only in this show.")]
SPEAKER = Annotated[str, typer.Option("--speaker", metavar="NAME", help="Only where they speak.")]
SOUND = Annotated[str, typer.Option("--sound", metavar="NAME", help="Only with it: laughter.")]
SINCE = Annotated[str, typer.Option("--since", metavar="DATE", help="Published then or later.")]
UNTIL = Annotated[str, typer.Option("--until", metavar="DATE", help="Published then or before.")]
SPOKEN = Annotated[str, typer.Option("--language", metavar="CODE", help="Only in this language.")]


def opened_index(place: str | None, *, fresh: bool = True) -> "tuple[Archive, LanceIndex]":
    """Return the archive and its index, which holds by then all that was heard."""
    from qwen_audio_tools.archive import archive as archives

    opened = archives.opened(place)
    index = _index(opened)
    if fresh:
        index.refresh(opened.ledger)
    return opened, index


def indexed(archive: "Archive") -> "Change":
    """Bring the index of an archive up to date, and return what that took."""
    return _index(archive).refresh(archive.ledger)


def _index(archive: "Archive") -> "LanceIndex":
    from qwen_audio_tools.archive.index.opening import index_of
    from qwen_audio_tools.settings import read

    return index_of(archive, read().archive_index)
