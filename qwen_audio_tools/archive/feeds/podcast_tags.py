"""What the tags of Podcasting 2.0 say of an episode, each read by itself."""

from collections.abc import Iterable
from urllib.parse import quote, urljoin, urlsplit

from qwen_audio_tools.archive.feeds.plain_text import one_line
from qwen_audio_tools.archive.feeds.scanning import Tag
from qwen_audio_tools.archive.records import Enclosure, TranscriptLink

_MANY = 50


def web_address(text: object, base: str = "") -> str:
    """Return an http(s) URL with nothing in it that no URL has, or an empty string."""
    if not isinstance(text, str) or not text.strip():
        return ""
    try:
        found = urljoin(base, text.strip())
        parts = urlsplit(found)
    except ValueError:
        return ""
    if parts.scheme.lower() not in ("http", "https") or not parts.netloc or len(found) > 4000:
        return ""
    # Feeds hold spaces and letters beyond ASCII where percent signs should be.
    return quote(found, safe="!#$%&'()*+,/:;=?@[]~")


def transcripts(tags: Iterable[Tag], base: str) -> tuple[TranscriptLink, ...]:
    """Return the transcripts that are offered, in the feed's order."""
    found = []
    for tag in _named(tags, "transcript"):
        if url := web_address(tag.attributes.get("url"), base):
            link = TranscriptLink(
                url=url,
                media_type=_media_type(tag.attributes.get("type")),
                language=tag.attributes.get("language", "").strip()[:20] or None,
            )
            found.append(link)
    return tuple(found)


def chapters_url(tags: Iterable[Tag], base: str) -> str:
    """Return where the chapters lie, or an empty string."""
    links = (web_address(tag.attributes.get("url"), base) for tag in _named(tags, "chapters"))
    return next(filter(None, links), "")


def persons(tags: Iterable[Tag]) -> tuple[str, ...]:
    """Return the names of who takes part, each once."""
    names = (one_line(tag.text, 100) for tag in _named(tags, "person"))
    return tuple(dict.fromkeys(filter(None, names)))


def alternates(tags: Iterable[Tag], base: str) -> tuple[Enclosure, ...]:
    """Return the other files of an episode: audio first, the default one of its kind foremost."""
    found: list[tuple[bool, bool, Enclosure]] = []
    for tag in _named(tags, "alternateEnclosure"):
        media_type = _media_type(tag.attributes.get("type"))
        for source in _named(tag.inner, "source"):
            if url := web_address(source.attributes.get("uri"), base):
                kept = Enclosure(
                    url=url, media_type=media_type, size=whole(tag.attributes.get("length"))
                )
                default = tag.attributes.get("default", "").lower() == "true"
                found.append((not media_type.startswith("audio/"), not default, kept))
    return tuple(each[2] for each in sorted(found, key=lambda each: each[:2]))


def guid(tags: Iterable[Tag]) -> str:
    """Return the feed's own guid, or an empty string."""
    return next((one_line(tag.text, 200) for tag in _named(tags, "guid")), "")


def whole(text: object) -> int | None:
    """Return a count of bytes that is one."""
    digits = str(text or "").strip()
    return int(digits) if digits.isascii() and digits.isdecimal() and 0 < len(digits) < 16 else None


def _named(tags: Iterable[Tag], name: str) -> list[Tag]:
    return [tag for tag in tags if tag.name == name][:_MANY]


def _media_type(text: str | None) -> str:
    return (text or "").partition(";")[0].strip().lower()[:100]
