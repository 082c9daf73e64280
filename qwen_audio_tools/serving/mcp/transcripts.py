"""Transcripts in pages, the last few kept: the next page of one costs no second listening."""

import json
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from qwen_audio_tools.agents.paging import page_numbered, paged, pieces
from qwen_audio_tools.agents.telling import tell_transcript
from qwen_audio_tools.answer import Answer
from qwen_audio_tools.clip import Clip
from qwen_audio_tools.serving.mcp.results import Result, rounded
from qwen_audio_tools.transcript import Segment, Transcript

_KEPT = 8

Key = tuple[str, ...]
Written = tuple[Transcript, Answer]


@dataclass(slots=True)
class KeptTranscripts:
    """What the last transcriptions came to, by what was transcribed and how."""

    _written: OrderedDict[Key, Written] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def get(self, key: Key, write: Callable[[], Written]) -> Written:
        """Return what is kept under a key, or write and keep it."""
        with self._lock:
            if key in self._written:
                self._written.move_to_end(key)
                return self._written[key]
        written = write()
        with self._lock:
            self._written[key] = written
            while len(self._written) > _KEPT:
                self._written.popitem(last=False)
        return written


def page_of(written: Written, clip: Clip, number: int, most: int) -> Result:
    """Return one page of a transcript; `most` characters are those of its text.

    Raises:
        SettingsError: it has fewer pages.
    """
    transcript, answer = written
    pages = _pages(transcript, most - _room_for_notes(answer, most), 2 * most)
    shown = replace(transcript, segments=tuple(page_numbered(pages, number, "this transcript")))
    text = tell_transcript(shown, answer, most)
    if len(pages) > 1:
        rest = f" For the rest call again with page={number + 1}." if number < len(pages) else ""
        text = f"Page {number} of {len(pages)}.{rest}\n{text}"
    values = answer.to_dict()
    data = {
        "language": transcript.language,
        "duration": transcript.duration,
        "segments": shown.to_dict()["segments"],
        "page": number,
        "pages": len(pages),
        **{name: values[name] for name in ("coverage", "engine", "warnings")},
    }
    return Result(text=text, data=rounded(data), clips=(clip,))


def _room_for_notes(answer: Answer, most: int) -> int:
    """Return what a page needs beside its segments: headings and warnings, a third at the most."""
    return min(most // 3, 300 + sum(len(each) + 8 for each in answer.warnings))


def _pages(transcript: Transcript, most: int, most_data: int) -> list[list[Segment]]:
    def weigh(segment: Segment) -> tuple[int, int]:
        text = json.dumps(segment.text, ensure_ascii=False)
        return len(segment.text) + len(segment.speaker or "") + 30, len(text) + 130

    found = (
        replace(segment, text=text)
        for segment in transcript.segments
        for text in pieces(segment.text)
    )
    return paged(found, weigh, (most, most_data))
