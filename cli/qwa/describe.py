"""`qwa describe FILE...`: the task "caption" in short."""

import typer

from qwa import options as o


def describe(
    context: typer.Context,
    files: o.FILES,
    start: o.START = None,
    end: o.END = None,
    engine: o.ENGINE = None,
    language: o.SPOKEN = None,
    lang: o.LANG = None,
    as_json: o.JSON = False,
    jsonl: o.JSONL = False,
    out: o.OUT = None,
    skip_existing: o.SKIP = False,
    force: o.FORCE = False,
    quiet: o.QUIET = False,
    verbose: o.VERBOSE = False,
) -> None:
    """Describe the whole scene of each clip.

    Example: qwa describe clip.mp3
    """
    from qwa import answers, inputs

    request = answers.Request(
        files=tuple(files),
        task="caption",
        part=inputs.part(start, end),
        engine=engine,
        spoken=language,
        form=answers.Form.of(
            as_json=as_json, jsonl=jsonl, out=out, skip=skip_existing, force=force
        ),
    )
    raise typer.Exit(answers.answer(request, o.manners_of(context)))
