"""`qwa archive …`: wires its commands, in the order of the help."""

import typer

from qwa.archiving.adding import add
from qwa.archiving.asking import ask
from qwa.archiving.exporting import export
from qwa.archiving.listing import list_episodes
from qwa.archiving.rebuilding import rebuild
from qwa.archiving.restoring import restore
from qwa.archiving.searching import search
from qwa.archiving.standing import status
from qwa.archiving.syncing import sync
from qwa.archiving.verifying import verify

app = typer.Typer(
    help="Podcasts and folders of recordings, listened to once.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.callback()
def archive() -> None:
    """Keep archives of podcasts and recordings: add them, listen to them once, ask for years."""


app.command("add")(add)
app.command("sync")(sync)
app.command("status")(status)
app.command("search")(search)
app.command("ask")(ask)
app.command("list")(list_episodes)
app.command("verify")(verify)
app.command("rebuild")(rebuild)
app.command("export")(export)
app.command("restore")(restore)
