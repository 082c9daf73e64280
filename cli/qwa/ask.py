"""`qwa ask FILE... "question"`."""

from typing import Annotated

import typer

from qwa import options as o
from qwa.engine_options import Tuning, tunable


@tunable
def ask(
    context: typer.Context,
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE QUESTION",
            help="Files, folders, globs or - for audio on stdin; then the question.",
        ),
    ],
    question: Annotated[
        list[str] | None,
        typer.Option("--question", "-Q", metavar="TEXT", help="A question, by name; or several."),
    ] = None,
    task: o.TASK = None,
    start: o.START = None,
    end: o.END = None,
    engine: o.ENGINE = None,
    language: o.SPOKEN = None,
    lang: o.LANG = None,
    together: Annotated[
        bool, typer.Option("--together", help="Ask about all clips at once, to compare them.")
    ] = False,
    as_json: o.JSON = False,
    jsonl: o.JSONL = False,
    out: o.OUT = None,
    skip_existing: o.SKIP = False,
    force: o.FORCE = False,
    quiet: o.QUIET = False,
    verbose: o.VERBOSE = False,
    *,
    tuning: Tuning,
) -> None:
    """Ask a question of one clip or many.

    The answer comes first, then what it rests on, with times.

    Example: qwa ask clip.mp3 "what emotion?"
    """
    from qwa import answers, inputs, requested

    files, asked = inputs.split(words, question or (), task=task)
    form = requested.Form.of(as_json=as_json, jsonl=jsonl, out=out, skip=skip_existing, force=force)
    if together and out:
        raise o.usage("--together gives one answer; --out writes one file for each clip")
    request = requested.Request(
        files=tuple(files),
        questions=asked,
        task=task or ("compare" if together else None),
        part=inputs.part(start, end),
        engine=engine,
        spoken=language,
        together=together,
        form=form,
        tuning=tuning,
    )
    raise typer.Exit(answers.answer(request, o.manners_of(context)))
