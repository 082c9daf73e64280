"""Chats in files, as /save writes them and --load reads them: JSON that people can read too."""

import json
from pathlib import Path
from typing import Any, get_args

from qwa.chatting.growing import Chat
from qwa.exits import OutputFailed
from qwa.inputs import is_address
from qwen_audio_tools.clip import Clip
from qwen_audio_tools.clip_store import ClipStore
from qwen_audio_tools.conversation import Message, Part, Role
from qwen_audio_tools.errors import ClipError, ClipMissing, SettingsError
from qwen_audio_tools.replacing import replaced

FORMAT, VERSION = "qwa chat", 1


def save(chat: Chat, path: Path, engine: str) -> None:
    """Write a chat whole or not at all; recordings go to the user's clip store.

    Raises:
        SettingsError: the file is there already and holds something else.
        OutputFailed: it can't be written.
    """
    if path.exists() and _values(path) is None:
        raise SettingsError(
            f"{str(path)!r} is there already, and is no saved chat", hint="/save another.json"
        )
    text = json.dumps(_chat_values(chat, engine), ensure_ascii=False, indent=2)
    try:
        with replaced(path) as fresh:
            fresh.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise OutputFailed(
            f"{str(path)!r} cannot be written: {error.strerror}", hint="/save ~/chat.json"
        ) from error


def load(path: Path) -> Chat:
    """Return the chat that a file holds.

    Raises:
        SettingsError: it is not there, or is no saved chat.
        ClipMissing: audio that the chat is about is gone.
    """
    if not path.is_file():
        raise SettingsError(f"there is no file {str(path)!r}", hint="/save FILE writes one")
    values = _values(path)
    if values is None:
        raise SettingsError(
            f"{str(path)!r} is no saved chat", hint="--load takes what /save wrote in a chat"
        )
    try:
        turns = [_message(turn) for turn in values["turns"]]
        waiting = [_clip(clip) for clip in values["waiting"]]
        return Chat(str(values["system"]), turns, waiting)
    except (KeyError, TypeError, ValueError) as error:
        raise SettingsError(
            f"{str(path)!r} is damaged: {error}", hint="--load takes what /save wrote in a chat"
        ) from error


def _values(path: Path) -> dict[str, Any] | None:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    known = isinstance(values, dict) and values.get("format") == FORMAT
    return values if known and values.get("version") == VERSION else None


def _chat_values(chat: Chat, engine: str) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "version": VERSION,
        "engine": engine,
        "system": chat.system,
        "turns": [
            {"role": turn.role, "parts": [_part_values(part) for part in turn.parts]}
            for turn in chat.turns
        ],
        "waiting": [_clip_values(clip) for clip in chat.waiting],
    }


def _part_values(part: Part) -> dict[str, Any]:
    return {"text": part} if isinstance(part, str) else {"audio": _clip_values(part)}


def _clip_values(clip: Clip) -> dict[str, Any]:
    try:
        values = clip.to_dict()
    except ClipError:  # a recording, which has no address yet
        return {"id": ClipStore().put(clip, clip.name), "start": None, "end": None}
    if "source" in values and not is_address(values["source"]):
        # The chat may be loaded from another folder.
        values["source"] = str(Path(values["source"]).absolute())
    return values


def _message(values: dict[str, Any]) -> Message:
    if values["role"] not in get_args(Role):
        raise ValueError(f"nobody is called {values['role']!r}")
    parts = tuple(
        _clip(part["audio"]) if "audio" in part else str(part["text"]) for part in values["parts"]
    )
    return Message(values["role"], parts)


def _clip(values: dict[str, Any]) -> Clip:
    clip = Clip.from_dict(values, store=ClipStore())
    path = clip.source
    if isinstance(path, str) and not is_address(path) and not Path(path).exists():
        raise ClipMissing(f"the chat is about {path!r}, which is gone", hint="put the file back")
    return clip
