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
