"""The options that the commands of `qwa archive` share."""

from datetime import date
from typing import Annotated

import typer

from qwa.options import usage

ARCHIVE = Annotated[
    str | None,
    typer.Option("--archive", "-a", metavar="DIR", help="The archive (see: qwa config show)."),
]
PRIVATE = Annotated[
    bool,
    typer.Option("--allow-private", help="Fetch from addresses of your own network too."),
]
SINCE = Annotated[
    str | None,
    typer.Option("--since", metavar="DATE", help="Only what was published then or later."),
]


ONLY_SHOWS = Annotated[
    list[str] | None,
    typer.Argument(metavar="SHOW", help="Only these: a title or a part of it, a URL, an id."),
]
LIMIT = Annotated[
    int | None, typer.Option("--limit", min=0, metavar="N", help="At most the N newest.")
]
AGAIN = Annotated[bool, typer.Option("--again", help="Also what failed too often to be tried.")]
WORKERS = Annotated[
    int | None,
    typer.Option("--workers", "-w", min=1, max=1000, help="Processes that listen; else one."),
]
RAY = Annotated[
    str | None,
    typer.Option(
        "--ray",
        metavar="ADDRESS",
        help="Listen on this Ray cluster: host:6379, or auto for one here, started if need be.",
    ),
]


def day(text: str | None) -> str:
    """Return a date as it was given, or an empty string.

    Raises:
        UsageError: it is none.
    """
    if text is None:
        return ""
    try:
        return date.fromisoformat(text.strip()).isoformat()
    except ValueError:
        raise usage(f"--since cannot be {text!r}: a date is 2026-01-31") from None
