"""`qwa archive sync [SHOW...]`: visit shows, fetch what is new, listen to it."""

import os
import sys
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from qwa import options as o
from qwa.archiving import archive_options as a
from qwa.engine_options import Tuning, tunable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from qwa.manners import Manners
    from qwen_audio_tools.archive.archive import Archive
    from qwen_audio_tools.archive.worker import Listeners
    from qwen_audio_tools.archive.workers import Listening

_WRITING = {"max_tokens", "temperature", "top_p", "seed"}


@tunable
def sync(
    context: typer.Context,
    shows: a.ONLY_SHOWS = None,
    since: a.SINCE = None,
    limit: a.LIMIT = None,
    again: a.AGAIN = False,
    workers: a.WORKERS = None,
    ray: a.RAY = None,
    engine: o.ENGINE = None,
    language: o.SPOKEN = None,
    archive: a.ARCHIVE = None,
    allow_private: a.PRIVATE = False,
    as_json: o.JSON = False,
    lang: o.LANG = None,
    quiet: o.QUIET = False,
    verbose: o.VERBOSE = False,
    *,
    tuning: Tuning,
) -> None:
    """Bring the archive up to date; run it again and it goes on where it stopped.

    The embedded engine listens unless another is named; then that one writes down the words, and
    the embedded one hears sounds, speakers and voices, if it is installed.

    Example: qwa archive sync --workers 2
    """
    from qwa.archiving.finding_options import index_of
    from qwa.archiving.telling import Teller
    from qwen_audio_tools.archive import archive as archives
    from qwen_audio_tools.archive.fetching import Fetcher, policy_for
    from qwen_audio_tools.archive.syncing import Choice
    from qwen_audio_tools.archive.syncing import sync as synced

    manners = o.manners_of(context)
    listeners = _listeners(tuning, engine, language)
    found = archives.opened(archive)
    choice = Choice(
        shows=frozenset(found.shows.named(name).id for name in shows or ()),
        since=a.day(since),
        limit=limit,
        again=again,
    )
    fetcher = Fetcher(policy_for(allow_private=allow_private))
    with Teller(manners, sys.stdout, as_json=as_json) as teller:
        with _listening(found, listeners, manners, workers=workers, ray=ray) as listening:
            report = synced(found, fetcher, listening, choice=choice, tell=teller)
            # Before the index: what was heard is kept, whatever comes of it.
            code = teller.end(report)
        # Whoever listened has ended, and its memory is free for the index.
        index_of(archive).refresh(teller.bar)
    raise typer.Exit(code)


@contextmanager
def _listening(
    archive: "Archive",
    listeners: "Listeners",
    manners: "Manners",
    *,
    workers: int | None,
    ray: str | None,
) -> "Iterator[Listening]":
    """Give whoever listens: processes on this machine, or a cluster."""
    if ray is None:
        from qwen_audio_tools.archive.workers import Workers

        with Workers(archive, listeners, workers or 1, manners.verbose) as processes:
            yield processes
        return
    from qwen_audio_tools.archive.cluster import Cluster

    cluster = Cluster(archive, listeners, ray, workers, manners.verbose)
    # Ray prints what it knows of dead workers to stdout, where nothing but our answer may stand.
    with (
        Path(os.devnull).open("w") as nowhere,
        redirect_stdout(sys.stderr if manners.verbose else nowhere),
        cluster,
    ):
        where = manners.words("started here" if cluster.started_here else "connected")
        manners.tell(f"Ray: {where}, {cluster.count} CPU")
        yield cluster


def _listeners(tuning: Tuning, engine: str | None, language: str | None) -> "Listeners":
    from qwen_audio_tools.archive.worker import Listeners
    from qwen_audio_tools.engines import BUILTIN

    if senseless := sorted(set(tuning.writing) - _WRITING):
        raise o.usage(f"--{senseless[0]} means nothing here: what is said is written down")
    spec = tuning.read(engine=engine).engine
    spec = "embedded" if spec == "auto" else spec
    other = spec.partition(":")[0] != "embedded"
    ears = "embedded" if other and not BUILTIN["embedded"].missing else ""
    return Listeners(
        engine=spec,
        ears=ears,
        settings=dict(tuning.settings),
        writing=dict(tuning.writing),
        language=language,
    )
