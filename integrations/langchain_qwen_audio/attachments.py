"""Audio attached to messages by reference: its bytes lie in a ClipStore, messages hold its id."""

import base64
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from langchain_core.messages import BaseMessage, HumanMessage

from qwen_audio_tools.agents.references import shown
from qwen_audio_tools.clip_store import ClipStore

_ID = re.compile(r"[0-9a-f]{12}")
_TAKEN_EVERYWHERE = ("audio/wav", "audio/mpeg")


def attach_audio(*sources: Any, text: str = "", store: ClipStore | None = None) -> HumanMessage:
    """Return a message with audio attached by reference, and with a text if there is one.

    Args:
        sources: recordings as a Clip takes them: paths, bytes, Clips.
        text: what is said or asked along with them.
        store: where their bytes are kept; by default the folder of clips of this user.

    Raises:
        ClipError: a source can't be opened, or holds no audio that is taken.
    """
    kept = store or ClipStore()
    blocks: list[str | dict[str, Any]] = [
        reference_block(kept.put(source), kept) for source in sources
    ]
    if text:
        blocks.append({"type": "text", "text": text})
    return HumanMessage(content=blocks)


def reference_block(id: str, store: ClipStore) -> dict[str, Any]:
    """Return the block that stands for a clip of the store.

    Raises:
        ClipMissing: no clip has this id.
    """
    info = store.info(id)
    extras = {"name": info.name, "seconds": info.seconds}
    return {"type": "audio", "file_id": id, "mime_type": info.media_type, "extras": extras}


def shown_block(id: str, store: ClipStore) -> dict[str, Any]:
    """Return the block that shows a clip to a model which hears nothing: `[audio:ID name 63 s]`.

    Raises:
        ClipMissing: no clip has this id.
    """
    return {"type": "text", "text": shown(id, store)}


def inline_block(id: str, store: ClipStore) -> dict[str, Any]:
    """Return a clip's own bytes as a block that other models take: wav or mp3, in base64.

    Raises:
        ClipError: no clip has this id, or it can't be decoded.
    """
    kind, clip = store.info(id).media_type, store.get(id)
    if kind in _TAKEN_EVERYWHERE:
        data = b"".join(clip.file_bytes())
    else:
        kind, data = "audio/wav", clip.wav_bytes()
    # Some clients make the format of the subtype: "mpeg" is refused where "mp3" is meant.
    named = "audio/mp3" if kind == "audio/mpeg" else kind
    return {"type": "audio", "base64": base64.b64encode(data).decode(), "mime_type": named}


def id_in(block: Any) -> str | None:
    """Return the id of a clip of ours that a block stands for; ids of others are no such."""
    id = block.get("file_id") if isinstance(block, Mapping) else None
    return id if isinstance(id, str) and _ID.fullmatch(id) else None


def is_audio(block: Any) -> bool:
    """Whether a block holds audio, in any of the ways in which blocks do."""
    if not isinstance(block, Mapping):
        return False
    kind = block.get("type")
    if kind in ("audio", "input_audio", "audio_url"):
        return True
    if kind in ("file", "media"):
        inner = block.get("file") if isinstance(block.get("file"), Mapping) else block
        media = str(inner.get("mime_type") or inner.get("file_data") or "")  # type: ignore[union-attr]
        return media.removeprefix("data:").startswith(("audio/", "application/ogg"))
    return kind is None and "audio" in block


def attached(messages: Sequence[BaseMessage], store: ClipStore) -> list[str]:
    """Return the ids of all clips of the store that are attached, the latest last."""
    found: dict[str, None] = {}
    for id in _ids(messages):
        if id in store:
            found.pop(id, None)
            found[id] = None
    return list(found)


def attached_to(runtime: Any, store: ClipStore | None) -> list[str]:
    """Return what is attached where a tool runs in an agent: by its state, or by its messages."""
    state = getattr(runtime, "state", None)
    if store is None:
        return []
    # The state is a mapping, or an object where its schema is a class of pydantic's.
    told = state if isinstance(state, Mapping) else getattr(state, "__dict__", {})
    if isinstance(refs := told.get("audio_refs"), list):
        return [str(ref) for ref in refs]
    return attached(told.get("messages") or [], store)


def _ids(messages: Sequence[BaseMessage]) -> Iterator[str]:
    for message in messages:
        if isinstance(message, HumanMessage) and isinstance(message.content, list):
            for block in message.content:
                if isinstance(block, dict) and isinstance(block.get("file_id"), str):
                    yield block["file_id"]
