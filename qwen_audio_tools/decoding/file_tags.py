"""What a recording says of itself: its title, and chapters (ID3, MP4, Matroska, Ogg)."""

from dataclasses import dataclass
from typing import Any, BinaryIO

from qwen_audio_tools.errors import ClipError

_MANY = 1000


@dataclass(frozen=True, slots=True)
class FileTags:
    """`chapters` are (start in seconds, title), in order of time. All is as the file has it."""

    title: str = ""
    chapters: tuple[tuple[float, str], ...] = ()


def file_tags(file: BinaryIO, name: str) -> FileTags:
    """Return the tags of an open recording; none where it has none, or they can't be read."""
    from qwen_audio_tools.decoding.pyav_reader import open_container
    from qwen_audio_tools.decoding.sniff import sniff

    try:
        container = open_container(file, name, sniff(file, name))
    except ClipError:
        return FileTags()
    try:
        found = [_chapter(each) for each in container.chapters()[:_MANY]]
        title = str(container.metadata.get("title") or "")
    finally:
        container.close()
    return FileTags(title, tuple(sorted(each for each in found if each is not None)))


def _chapter(written: Any) -> tuple[float, str] | None:
    title = str(written["metadata"].get("title") or "")
    base = written["time_base"]
    return (float(written["start"] * base), title) if title and base else None
