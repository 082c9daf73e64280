"""`qwa info FILE...`: what a file holds and how loud it is, measured without any model."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from qwa import options as o
from qwen_audio_tools.sources.naming import expand

if TYPE_CHECKING:
    from qwa.manners import Manners
    from qwen_audio_tools.clip import Clip
    from qwen_audio_tools.inspection import Inspection


def info(
    context: typer.Context,
    files: o.FILES,
    start: o.START = None,
    end: o.END = None,
    as_json: o.JSON = False,
    jsonl: o.JSONL = False,
    plot: Annotated[
        str | None,
        typer.Option("--plot", metavar="PNG", help="Draw waveform, log-mel, speech and sounds."),
    ] = None,
    lang: o.LANG = None,
    quiet: o.QUIET = False,
    verbose: o.VERBOSE = False,
) -> None:
    """Tell what a file holds and how loud it is.

    Example: qwa info clip.mp3 --plot clip.png
    """
    import json

    from qwa import batch, inputs
    from qwa.manners import write_line
    from qwa.plotted import draw
    from qwa.progress import Bar
    from qwen_audio_tools.inspection import inspect

    manners = o.manners_of(context)
    part = inputs.part(start, end)
    sources = expand(files)
    if as_json and jsonl:
        raise o.usage("--json and --jsonl exclude each other")
    if plot and len(sources) > 1:
        raise o.usage(f"--plot draws one clip, and {len(sources)} were given")
    bar = Bar(manners)
    kept: list[dict[str, object]] = []

    def work(clip: "Clip") -> "Inspection":
        measured = inspect(clip)
        if plot:
            draw(clip, plot, manners, bar)
        return measured

    def deliver(source: str, measured: "Inspection") -> None:
        if as_json and len(sources) > 1:
            kept.append(measured.to_dict())
        elif as_json or jsonl:
            indent = 2 if as_json else None
            text = json.dumps(measured.to_dict(), ensure_ascii=False, indent=indent)
            write_line(sys.stdout, text)
        else:
            _show(source, measured, manners, several=len(sources) > 1)
        for warning in measured.warnings:
            manners.tell(warning, kind="warning")

    code = batch.each(sources, part, work, deliver, (manners, bar))
    if kept:
        text = json.dumps({"clips": kept}, ensure_ascii=False, indent=2)
        write_line(sys.stdout, text)
    raise typer.Exit(code)


def _show(source: str, measured: "Inspection", manners: "Manners", *, several: bool) -> None:
    from qwa.manners import paint, write_line
    from qwa.render import heading, seconds_text, table

    if several:
        write_line(sys.stdout, paint(heading(source), "1", sys.stdout))
    header = measured.info
    silence = sum(span.end - span.start for span in measured.silence)
    lufs = "-" if measured.lufs is None else f"{measured.lufs:.1f} LUFS"
    rows = [
        ("container", header.container),
        ("codec", header.codec),
        ("rate", f"{header.rate} Hz"),
        ("channels", str(header.channels)),
        ("duration", f"{seconds_text(measured.seconds)} ({measured.seconds:.3f} s)"),
        ("size", f"{header.size / 1e6:.2f} MB"),
        ("loudness", f"{lufs}, {measured.rms_dbfs:.1f} dBFS RMS"),
        ("peak", f"{measured.peak_dbfs:.1f} dBFS"),
        ("clipping", f"{measured.clipped_share:.2%} ({measured.clipped_runs})"),
        ("silence", f"{silence:.1f} s ({len(measured.silence)})"),
    ]
    for line in table((manners.words(name), value) for name, value in rows):
        write_line(sys.stdout, line)
