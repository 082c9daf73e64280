"""`qwa archive export FILE`: shows and ledger in one file, and the audio if wanted."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from qwa import options as o
from qwa.archiving import archive_options as a

if TYPE_CHECKING:
    from qwen_audio_tools.archive.archive import Archive
    from qwen_audio_tools.archive.moving import Moved


def export(
    context: typer.Context,
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="Where to: a .tar.gz, or - for stdout.")
    ],
    audio: Annotated[
        bool, typer.Option("--audio", help="With the audio that was fetched.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Write an existing file anew.")] = False,
    archive: a.ARCHIVE = None,
    lang: o.LANG = None,
    quiet: o.QUIET = False,
    verbose: o.VERBOSE = False,
) -> None:
    """Write the archive to one file, for `qwa archive restore` elsewhere.

    Example: qwa archive export podcasts.tar.gz
    """
    from qwa.manners import printable
    from qwen_audio_tools.archive import archive as archives
    from qwen_audio_tools.archive.moving import export as exported

    manners = o.manners_of(context)
    found = archives.opened(archive)
    if file == "-":
        moved = exported(found, sys.stdout.buffer, audio=audio)
    else:
        moved = _to_file(found, Path(file).expanduser(), audio=audio, force=force)
    for left in moved.left:
        manners.tell(printable(left), kind="warning")
    manners.tell(f"{moved.shows} shows, {moved.episodes} episodes, {moved.audio} files of audio")


def _to_file(archive: "Archive", path: Path, *, audio: bool, force: bool) -> "Moved":
    from qwen_audio_tools.archive.moving import export as exported
    from qwen_audio_tools.replacing import replaced

    if path.exists() and not force:
        raise o.usage(f"{str(path)!r} exists already", "add --force to write it anew")
    path.parent.mkdir(parents=True, exist_ok=True)
    with replaced(path, durable=True) as fresh, fresh.open("wb") as target:
        return exported(archive, target, audio=audio)
