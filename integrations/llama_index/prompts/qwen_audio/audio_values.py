"""What a user gives for audio in a prompt, as an AudioBlock."""

import base64
import os
import re
from pathlib import Path
from typing import Any

from llama_index.core.base.llms.types import AudioBlock
from llama_index.llms.qwen_audio.blocks import ClipBlock

from qwen_audio_tools.clip import Clip
from qwen_audio_tools.clip_reading import Stored
from qwen_audio_tools.clip_store import ClipStore
from qwen_audio_tools.errors import ClipMissing, ClipUnsupported

_ID = re.compile(r"\[?(?:audio:)?(?P<id>[0-9a-f]{12})\b[^\]]*\]?")
_URL = re.compile(r"(?:https?|file)://|data:", re.IGNORECASE)


def blocks_of(value: Any, store: ClipStore | None) -> list[AudioBlock]:
    """Return the blocks of a path, URL, bytes, Clip, AudioBlock, id in the store, or several.

    Raises:
        ClipMissing: there is no such file, or nothing at all.
        ClipUnsupported: a value of another type.
    """
    if isinstance(value, list | tuple):
        return [block for each in value for block in blocks_of(each, store)]
    if isinstance(value, AudioBlock):
        return [value]
    if isinstance(value, Clip):
        return [_of_clip(value)]
    if isinstance(value, bytes | bytearray):
        return [_of_bytes(bytes(value))]
    if isinstance(value, str | os.PathLike):
        return [_of_name(os.fspath(value), store)]
    raise ClipUnsupported(
        f"audio in a prompt is a path, URL, bytes, Clip or AudioBlock, not {type(value).__name__!r}"
    )


def _of_name(name: str, store: ClipStore | None) -> AudioBlock:
    if not name.strip():
        raise ClipMissing("the audio of a prompt is empty", hint="give a path, a URL or bytes")
    if _URL.match(name):
        return AudioBlock(url=name)
    shown = _ID.fullmatch(name)
    if store is not None and shown and shown["id"] in store:
        return _of_clip(store.get(shown["id"]))
    path = Path(name).expanduser()
    if not path.is_file():
        raise ClipMissing(f"{name!r} does not exist", hint="check the path: ls -l")
    return AudioBlock(path=path)


def _of_bytes(data: bytes) -> AudioBlock:
    if not data:
        raise ClipMissing("the audio of a prompt has no bytes")
    # Encoded here: LlamaIndex would take bytes that look like base64 for it, and decode them.
    return AudioBlock(audio=base64.b64encode(data))


def _of_clip(clip: Clip) -> AudioBlock:
    whole = not clip.start and clip.end is None
    source = clip.source.path if isinstance(clip.source, Stored) else clip.source
    if whole and isinstance(source, str) and _URL.match(source):
        return AudioBlock(url=source)
    if whole and isinstance(source, str | os.PathLike) and Path(source).is_file():
        return ClipBlock.of(clip, path=Path(source))
    return ClipBlock.of(clip, audio=base64.b64encode(clip.wav_bytes()), format="wav")
