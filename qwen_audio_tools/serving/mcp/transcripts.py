"""Transcripts in pages, the last few kept: the next page of one costs no second listening."""

import json
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from qwen_audio_tools.agents.telling import tell_transcript
from qwen_audio_tools.answer import Answer
from qwen_audio_tools.clip import Clip
from qwen_audio_tools.errors import SettingsError
from qwen_audio_tools.serving.mcp.results import Result, rounded
from qwen_audio_tools.transcript import Segment, Transcript

_KEPT = 8
_LONGEST = 2_000
"""Characters of a segment on one page: engines that tell no times give one segment for all."""

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
    pages = list(_pages(transcript, most - _room_for_notes(answer, most), 2 * most))
    if number > len(pages):
        raise SettingsError(
            f"page cannot be {number}: this transcript has {len(pages)}",
            hint=f"give a page from 1 to {len(pages)}",
        )
    shown = replace(transcript, segments=tuple(pages[number - 1]))
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


def _pages(transcript: Transcript, most: int, most_data: int) -> Iterator[list[Segment]]:
    page: list[Segment] = []
    text = data = 0
    for segment in _pieces(transcript):
        line = len(segment.text) + len(segment.speaker or "") + 30
        record = len(json.dumps(segment.text, ensure_ascii=False)) + 130
        if page and (text + line > most or data + record > most_data):
            yield page
            page, text, data = [], 0, 0
        page.append(segment)
        text, data = text + line, data + record
    yield page


def _pieces(transcript: Transcript) -> Iterator[Segment]:
    """Yield the segments; the text of a long one in pieces that end at spaces."""
    for segment in transcript.segments:
        text = segment.text
        while len(text) > _LONGEST:
            at = text.rfind(" ", _LONGEST // 2, _LONGEST) + 1 or _LONGEST
            yield replace(segment, text=text[:at])
            text = text[at:]
        yield replace(segment, text=text)
