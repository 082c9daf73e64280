"""Web pages that came where a feed was asked for: what they are, and which feeds they name."""

import re
from html.parser import HTMLParser

from qwen_audio_tools.archive.feeds.plain_text import tame
from qwen_audio_tools.archive.feeds.podcast_tags import web_address

_START = re.compile(rb"^\s*(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html|head|body)\b", re.I | re.S)
_LOOKED_AT = 256 * 1024
_FEED_TYPES = ("application/rss+xml", "application/atom+xml")


def is_web_page(data: bytes) -> bool:
    """Whether these bytes begin like HTML."""
    return bool(_START.match(data[:4096].removeprefix(b"\xef\xbb\xbf")))


def feeds_named_in(data: bytes, url: str) -> list[str]:
    """Return the feeds that a page names as its own."""
    reader = _Links()
    reader.feed(tame(data[:_LOOKED_AT].decode("utf-8", "replace")))
    return [found for each in reader.links if (found := web_address(each, url))]


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        kind = (given.get("type") or "").lower()
        if tag == "link" and kind in _FEED_TYPES and given.get("href"):
            self.links.append(given["href"] or "")
