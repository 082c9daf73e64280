"""`qwa transcribe FILE...`: the words with their times, as text, subtitles, a table or JSON."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from qwa import options as o
from qwa.engine_options import Tuning, tunable

if TYPE_CHECKING:
    from qwa.manners import Manners
    from qwen_audio_tools.answer import Answer
    from qwen_audio_tools.clip import Clip
    from qwen_audio_tools.transcript import Transcript


class Format(StrEnum):
    """The forms that a transcript can take."""

    TXT = "txt"
    SRT = "srt"
    VTT = "vtt"
    TSV = "tsv"
    JSON = "json"
    MD = "md"


@tunable
def transcribe(
    context: typer.Context,
    files: o.FILES,
    form: Annotated[
        Format, typer.Option("--format", "-f", help="How the transcript is written.")
    ] = Format.TXT,
    language: o.SPOKEN = None,
    translate: Annotated[bool, typer.Option("--translate", help="Into English.")] = False,
    speakers: Annotated[bool, typer.Option("--speakers", help="Tell who speaks.")] = False,
    start: o.START = None,
    end: o.END = None,
    engine: o.ENGINE = None,
    lang: o.LANG = None,
    out: o.OUT = None,
    skip_existing: o.SKIP = False,
    force: o.FORCE = False,
    quiet: o.QUIET = False,
    verbose: o.VERBOSE = False,
    *,
    tuning: Tuning,
) -> None:
    """Write down what is said, with times.

    Example: qwa transcribe talk.mp3 --format srt --out subtitles
    """
    from qwa import batch, inputs
    from qwa.progress import Bar
    from qwa.requested import outputs_of
    from qwen_audio_tools.asking import transcribe as transcribed
    from qwen_audio_tools.engines.base import Engine
    from qwen_audio_tools.sources.naming import expand

    manners = o.manners_of(context)
    outputs = outputs_of(out, str(form), skip=skip_existing, force=force)
    part = inputs.part(start, end)
    sources = expand(files)
    todo = batch.pending(sources, outputs, manners)
    paths = outputs.paths(sources) if outputs else {}
    bar = Bar(manners)
    options = tuning.options(language=language, lang=manners.lang, progress=bar)
    spec = tuning.read(engine=engine, lang=manners.lang).engine
    opened: list[Engine] = []

    def work(clip: "Clip") -> "tuple[Transcript, Answer]":
        if not opened:
            opened.append(tuning.open(spec, manners))
        return transcribed(
            clip, engine=opened[0], options=options, translate=translate, speakers=speakers
        )

    def deliver(source: str, result: "tuple[Transcript, Answer]") -> None:
        title = source if len(sources) > 1 and form is Format.TXT else ""
        _deliver(result, form, paths.get(source), (title, manners))

    raise typer.Exit(batch.each(todo, part, work, deliver, (manners, bar)))


def _deliver(
    result: "tuple[Transcript, Answer]",
    form: Format,
    path: Path | None,
    told: "tuple[str, Manners]",
) -> None:
    from qwa.manners import write_line
    from qwa.outputs import write
    from qwa.render import heading
    from qwen_audio_tools.subtitles import WRITERS

    transcript, answer = result
    title, manners = told
    text = WRITERS[str(form)](transcript)
    if path is not None:
        write(path, text)
        manners.tell(f"{manners.words('wrote')} {path}")
    else:
        if title:
            write_line(sys.stdout, heading(title))
        if text:
            write_line(sys.stdout, text.rstrip("\n"))
    for warning in answer.warnings:
        manners.tell(warning, kind="warning")
