"""Any publisher's transcript by its type, or where that says nothing, by its looks."""

from collections.abc import Callable, Iterator, Sequence

from qwen_audio_tools.archive.feeds.web_pages import is_web_page
from qwen_audio_tools.archive.records import TranscriptLink
from qwen_audio_tools.archive.transcripts.cues import Cue, segments_of
from qwen_audio_tools.archive.transcripts.html_read import read_html
from qwen_audio_tools.archive.transcripts.json_read import read_json
from qwen_audio_tools.archive.transcripts.subtitles_read import read_subtitles
from qwen_audio_tools.errors import ArchiveError
from qwen_audio_tools.transcript import Segment

LARGEST = 32 * 2**20
"""Bytes of a transcript that are read: a day of speech has about one megabyte of words."""

# In the order of how much they tell: JSON knows speakers and times, HTML hardly an end.
_KINDS = ("json", "vtt", "srt", "html")


def best_first(links: Sequence[TranscriptLink]) -> list[TranscriptLink]:
    """Return the transcripts in the order in which they should be tried."""
    return sorted(links, key=lambda link: _KINDS.index(_kind(link.media_type, link.url) or "html"))


def read_publishers(
    data: bytes, link: TranscriptLink
) -> tuple[tuple[Segment, ...], tuple[str, ...]]:
    """Return the segments of a transcript in order of time, and what was odd about it.

    Raises:
        ArchiveError: it is none, or tells no times.
    """
    if len(data) > LARGEST:
        raise ArchiveError(f"it has {len(data):,} bytes; at most {LARGEST:,} are read")
    text = _decoded(data)
    return segments_of(_reader(data, text, link)(text))


def _reader(data: bytes, text: str, link: TranscriptLink) -> Callable[[str], Iterator[Cue]]:
    start = text.lstrip()[:200]
    if start.startswith(("{", "[")):
        return read_json
    if is_web_page(data) or "<time" in text or _kind(link.media_type, link.url) == "html":
        return read_html
    return read_subtitles


def _kind(media_type: str, url: str) -> str | None:
    ending = url.partition("?")[0].rpartition(".")[2].lower()
    for word in (media_type, ending):
        for kind in _KINDS:
            if kind in word or (kind == "srt" and "subrip" in word):
                return kind
    return None


def _decoded(data: bytes) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace")
    return data.decode("utf-8-sig", "replace")
