"""Titles and show notes as plain text: no markup, no control characters, bounded."""

import re
import unicodedata
from html.parser import HTMLParser

TITLE, NOTES = 500, 20_000
"""The most characters of a title, and of show notes; a mark says where more was."""
CUT = " […]"

_BREAKS = {"p", "br", "div", "li", "ul", "ol", "tr", "hr", "blockquote", "pre", "section"}
_BREAKS |= {f"h{level}" for level in range(1, 7)}
_HIDDEN = {"script", "style", "template", "head", "title", "iframe", "object", "svg"}
_SECTION = re.compile(r"<!\[(?:CDATA\[)?|\]\]>")
# A second look at text that looks like markup, for feeds that escape it twice.
_TAG = re.compile(r"</?[a-zA-Z][^<>]*>")


def one_line(text: object, limit: int = TITLE) -> str:
    """Return a title or name in one line."""
    return _bounded(" ".join(notes(text, limit * 4).split()), limit)


def notes(text: object, limit: int = NOTES) -> str:
    """Return show notes, HTML or plain, as paragraphs of plain text.

    What a browser would not show is left out; links keep their words and lose their addresses.
    """
    if not isinstance(text, str):
        return ""
    # Of a megabyte of notes only the beginning is ever kept: no need to read the rest.
    found = text[: limit * 8]
    if "<" in found or "&" in found:
        found = _without_markup(found)
        if _TAG.search(found):
            found = _without_markup(found)
    lines = (" ".join(_visible(line).split()) for line in found.splitlines())
    kept = re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()
    return _bounded(kept, limit, was_longer=len(text) > limit * 8)


def _bounded(text: str, limit: int, *, was_longer: bool = False) -> str:
    if len(text) <= limit and not was_longer:
        return text
    return text[: limit - len(CUT)].rstrip() + CUT


def _visible(text: str) -> str:
    # Cc: control characters; Cf: among them those that turn the direction of what follows.
    return "".join(
        " " if char == "\t" else char
        for char in text
        if char in "\t\u200d" or unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Co")
    )


def tame(text: str) -> str:
    """Return HTML without marked sections, over which Python's own reader trips."""
    return _SECTION.sub(" ", text)  # a space: or what is left might make another


def _without_markup(text: str) -> str:
    reader = _Words()
    reader.feed(tame(text))
    reader.close()
    return "".join(reader.words)


class _Words(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.words: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag in _HIDDEN:
            self._hidden += 1
        elif tag in _BREAKS:
            self.words.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in _HIDDEN:
            self._hidden = max(0, self._hidden - 1)
        elif tag in _BREAKS:
            self.words.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.words.append(data)
