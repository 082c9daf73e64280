"""`qwa archive status`: shows, episodes, hours, what failed and why, disk."""

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import typer

from qwa import options as o
from qwa.archiving import archive_options as a

if TYPE_CHECKING:
    from qwa.manners import Manners
    from qwen_audio_tools.archive.status import Status

SHOWN = 20
"""Failures that are shown; --verbose and --json have them all."""


def status(
    context: typer.Context,
    archive: a.ARCHIVE = None,
    as_json: o.JSON = False,
    lang: o.LANG = None,
    quiet: o.QUIET = False,
    verbose: o.VERBOSE = False,
) -> None:
    """Tell how the archive stands.

    Example: qwa archive status --json
    """
    import json

    from qwa.manners import write_line
    from qwen_audio_tools.archive import archive as archives
    from qwen_audio_tools.archive.status import status as standing

    manners = o.manners_of(context)
    found = standing(archives.opened(archive))
    if as_json:
        write_line(sys.stdout, json.dumps(found.to_dict(), ensure_ascii=False, indent=2))
        return
    for line in _lines(found, manners):
        write_line(sys.stdout, line)


def _lines(found: "Status", manners: "Manners") -> Iterator[str]:
    from qwa.manners import printable
    from qwa.render import table

    yield f"{printable(found.folder)}: {_counts(found.states)}, {_hours(found.seconds_heard)}"
    if found.shows:
        yield ""
        yield from table(
            (show.title, _counts(show.states), _hours(show.seconds_heard)) for show in found.shows
        )
    for show in found.shows:
        problems = [show.error] if show.error else []
        for problem in (*problems, *show.warnings):
            yield f"  ! {printable(show.title)}: {printable(problem)}"
    shown = found.failures if manners.verbose else found.failures[:SHOWN]
    if shown:
        yield ""
    for each in shown:
        tries = f" ({each.attempts}×, --again)" if each.given_up else f" ({each.attempts}×)"
        yield f"  ! {printable(f'{each.show} · {each.title}: {each.error}')}{tries}"
    if len(found.failures) > len(shown):
        more = manners.words("and {count} more (--json shows all)")
        yield f"  … {more.format(count=len(found.failures) - len(shown))}"
    for damaged in found.damaged:
        yield f"  ! {printable(f'{damaged.path}: {damaged.why} ({damaged.when})')}"
    yield ""
    yield "  ".join(f"{part} {_size(size)}" for part, size in found.disk.items() if size)


def _counts(states: dict[str, int]) -> str:
    total = sum(states.values())
    each = ", ".join(f"{count} {state}" for state, count in states.items())
    episodes = "1 episode" if total == 1 else f"{total} episodes"
    return f"{episodes} ({each})" if each else "no episodes"


def _hours(seconds: float) -> str:
    return f"{seconds / 3600:.2f} h" if seconds < 36_000 else f"{seconds / 3600:,.1f} h"


def _size(size: int) -> str:
    for unit in ("B", "kB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}"
        size = size // 1000
    return f"{size:,} GB"
