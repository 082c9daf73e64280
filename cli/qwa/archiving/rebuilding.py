"""`qwa archive rebuild`: the index, made anew from the ledger."""

import typer

from qwa import options as o
from qwa.archiving import archive_options as a
from qwa.archiving import finding_options as f


def rebuild(
    context: typer.Context,
    archive: a.ARCHIVE = None,
    lang: o.LANG = None,
    quiet: o.QUIET = False,
    verbose: o.VERBOSE = False,
) -> None:
    """Throw the index away and make it anew from the ledger.

    Example: qwa archive rebuild
    """
    opened = f.index_of(archive)
    opened.index.clear()
    change = opened.index.refresh(opened.archive.ledger)
    o.manners_of(context).tell(f"{opened.archive.folder}: {change.added} passages")
