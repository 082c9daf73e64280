"""`qwa archive restore FILE`: take in what `qwa archive export` wrote."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from qwa import options as o
from qwa.archiving import archive_options as a


def restore(
    context: typer.Context,
    file: Annotated[str, typer.Argument(metavar="FILE", help="An export, or - for stdin.")],
    archive: a.ARCHIVE = None,
    lang: o.LANG = None,
    quiet: o.QUIET = False,
    verbose: o.VERBOSE = False,
) -> None:
    """Take an export into the archive, which is made if there is none; newer records stay.

    Audio that is not in the export is fetched again by `qwa archive sync`.

    Example: qwa archive restore podcasts.tar.gz --archive podcasts
    """
    from qwa.exits import PART
    from qwa.manners import printable
    from qwen_audio_tools.archive import archive as archives
    from qwen_audio_tools.archive.moving import restore as restored
    from qwen_audio_tools.errors import ClipMissing

    manners = o.manners_of(context)
    path = Path(file).expanduser()
    if file != "-" and not path.is_file():
        raise ClipMissing(f"there is no file {file!r}", hint="qwa archive export FILE")
    found = archives.made(archive)
    if file == "-":
        moved = restored(found, sys.stdin.buffer)
    else:
        with path.open("rb") as source:
            moved = restored(found, source)
    for left in moved.left:
        manners.tell(printable(left), kind="warning")
    manners.tell(f"{moved.shows} shows, {moved.episodes} episodes, {moved.audio} files of audio")
    raise typer.Exit(PART if moved.left else 0)
