"""What a tool gives back: a text for the model, the same as data, and which clips it is about.

Both are bounded, since a client may show its model either; what is left out is counted.
"""

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from qwen_audio_tools.agents.tools import ToolReply
from qwen_audio_tools.answer import Answer
from qwen_audio_tools.clip import Clip
from qwen_audio_tools.clip_reading import Stored
from qwen_audio_tools.clip_store import MEDIA_TYPES
from qwen_audio_tools.conversation import as_data
from qwen_audio_tools.errors import ClipError
from qwen_audio_tools.inspection import Inspection

Data = dict[str, Any]
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What one call of a tool came to: `data` fits the tool's output schema."""

    text: str
    data: Data
    clips: tuple[Clip, ...] = ()


def of_answer(reply: ToolReply, answer: Answer, most: int) -> Result:
    """Return an answer with as much of its evidence as some `most` characters hold."""
    values = answer.to_dict()
    values["evidence"], left_out = first(values["evidence"], most)
    values["text_cut"] = len(answer.text) > most
    if values["text_cut"]:
        values["text"] = answer.text[:most]
    return Result(text=reply.text, data={**values, "left_out": left_out}, clips=reply.clips)


def of_inspection(reply: ToolReply, found: Inspection, most: int) -> Result:
    """Return measurements with as many silent spans as some `most` characters hold."""
    values = rounded(found.to_dict())
    values["silence"], left_out = first(values["silence"], most)
    return Result(text=reply.text, data={**values, "left_out": left_out}, clips=reply.clips)


def first(items: Sequence[T], most: int) -> tuple[list[T], int]:
    """Return the first items whose JSON has some `most` characters, and how many are left out."""
    kept: list[T] = []
    for item in items:
        most -= len(json.dumps(item, ensure_ascii=False, default=str))
        if most < 0:
            break
        kept.append(item)
    return kept, len(items) - len(kept)


def rounded(value: Any) -> Any:
    """Return plain data with its floats rounded: to milliseconds, or a hundred-thousandth."""
    if isinstance(value, float):
        return round(value, 3 if abs(value) >= 1 else 5)
    if isinstance(value, dict):
        return {name: rounded(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(item) for item in value]
    return value


def harmless(value: Any) -> Any:
    """Return plain data in which no text can steer a model by control tokens."""
    if isinstance(value, str):
        return as_data(value)
    if isinstance(value, dict):
        return {name: harmless(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [harmless(item) for item in value]
    return value


def link_to(clip: Clip) -> Data:
    """Return where a clip can be read: as the resource of a stored clip, a file or a URL."""
    container, size = "", None
    if not is_url(clip):  # to know would mean to fetch it
        with suppress(ClipError):  # it was heard, and may be gone by now
            container, size = clip.info.container, clip.info.size
    return {
        "uri": _uri(clip),
        "name": Path(clip.name).name,
        "media_type": MEDIA_TYPES.get(container, "application/octet-stream"),
        "size": size,
    }


def is_url(clip: Clip) -> bool:
    """Return whether a clip is fetched from somewhere."""
    return str(clip.source).lower().startswith(("http://", "https://"))


def _uri(clip: Clip) -> str:
    if isinstance(clip.source, Stored):
        return f"clip://{clip.source.id}/audio"
    named = str(clip.source)
    return named if is_url(clip) else Path(named).expanduser().resolve().as_uri()
