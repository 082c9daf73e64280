"""Transcripts in HTML read into cues, as Podcasting 2.0 writes them: cite, time, paragraph."""

from collections.abc import Iterator
from html.parser import HTMLParser

from qwen_audio_tools.archive.feeds.plain_text import tame
from qwen_audio_tools.archive.feeds.reading import seconds_of
from qwen_audio_tools.archive.transcripts.cues import Cue

_HIDDEN = {"script", "style", "head", "template"}
_BREAKS = {"p", "br", "div", "li"}


def read_html(text: str) -> Iterator[Cue]:
    """Yield the paragraphs that have a time; who speaks stands in `cite` before it."""
    reader = _Paragraphs()
    reader.feed(tame(text))
    reader.close()
    yield from reader.finished()


class _Paragraphs(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self._cues: list[Cue] = []
        self._inside = ""
        self._hidden = 0
        self._texts: dict[str, str] = {}
        self._start: float | None = None
        self._speaker = ""

    def finished(self) -> list[Cue]:
        """Return the cues of all that was fed."""
        self._close()
        return self._cues

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag in _HIDDEN:
            self._hidden += 1
        elif tag not in ("cite", "time"):
            self.handle_data(" " if tag in _BREAKS else "")
        else:
            if self._texts.get("text", "").strip():
                self._close()
            self._inside = tag
            self._texts[tag] = ""

    def handle_endtag(self, tag: str) -> None:
        if tag in _HIDDEN:
            self._hidden = max(0, self._hidden - 1)
        elif tag == "cite":
            self._speaker = self._texts.get("cite", "").strip().rstrip(":").strip()[:100]
            self._inside = ""
        elif tag == "time":
            self._start = seconds_of(self._texts.get("time", "").strip(" []()\n\t"))
            self._inside = ""

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            place = self._inside or "text"
            self._texts[place] = self._texts.get(place, "") + data

    def _close(self) -> None:
        if self._start is not None:
            words = self._texts.get("text", "")
            self._cues.append(Cue(start=self._start, text=words, speaker=self._speaker))
        self._start = None
        self._texts = {}
