"""Chapters, from a publisher's JSON or from the audio file itself."""

import json
from collections.abc import Iterable
from pathlib import Path

from qwen_audio_tools.archive.feeds.plain_text import one_line
from qwen_audio_tools.archive.records import Chapter
from qwen_audio_tools.errors import ArchiveError

LARGEST = 4 * 2**20
_MANY = 1000


def read_chapters(data: bytes) -> tuple[Chapter, ...]:
    """Return the chapters of a Podcasting 2.0 JSON file, in order of time.

    Raises:
        ArchiveError: it is none.
    """
    try:
        found = json.loads(data.decode("utf-8-sig"))["chapters"]
        times = [(each.get("startTime"), each.get("title")) for each in found[:_MANY]]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ArchiveError(f"the chapters are no JSON of chapters: {error!r}"[:200]) from error
    return _in_order(times)


def chapters_in(path: Path) -> tuple[Chapter, ...]:
    """Return the chapters that an audio file holds; none where it can't be read."""
    from qwen_audio_tools.decoding.file_tags import file_tags

    try:
        with path.open("rb") as file:
            return _in_order(file_tags(file, path.name).chapters)
    except OSError:
        return ()


def _in_order(times: Iterable[tuple[object, object]]) -> tuple[Chapter, ...]:
    found: dict[float, Chapter] = {}
    for start, title in times:
        named = one_line(title)
        is_time = isinstance(start, int | float) and not isinstance(start, bool)
        if named and is_time and 0 <= float(start) < 48 * 3600:  # type: ignore[arg-type]
            second = round(float(start), 3)  # type: ignore[arg-type]
            found.setdefault(second, Chapter(start=second, title=named))
    return tuple(found[start] for start in sorted(found))
