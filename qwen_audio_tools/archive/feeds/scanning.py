"""A first pass over the XML of a feed: what must be refused, and the tags of Podcasting 2.0.

Entities are refused where they are declared, so that none is ever expanded or fetched. The tags
of the podcast namespace repeat within an item, which feedparser does not keep apart.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from xml.parsers import expat

from qwen_audio_tools.errors import ArchiveError

DEEPEST = 100
_SEPARATOR = " "
_ITEMS = {"item", "entry"}
# https://podcasting2.org/podcast-namespace; older feeds name a page on GitHub.
_PODCAST = ("podcastindex.org/namespace", "podcastindex-org/podcast-namespace")


@dataclass(slots=True)
class Tag:
    """An element of the podcast namespace: its attributes, its text, and what lies in it."""

    name: str
    attributes: Mapping[str, str]
    text: str = ""
    inner: list["Tag"] = field(default_factory=list)


@dataclass(slots=True)
class Scan:
    """The podcast tags of the channel and of each item in order; `error` if it is no XML."""

    root: str = ""
    channel: list[Tag] = field(default_factory=list)
    items: list[list[Tag]] = field(default_factory=list)
    error: str = ""


def scan(data: bytes) -> Scan:
    """Return the podcast tags of a feed; of XML that is broken, those up to where it breaks.

    Raises:
        ArchiveError: it declares entities, or is nested absurdly.
    """
    reader = _Reader()
    try:
        reader.parser.Parse(data, True)
    except expat.ExpatError as error:
        reader.found.error = expat.errors.messages[error.code] + f" in line {error.lineno}"
    except (LookupError, ValueError) as error:  # an encoding that Python doesn't know
        reader.found.error = str(error)
    return reader.found


def guarded_parser(separator: str | None = None) -> expat.XMLParserType:
    """Return a parser that raises ArchiveError where an entity is declared, and opens nothing."""
    parser = expat.ParserCreate(namespace_separator=separator)
    parser.EntityDeclHandler = _refuse_entity
    parser.ExternalEntityRefHandler = lambda *_: 0
    return parser


class _Reader:
    def __init__(self) -> None:
        self.found = Scan()
        self.parser = guarded_parser(_SEPARATOR)
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._characters
        self.parser.buffer_text = True
        self._depth = 0
        self._item_at = 0
        self._open: list[tuple[int, Tag]] = []

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > DEEPEST:
            raise ArchiveError(f"the feed is nested more than {DEEPEST} levels deep: refused")
        space, _, local = name.rpartition(_SEPARATOR)
        if self._depth == 1:
            self.found.root = local.lower()
        if local.lower() in _ITEMS and not self._item_at:
            self._item_at = self._depth
            self.found.items.append([])
        if any(known in space.lower() for known in _PODCAST):
            self._open.append((self._depth, self._kept(Tag(local, attributes))))

    def _kept(self, tag: Tag) -> Tag:
        if self._open:
            self._open[-1][1].inner.append(tag)
        else:
            (self.found.items[-1] if self._item_at else self.found.channel).append(tag)
        return tag

    def _end(self, name: str) -> None:
        if self._open and self._open[-1][0] == self._depth:
            self._open.pop()
        if self._item_at == self._depth:
            self._item_at = 0
        self._depth -= 1

    def _characters(self, text: str) -> None:
        if self._open and len(self._open[-1][1].text) < 2000:
            self._open[-1][1].text += text


def _refuse_entity(name: str, *_: object) -> None:
    raise ArchiveError(f"the feed declares an XML entity ({name[:40]!r}): refused")
