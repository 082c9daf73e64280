"""Digests: what names the rows of each episode, so that an index needs to read only what changed.

They are kept in `cache/digests.json` beside the state of each ledger file. A digest follows from
the file alone; what an index holds is asked of the index. So any index may use them, and one that
was deleted or written by others is noticed. Losing the cache costs time, never data.
"""

import contextlib
import json
from collections.abc import Iterator
from functools import partial

from qwen_audio_tools.archive.archive import Archive
from qwen_audio_tools.archive.heads import file_state
from qwen_audio_tools.archive.index.rows import Unread, digest
from qwen_audio_tools.archive.records import EpisodeRecord
from qwen_audio_tools.engines.base import Progress
from qwen_audio_tools.replacing import replaced

_VERSION = 1
"""To be raised when `rows.digest` changes: old digests would hide that rows are others now."""


class Digests:
    """The digests of an archive's episodes: as they were kept, and as they are now."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._path = archive.folder / "cache" / "digests.json"
        self._kept = self._read()
        self._found: dict[str, tuple[list[int], str]] = {}

    def records(self, progress: Progress | None = None) -> Iterator[EpisodeRecord | Unread]:
        """Yield each record of the ledger, unread where its file is as it was.

        Raises:
            ArchiveError: as reading the ledger.
        """
        ids = list(self._archive.ledger.ids())
        for done, id in enumerate(ids):
            if progress:
                progress("indexing", float(done), float(len(ids)))
            state = file_state(self._archive, id)  # before it is read: it may change meanwhile
            old = self._kept.get(id)
            if state is not None and old is not None and old[0] == state:
                self._found[id] = old
                yield Unread(id, old[1], partial(self._archive.ledger.get, id))
            elif (record := self._archive.ledger.get(id)) is not None:
                if state is not None:
                    self._found[id] = (state, digest(record) if record.passages else "")
                yield record

    def keep(self) -> None:
        """Keep the digests of all records that were yielded."""
        if self._found == self._kept:
            return
        with contextlib.suppress(OSError):  # a full or read-only disk costs time only
            self._path.parent.mkdir(exist_ok=True)
            with replaced(self._path) as fresh:
                fresh.write_text(json.dumps({"version": _VERSION, "episodes": self._found}))

    def _read(self) -> dict[str, tuple[list[int], str]]:
        try:
            data = json.loads(self._path.read_bytes())
            if data["version"] != _VERSION:
                return {}
            return {id: (state, str(named)) for id, (state, named) in data["episodes"].items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return {}
