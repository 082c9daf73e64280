"""`qwa archive search`: where something was said or heard, with links that play."""

import json
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from qwa import options as o
from qwa.archiving import finding_options as f

if TYPE_CHECKING:
    from qwa.manners import Manners
    from qwen_audio_tools.archive.archive import Archive
    from qwen_audio_tools.archive.index.rows import Hit

BY = Annotated[str, typer.Option("--by", metavar="WAY", help="both, words or meaning.")]
SHOWN = 300
"""Characters of a passage that a person is shown; --json has all of it."""


@f.finds
def search(
    context: typer.Context,
    words: f.QUERY,
    count: Annotated[int, typer.Option("--count", "-n", min=1, help="How many.")] = 10,
    by: Annotated[
        str, typer.Option("--by", metavar="WAY", help="both, words or meaning.")
    ] = "both",
    play: Annotated[bool, typer.Option("--play", help="Play the best span.")] = False,
    export: Annotated[
        str | None, typer.Option("--export", metavar="FILE", help="Cut the best span to a file.")
    ] = None,
    *,
    finding: f.Finding,
    as_json: o.JSON = False,
    lang: o.LANG = None,
    quiet: o.QUIET = False,
    verbose: o.VERBOSE = False,
) -> None:
    """Find where something was said or heard: spans with times and links that play.

    Example: qwa archive search "tariffs" --show "The Daily" --sound laughter
    """
    from qwa.manners import write_line
    from qwa.progress import Bar
    from qwen_audio_tools.archive.searching import By, Query

    if by not in set(By):
        raise o.usage(f"--by cannot be {by!r}: it is {', '.join(By)}")
    query = Query(text=words, filters=finding.filters, count=count, by=By(by))
    bar = Bar(o.manners_of(context))
    opened = finding.open(bar)
    hits = opened.find(query, bar)
    bar.clear()
    if as_json:
        write_line(
            sys.stdout, json.dumps([_told(hit) for hit in hits], ensure_ascii=False, indent=2)
        )
    for hit in () if as_json else hits:
        write_line(sys.stdout, _shown(hit))
    if not hits:
        o.manners_of(context).tell("nothing was found", kind="hint")
    elif play or export:
        _hear(opened.archive, hits[0], export, play, o.manners_of(context))


def _told(hit: "Hit") -> dict[str, object]:
    from qwen_audio_tools.archive.citing import playable

    return {**hit.to_dict(), "link": playable(hit, hit.start, hit.end)}


def _shown(hit: "Hit") -> str:
    """Return a hit as a person reads it: where, what else was heard, the words, the link."""
    from qwa.manners import printable
    from qwen_audio_tools.archive.citing import label, playable

    beside = ", ".join(filter(None, (hit.chapter, *hit.speakers, *hit.sounds)))
    words = " ".join(hit.text.split())
    short = words if len(words) <= SHOWN else words[: SHOWN - 1].rstrip() + "…"
    lines = [label(hit, hit.start, hit.end), f"  {short}" if short else ""]
    lines += [f"  ({beside})" if beside else "", f"  {playable(hit, hit.start, hit.end)}"]
    return "\n".join(printable(line) for line in lines if line)


def _hear(
    archive: "Archive", best: "Hit", export: str | None, play: bool, manners: "Manners"
) -> None:
    """Cut the best span to a file, or play it."""
    from qwen_audio_tools.export import export as cut

    record = archive.ledger.get(best.episode)
    if record is None:
        return
    clip = archive.clip_of(record, best.start, min(best.end, record.duration or best.end))
    if export:
        cut(clip, export)
        manners.tell(export)
    if play:
        from qwa.sound_card import play as aloud

        aloud(clip)
