"""Content blocks, as chat APIs and frameworks write them, read into parts of a Message.

A part is a text or a Clip. Nothing is decoded here, and a block that isn't understood is an error:
audio that is dropped in silence makes a model answer about nothing.
"""

import base64
import binascii
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, unquote_to_bytes

from qwen_audio_tools.clip import Clip
from qwen_audio_tools.conversation import Part
from qwen_audio_tools.errors import ClipMissing, ClipUnreadable, ClipUnsupported
from qwen_audio_tools.sources.policy import SourcePolicy, agent

if TYPE_CHECKING:
    from qwen_audio_tools.clip_store import ClipStore

Block = Mapping[str, Any]

TAKEN = (
    "text, audio (base64, url or file_id), input_audio, audio_url, "
    "file and media with an audio MIME type"
)
_TEXTS = ("text", "input_text", "output_text")
_NOT_BASE64 = re.compile(r"[^A-Za-z0-9+/=_\-\s]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where the audio of a block may come from: what may be opened, and the store of ids.

    Without more said, no path and no URL is opened: a block carries its audio, or an id.
    """

    policy: SourcePolicy = field(default_factory=lambda: agent(()))
    store: "ClipStore | None" = None


def parts_of(content: str | Sequence[str | Block], origin: Origin) -> tuple[Part, ...]:
    """Return the parts of a message's content: a text, or a list of texts and blocks.

    Raises:
        ClipError: as `part_of`.
    """
    if isinstance(content, str):
        return (content,) if content else ()
    return tuple(part for block in content if (part := part_of(block, origin)) != "")


def part_of(block: str | Block, origin: Origin) -> Part:
    """Return the text or the clip that a block holds.

    Raises:
        ClipUnsupported: a kind of block that is not taken, or one that holds no audio.
        ClipMissing: an id that is not in the store.
        ClipUnreadable: what should be base64 is not.
        ClipTooLong: more bytes than the policy allows.
    """
    if isinstance(block, str):
        return block
    if not isinstance(block, Mapping):
        raise ClipUnsupported(f"a content block is a text or an object, not {block!r:.80}")
    kind = block.get("type")
    if kind in _TEXTS or (kind is None and isinstance(block.get("text"), str)):
        text = block.get("text")
        if not isinstance(text, str):
            raise ClipUnsupported(f"the text of a content block is missing: {_shown(block)}")
        return text
    read = _READERS.get(kind or ("audio" if "audio" in block else ""))
    if read is None:
        raise ClipUnsupported(
            f"a content block of type {kind!r} is not taken: {_shown(block)}",
            hint=f"these are: {TAKEN}",
        )
    return read(block, origin)


def _audio(block: Block, origin: Origin) -> Clip:
    """Read `{"type": "audio"}` as LangChain, Hugging Face and Qwen write it, and DashScope's."""
    if block.get("source_type") == "id":  # LangChain before its 1.0; its base64 stands in "data"
        block = {"file_id": block.get("id")}
    for name in ("base64", "data"):
        if (data := block.get(name)) is not None:
            return _from_data(data, block, origin)
    if block.get("file_id"):
        return _stored(block["file_id"], origin)
    for name in ("url", "audio_url", "audio", "path"):
        if (where := block.get(name)) is not None:
            return _from_address(where, block, origin)
    raise _empty(block)


def _input_audio(block: Block, origin: Origin) -> Clip:
    inner = block.get("input_audio")
    if isinstance(inner, Mapping):
        if inner.get("data") is not None:
            return _from_data(inner["data"], block, origin)
        if inner.get("url") is not None:  # llama-server
            return _from_address(inner["url"], block, origin)
    raise _empty(block)


def _audio_url(block: Block, origin: Origin) -> Clip:
    return _from_address(block.get("audio_url"), block, origin)


def _file(block: Block, origin: Origin) -> Clip:
    """Read `{"type": "file"}`: LangChain's with a MIME type, or OpenAI's with `file_data`."""
    inner = block.get("file")
    if isinstance(inner, Mapping):
        if inner.get("file_data") is not None:
            return _from_data(inner["file_data"], inner, origin)
        block = inner
    media = str(block.get("mime_type") or "audio/")
    if not media.startswith(("audio/", "video/", "application/ogg")):
        raise ClipUnsupported(
            f"a file of type {media!r} is no audio: {_shown(block)}",
            hint="give its text as text, or a file with an audio track",
        )
    return _audio(block, origin)


def _media(block: Block, origin: Origin) -> Clip:
    """Read Gemini's `{"type": "media"}`."""
    return _file({**block, "url": block.get("file_uri")}, origin)


_READERS: dict[str, Callable[[Block, Origin], Clip]] = {
    "audio": _audio,
    "input_audio": _input_audio,
    "audio_url": _audio_url,
    "file": _file,
    "media": _media,
}


def _from_address(where: Any, block: Block, origin: Origin) -> Clip:
    if isinstance(where, Mapping):
        where = where.get("url")
    if not isinstance(where, str) or not where.strip():
        raise _empty(block)
    where = where.strip()
    if where.lower().startswith("data:"):
        return _from_data(where, block, origin)
    if where.lower().startswith("file://"):
        where = unquote(where[len("file://") :])
    return Clip(where, policy=origin.policy)


def _from_data(data: Any, block: Block, origin: Origin) -> Clip:
    if isinstance(data, bytes | bytearray):
        found = bytes(data)
    elif isinstance(data, str):
        origin.policy.limits.check_size(len(data) * 3 // 4, "the audio of a content block")
        found = _decoded(data)
    else:
        raise _empty(block)
    if not found:
        raise ClipMissing(f"a content block holds no bytes of audio: {_shown(block)}")
    return Clip(found, policy=origin.policy, title=_title(block))


def _decoded(data: str) -> bytes:
    """Return the bytes of base64 or of a data URI, which DashScope writes with no type at all."""
    encoded = True
    if data[:5].lower() == "data:":
        head, comma, data = data.partition(",")
        encoded = head.rstrip().lower().endswith(";base64")
        if not comma:
            raise ClipUnreadable(f"a data URI holds no data: {head[:60]!r}")
    if not encoded:
        return unquote_to_bytes(data)
    try:  # what is written as the standard says is read at once: it may be megabytes
        return binascii.a2b_base64(data, strict_mode=True)
    except ValueError:
        return _loosely_decoded(data)


def _loosely_decoded(data: str) -> bytes:
    """Return the bytes of base64 with line breaks, in the alphabet of URLs, or without padding."""
    if bad := _NOT_BASE64.search(data):
        raise ClipUnreadable(
            f"the audio of a content block is not base64: {bad.group()!r} at {bad.start()}",
            hint="encode the file's bytes with base64",
        )
    plain = "".join(data.split()).replace("-", "+").replace("_", "/").rstrip("=")
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except binascii.Error as error:
        raise ClipUnreadable(
            f"the audio of a content block is not base64: {error}",
            hint="encode the file's bytes with base64",
        ) from error


def _stored(id: Any, origin: Origin) -> Clip:
    if origin.store is None:
        raise ClipMissing(
            f"clip {id!r} is named by an id, and there is no store of clips here",
            hint="give the audio itself, or a ClipStore",
        )
    return origin.store.get(str(id))


def _title(block: Block) -> str:
    extras = block.get("extras")
    named: Mapping[str, Any] = extras if isinstance(extras, Mapping) else {}
    for name in ("filename", "name", "title"):
        for values in (block, named):
            if isinstance(values.get(name), str):
                return str(values[name])
    return ""


def _empty(block: Block) -> ClipUnsupported:
    return ClipUnsupported(
        f"a content block holds no audio: {_shown(block)}", hint=f"these are taken: {TAKEN}"
    )


def _shown(block: Block) -> str:
    """Show a block in a message: its keys with short values, never a whole recording."""
    words = []
    for name, value in list(block.items())[:8]:
        text = _shown(value) if isinstance(value, Mapping) else repr(value)
        words.append(f"{name!r}: {text if len(text) <= 60 else text[:40] + '…'}")
    return "{" + ", ".join(words) + "}"
