"""`qwa archive ask`: an answer from the archive, each sentence with the span that it rests on."""

import json
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from qwa import options as o
from qwa.archiving import finding_options as f
from qwa.engine_options import Tuning, tunable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qwen_audio_tools.archive.citing import Citation


@tunable
@f.finds
def ask(
    context: typer.Context,
    question: f.QUERY,
    spans: Annotated[int, typer.Option("--spans", min=1, help="How many spans are heard.")] = 4,
    read_only: Annotated[
        bool, typer.Option("--read-only", help="Read transcripts; listen to nothing again.")
    ] = False,
    *,
    finding: f.Finding,
    engine: o.ENGINE = None,
    as_json: o.JSON = False,
    lang: o.LANG = None,
    quiet: o.QUIET = False,
    verbose: o.VERBOSE = False,
    tuning: Tuning,
) -> None:
    """Answer a question from the archive; the spans that bear on it are listened to again.

    Each sentence names the span that it rests on; below are the spans, with links that play.

    Example: qwa archive ask "who changed their mind about tariffs?"
    """
    from qwa.manners import write_line
    from qwa.progress import Bar
    from qwen_audio_tools.archive.answering import ask_archive
    from qwen_audio_tools.archive.noting import Asking

    manners = o.manners_of(context)
    bar = Bar(manners)
    filters = finding.filters
    opened = finding.open(bar, tuning.settings)
    opened.refresh(bar)
    listener = tuning.open(tuning.read(engine=engine).engine, manners)
    asking = Asking(
        filters=filters,
        spans=spans,
        listen=not read_only,
        options=tuning.options(lang=lang and str(lang), progress=bar),
        rerank=opened.rerank,
    )
    found = ask_archive(opened.archive, opened.index, question, engine=listener, asking=asking)
    bar.clear()
    if as_json:
        write_line(sys.stdout, json.dumps(found.to_dict(), ensure_ascii=False, indent=2))
    else:
        write_line(sys.stdout, _answer(found.answer.text, found.citations))
    for warning in found.answer.warnings:
        manners.tell(warning, kind="warning")
    manners.tell(f"{manners.words('engine')}: {found.answer.engine}")


def _answer(text: str, citations: "Sequence[Citation]") -> str:
    from qwa.manners import printable

    lines = [printable(line) for line in text.splitlines()]
    if citations:
        lines.append("")
    for each in citations:
        lines.append(printable(f"  [{each.number}] {each.label}"))
        lines.append(printable(f"      {each.link}"))
    return "\n".join(lines)
