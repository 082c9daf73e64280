"""`qwa describe`, `qwa sounds` and `qwa emotion`: one task each, without a question."""

from collections.abc import Callable

import typer

from qwa import options as o
from qwa.engine_options import Tuning, tunable


def _short_form(name: str, task: str, about: str) -> Callable[..., None]:
    def command(
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
        *,
        tuning: Tuning,
    ) -> None:
        from qwa import answers, inputs, requested

        request = requested.Request(
            files=tuple(files),
            task=task,
            part=inputs.part(start, end),
            engine=engine,
            spoken=language,
            tuning=tuning,
            form=requested.Form.of(
                as_json=as_json, jsonl=jsonl, out=out, skip=skip_existing, force=force
            ),
        )
        raise typer.Exit(answers.answer(request, o.manners_of(context)))

    command.__doc__ = f"{about}\n\n    Example: qwa {name} clip.mp3\n    "
    return tunable(command)


describe = _short_form("describe", "caption", "Describe the whole scene of each clip.")
sounds = _short_form("sounds", "sound_events", "List the sounds that are heard, and when.")
emotion = _short_form("emotion", "emotion", "Tell how the speaker seems to feel, and why.")
