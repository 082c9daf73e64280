"""`qwa chat [FILE...]`."""

from typing import Annotated

import typer

from qwa import options as o
from qwa.engine_options import Tuning, tunable


@tunable
def chat(
    context: typer.Context,
    files: Annotated[
        list[str] | None, typer.Argument(metavar="[FILE]...", help="Audio for the first turn.")
    ] = None,
    engine: o.ENGINE = None,
    system: Annotated[
        str | None, typer.Option("--system", metavar="TEXT", help="Tell the model how to behave.")
    ] = None,
    load: Annotated[
        str | None, typer.Option("--load", metavar="FILE", help="Go on with a saved chat.")
    ] = None,
    lang: o.LANG = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a turn.")] = False,
    quiet: o.QUIET = False,
    verbose: o.VERBOSE = False,
    *,
    tuning: Tuning,
) -> None:
    """Talk with a model about audio, turn by turn.

    /help lists the commands; Ctrl-C stops a reply, Ctrl-D leaves. From a pipe, each line is a turn.

    Example: qwa chat clip.mp3
    """
    from qwa.chatting.opening import Wanted, hold

    wanted = Wanted(
        files=tuple(files or ()),
        engine=engine,
        system=system,
        load=load,
        as_json=as_json,
        tuning=tuning,
    )
    raise typer.Exit(hold(wanted, o.manners_of(context)))
