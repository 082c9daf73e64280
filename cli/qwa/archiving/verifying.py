"""`qwa archive verify`: whether each file is what it should be."""

import sys
from typing import Annotated

import typer

from qwa import options as o
from qwa.archiving import archive_options as a


def verify(
    context: typer.Context,
    audio: Annotated[
        bool, typer.Option("--audio", help="Read all of the audio too, and compare its hash.")
    ] = False,
    archive: a.ARCHIVE = None,
    as_json: o.JSON = False,
    lang: o.LANG = None,
    quiet: o.QUIET = False,
    verbose: o.VERBOSE = False,
) -> None:
    """Read every record, and look whether all is there that it speaks of.

    The exit code is 7 where something is wrong.
    """
    import json

    from qwa.exits import PART
    from qwa.manners import printable, write_line
    from qwen_audio_tools.archive import archive as archives
    from qwen_audio_tools.archive.verifying import verify as problems_of

    manners = o.manners_of(context)
    found = list(problems_of(archives.opened(archive), audio=audio))
    if as_json:
        values = {"problems": [problem.to_dict() for problem in found]}
        write_line(sys.stdout, json.dumps(values, ensure_ascii=False, indent=2))
    else:
        for problem in found:
            name = " ".join(filter(None, (problem.id, problem.title)))
            write_line(sys.stdout, printable(f"{name}: {problem.what}" if name else problem.what))
        if not found:
            write_line(sys.stdout, manners.words("all is as it should be"))
    raise typer.Exit(PART if found else 0)
