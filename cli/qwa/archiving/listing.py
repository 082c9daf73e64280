"""`qwa archive list`: the episodes, newest first."""

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from qwa import options as o
from qwa.archiving import archive_options as a

if TYPE_CHECKING:
    from qwen_audio_tools.archive.heads import Head


def list_episodes(
    context: typer.Context,
    show: Annotated[
        str | None,
        typer.Option("--show", metavar="SHOW", help="Of one show (see: qwa archive status)."),
    ] = None,
    state: Annotated[
        str | None,
        typer.Option("--state", metavar="STATE", help="new, fetched, heard, same or failed."),
    ] = None,
    since: a.SINCE = None,
    limit: Annotated[
        int | None, typer.Option("--limit", min=0, metavar="N", help="At most the N newest.")
    ] = None,
    archive: a.ARCHIVE = None,
    as_json: o.JSON = False,
    lang: o.LANG = None,
    quiet: o.QUIET = False,
    verbose: o.VERBOSE = False,
) -> None:
    """List episodes with their ids.

    Example: qwa archive list --show harbour --state failed
    """
    import json

    from qwa.manners import write_line
    from qwa.render import table
    from qwen_audio_tools.archive import archive as archives
    from qwen_audio_tools.archive.heads import heads
    from qwen_audio_tools.archive.records import State

    if state is not None and state not in set(State):
        raise o.usage(f"--state cannot be {state!r}: there are {', '.join(State)}")
    found = archives.opened(archive)
    feed = found.shows.named(show).id if show else ""
    first = a.day(since)
    chosen = [
        head
        for head in heads(found).values()
        if (not feed or head.feed == feed)
        and (not state or head.state == state)
        and (not first or head.published >= first)
    ]
    chosen.sort(key=lambda head: head.published, reverse=True)
    chosen = chosen if limit is None else chosen[:limit]
    if as_json:
        values = [asdict(head) for head in chosen]
        write_line(sys.stdout, json.dumps(values, ensure_ascii=False, indent=2))
        return
    for line in table(map(_row, chosen)) if chosen else ():
        write_line(sys.stdout, line)


def _row(head: "Head") -> tuple[str, ...]:
    from qwen_audio_tools.subtitles import short_clock

    length = short_clock(head.duration) if head.duration else "-"
    return (
        head.id,
        head.published[:10] or "-",
        length,
        str(head.state),
        f"{head.show} · {head.title}" + (f": {head.error}" if head.error else ""),
    )
