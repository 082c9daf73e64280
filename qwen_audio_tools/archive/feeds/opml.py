"""Lists of feeds that podcast players export (OPML)."""

from dataclasses import dataclass, field
from xml.parsers import expat

from qwen_audio_tools.archive.feeds.plain_text import one_line
from qwen_audio_tools.archive.feeds.podcast_tags import web_address
from qwen_audio_tools.archive.feeds.scanning import guarded_parser
from qwen_audio_tools.errors import ArchiveError

MOST = 20_000
LARGEST = 32 * 2**20


@dataclass(frozen=True, slots=True)
class Subscription:
    """A feed of a list: its URL, and what the list calls it."""

    url: str
    title: str = ""


@dataclass(slots=True)
class _Reader:
    found: dict[str, Subscription] = field(default_factory=dict)
    root: str = ""

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """Take note of an element."""
        self.root = self.root or name.lower()
        named = {key.lower(): value for key, value in attributes.items()}
        url = web_address(named.get("xmlurl"))
        if name.lower() == "outline" and url and len(self.found) < MOST:
            title = one_line(named.get("title") or named.get("text"))
            self.found.setdefault(url, Subscription(url, title))


def is_opml(data: bytes) -> bool:
    """Whether these bytes begin like OPML."""
    return b"<opml" in data[:4096].lower()


def read_opml(data: bytes) -> tuple[Subscription, ...]:
    """Return the feeds of a list, each once, in its order.

    Raises:
        ArchiveError: it is no OPML, names no feed, or declares entities.
    """
    reader, parser = _Reader(), guarded_parser()
    parser.StartElementHandler = reader.start
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        words = expat.errors.messages[error.code]
        raise ArchiveError(f"the list of feeds is broken XML: {words}, line {error.lineno}") from (
            error
        )
    if reader.root != "opml" or not reader.found:
        raise ArchiveError("it is no OPML list that names a feed (xmlUrl)")
    return tuple(reader.found.values())
