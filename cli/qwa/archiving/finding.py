"""`qwa archive search|ask|rebuild`: what an archive holds, found and told with where it plays."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from qwa import options as o
from qwa.archiving.places import ARCHIVE
from qwa.engine_options import Tuning, tunable

if TYPE_CHECKING:
    from qwa.manners import Manners
    from qwen_audio_tools.archive.archive import Archive
    from qwen_audio_tools.archive.index.filters import Filters
    from qwen_audio_tools.archive.index.lance_index import LanceIndex
    from qwen_audio_tools.archive.index.rows import Hit

QUERY = Annotated[str, typer.Argument(metavar="WORDS", help="What to look for, or to ask.")]
SHOW = Annotated[str, typer.Option("--show", metavar="NAME", help="Only in this show.")]
SPEAKER = Annotated[str, typer.Option("--speaker", metavar="NAME", help="Only where they speak.")]
SOUND = Annotated[str, typer.Option("--sound", metavar="NAME", help="Only with it: laughter.")]
SINCE = Annotated[str, typer.Option("--since", metavar="DATE", help="Published then or later.")]
UNTIL = Annotated[str, typer.Option("--until", metavar="DATE", help="Published then or before.")]
SPOKEN = Annotated[str, typer.Option("--language", metavar="CODE", help="Only in this language.")]
TEXT_COLUMNS = 300


def search(
    context: typer.Context,
    words: QUERY,
    count: Annotated[int, typer.Option("--count", "-n", min=1, help="How many.")] = 10,
    by: Annotated[str, typer.Option("--by", metavar="WAY", help="both, words or meaning.")] = "both",
    play: Annotated[bool, typer.Option("--play", help="Play the best span.")] = False,
    export: Annotated[
        str | None, typer.Option("--export", metavar="FILE", help="Cut the best span to a file.")
    ] = None,
    show: SHOW = "",
    speaker: SPEAKER = "",
    sound: SOUND = "",
    since: SINCE = "",
    until: UNTIL = "",
    language: SPOKEN = "",
    archive: ARCHIVE = None,
    as_json: o.JSON = False,
    lang: o.LANG = None,
    quiet: o.QUIET = False,
    verbose: o.VERBOSE = False,
) -> None:
    """Find where something was said or heard: spans with times and links that play.

    Example: qwa archive search "tariffs" --show "The Daily" --sound laughter
    """
    from qwa.manners import write_line
    from qwen_audio_tools.archive.index.filters import Filters
    from qwen_audio_tools.archive.searching import By, Query
    from qwen_audio_tools.archive.searching import search as found_in

    if by not in set(By):
        raise o.usage(f"--by cannot be {by!r}: it is {', '.join(By)}")
    filters = Filters(
        show=show, speaker=speaker, sound=sound, since=since, until=until, language=language
    )
    opened, index = _opened(archive)
    hits = found_in(index, Query(text=words, filters=filters, count=count, by=By(by)))
    if as_json:
        write_line(sys.stdout, json.dumps([_told(hit) for hit in hits], ensure_ascii=False, indent=2))
    for hit in () if as_json else hits:
        write_line(sys.stdout, _shown(hit))
    if not hits:
        o.manners_of(context).tell("nothing was found", kind="hint")
    elif play or export:
        _hear(opened, hits[0], export, play, o.manners_of(context))


@tunable
def ask(
    context: typer.Context,
    question: QUERY,
    spans: Annotated[int, typer.Option("--spans", min=1, help="How many spans are heard.")] = 4,
    read_only: Annotated[
        bool, typer.Option("--read-only", help="Read transcripts; listen to nothing again.")
    ] = False,
    show: SHOW = "",
    speaker: SPEAKER = "",
    sound: SOUND = "",
    since: SINCE = "",
    until: UNTIL = "",
    language: SPOKEN = "",
    archive: ARCHIVE = None,
    engine: o.ENGINE = None,
    as_json: o.JSON = False,
    lang: o.LANG = None,
    quiet: o.QUIET = False,
    verbose: o.VERBOSE = False,
    *,
    tuning: Tuning,
) -> None:
    """Answer a question from the archive; the spans that bear on it are listened to again.

    Each sentence names the span that it rests on; below are the spans, with links that play.

    Example: qwa archive ask "who changed their mind about tariffs?"
    """
    from qwa.manners import write_line
    from qwen_audio_tools.archive.answering import Asking, ask_archive
    from qwen_audio_tools.archive.index.filters import Filters

    manners = o.manners_of(context)
    filters = Filters(
        show=show, speaker=speaker, sound=sound, since=since, until=until, language=language
    )
    opened, index = _opened(archive)
    listener = tuning.open(tuning.read(engine=engine).engine, manners)
    asking = Asking(
        filters=filters,
        spans=spans,
        listen=not read_only,
        options=tuning.options(lang=lang and str(lang)),
    )
    found = ask_archive(opened, index, question, engine=listener, asking=asking)
    if as_json:
        write_line(sys.stdout, json.dumps(found.to_dict(), ensure_ascii=False, indent=2))
    else:
        write_line(sys.stdout, _answer(found.answer.text, found.citations))
    for warning in found.answer.warnings:
        manners.tell(warning, kind="warning")
    manners.tell(f"{manners.words('engine')}: {found.answer.engine}")


def rebuild(
    context: typer.Context,
    archive: ARCHIVE = None,
    lang: o.LANG = None,
    quiet: o.QUIET = False,
    verbose: o.VERBOSE = False,
) -> None:
    """Throw the index away and make it anew from the ledger."""
    opened, index = _opened(archive, refresh=False)
    index.clear()
    change = index.refresh(opened.ledger)
    o.manners_of(context).tell(f"{change.added} passages of {opened.folder}")
