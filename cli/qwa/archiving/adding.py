"""`qwa archive add SOURCE...`: feeds, lists of feeds (OPML), folders and files."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from qwa import options as o
from qwa.archiving import archive_options as a

if TYPE_CHECKING:
    from qwa.manners import Manners
    from qwen_audio_tools.archive.adding import Adding, NotAdded
    from qwen_audio_tools.archive.visiting import Visit


def add(
    context: typer.Context,
    sources: Annotated[
        list[str],
        typer.Argument(metavar="SOURCE", help="URLs of feeds, OPML lists, folders, recordings."),
    ],
    since: a.SINCE = None,
    latest: Annotated[
        int | None,
        typer.Option(
            "--latest", min=0, metavar="N", help="Of each feed the newest N, and new ones."
        ),
    ] = None,
    archive: a.ARCHIVE = None,
    allow_private: a.PRIVATE = False,
    as_json: o.JSON = False,
    lang: o.LANG = None,
    quiet: o.QUIET = False,
    verbose: o.VERBOSE = False,
) -> None:
    """Add shows to the archive; `qwa archive sync` then fetches and hears their episodes.

    Local recordings stay where they are.

    Example: qwa archive add https://example.com/feed.xml
    """
    from qwa import exits
    from qwen_audio_tools.archive import archive as archives
    from qwen_audio_tools.archive.adding import Adding, NotAdded
    from qwen_audio_tools.archive.fetching import Fetcher, policy_for
    from qwen_audio_tools.errors import ClipRefused, QwenAudioError

    manners = o.manners_of(context)
    adding = Adding(
        archive=archives.made(archive),
        fetcher=Fetcher(policy_for(allow_private=allow_private)),
        since=a.day(since),
        latest=latest,
    )
    failed: list[int] = []
    rows: list[dict[str, object]] = []
    for source in sources:
        try:
            for found in adding.add(source):
                if isinstance(found, NotAdded):
                    error = found.error
                    told = type(error)(f"{found.name}: {error}", hint=error.hint)
                    failed.append(exits.show(told, manners))
                rows.append(_row(found))
                if not as_json:
                    _tell(found, manners)
        except QwenAudioError as error:
            if isinstance(error, ClipRefused) and not allow_private:
                error.hint = "if it lies in your own network: --allow-private"
            failed.append(exits.show(error, manners))
    _end(rows, adding, as_json, manners)
    raise typer.Exit(exits.batch_code(failed, max(len(sources), len(rows))))


def _row(found: "Visit | NotAdded") -> dict[str, object]:
    from qwen_audio_tools.archive.adding import NotAdded

    if isinstance(found, NotAdded):
        return {"title": found.name, "error": str(found.error)}
    show = found.show
    return {
        "id": show.id,
        "title": show.title,
        "source": show.source,
        "new": found.new,
        "changed": found.changed,
        "warnings": list(show.warnings),
    }


def _tell(found: "Visit | NotAdded", manners: "Manners") -> None:
    from qwa.manners import printable, write_line
    from qwen_audio_tools.archive.adding import NotAdded

    if isinstance(found, NotAdded):
        return
    new = manners.counted("{count} new episodes", found.new)
    write_line(sys.stdout, f"{printable(found.show.title)}: {new}")
    for warning in found.show.warnings:
        manners.tell(printable(warning), kind="warning")


def _end(
    rows: list[dict[str, object]], adding: "Adding", as_json: bool, manners: "Manners"
) -> None:
    import json

    from qwa.manners import write_line

    if as_json:
        value = {"archive": str(adding.archive.folder), "shows": rows}
        write_line(sys.stdout, json.dumps(value, ensure_ascii=False, indent=2))
    if any(row.get("new") for row in rows):
        manners.tell("qwa archive sync", kind="hint")
