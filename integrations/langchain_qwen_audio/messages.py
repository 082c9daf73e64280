"""Messages of LangChain as a Conversation: every audio block is read, and none is dropped."""

from collections.abc import Iterator, Sequence
from typing import Any

from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    ChatMessage,
    FunctionMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)

from langchain_qwen_audio.tool_calls import written_calls, written_result
from qwen_audio_tools.clip import Clip
from qwen_audio_tools.content_blocks import Origin, part_of
from qwen_audio_tools.conversation import Message, Part, Role, as_data
from qwen_audio_tools.errors import ClipUnsupported

Content = str | list[str | dict[str, Any]]

_UNSPOKEN = frozenset(
    {
        *("tool_call", "tool_use", "tool_call_chunk", "invalid_tool_call", "function_call"),
        *("reasoning", "thinking", "redacted_thinking", "refusal", "non_standard"),
    }
)
"""Blocks of an assistant's turn that are no words of it: calls are told by `tool_calls`."""
_ROLES: dict[str, Role] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "human": "user",
    "assistant": "assistant",
    "ai": "assistant",
}


class ClipKey(str):
    """The digest of a clip, as a string that also holds the clip."""

    clip: Clip

    def __new__(cls, clip: Clip) -> "ClipKey":
        """Make the key of a clip; its bytes are read for that."""
        key = super().__new__(cls, f"sha256:{clip.fingerprint}")
        key.clip = clip
        return key


def conversation_of(messages: Sequence[BaseMessage], origin: Origin) -> list[Message]:
    """Return the turns of a conversation; messages of one role in a row are one turn.

    Raises:
        ClipError: a block that isn't taken, or audio that may not be opened.
    """
    turns: list[Message] = []
    for message in messages:
        role, parts = _role(message), tuple(_parts(message, origin))
        if turns and turns[-1].role == role:
            turns[-1] = Message(role, (*turns[-1].parts, *parts))
        else:
            turns.append(Message(role, parts))
    return turns


def part(block: str | dict[str, Any], origin: Origin) -> Part:
    """Return the text or clip of a block, also of one that holds a clip of ours.

    Raises:
        ClipError: as `part_of`.
    """
    if isinstance(block, dict):
        held = block.get("clip")
        if isinstance(held, Clip):
            return held
        if isinstance(key := block.get("file_id"), ClipKey):
            return key.clip
        # LangChain calls every file of OpenAI's form a PDF, whatever its data URI says.
        if block.get("mime_type") == "application/pdf" and not _is_pdf(block.get("base64")):
            block = {name: value for name, value in block.items() if name != "mime_type"}
    return part_of(block, origin)


def _is_pdf(encoded: Any) -> bool:
    return not isinstance(encoded, str) or encoded.startswith("JVBERi")  # "%PDF-" in base64


def _role(message: BaseMessage) -> Role:
    if isinstance(message, SystemMessage):
        return "system"
    if isinstance(message, AIMessage):
        return "assistant"
    if isinstance(message, HumanMessage | ToolMessage | FunctionMessage):
        return "user"
    if isinstance(message, ChatMessage) and message.role.lower() in _ROLES:
        return _ROLES[message.role.lower()]
    role = getattr(message, "role", message.type)
    raise ClipUnsupported(
        f"a message of the role {role!r} is not taken", hint="system, human, ai and tool are"
    )


def _parts(message: BaseMessage, origin: Origin) -> Iterator[Part]:
    if isinstance(message, AIMessage):
        yield from _said(message)
    elif isinstance(message, ToolMessage):
        yield written_result(message)
        for found in _each(message.content, origin):
            yield as_data(found) if isinstance(found, str) else found
    else:
        yield from _each(message.content, origin)


def _each(content: Content, origin: Origin) -> Iterator[Part]:
    for block in [content] if isinstance(content, str) else content:
        found = part(block, origin)
        if found != "":
            yield found


def _said(message: AIMessage) -> Iterator[str]:
    content = message.content
    for block in [content] if isinstance(content, str) else content:
        if isinstance(block, dict) and block.get("type") in _UNSPOKEN:
            continue
        words = part_of(block, Origin()) if _is_text(block) else None
        if not isinstance(words, str):
            kind = block["type"] if isinstance(block, dict) else type(block).__name__
            raise ClipUnsupported(
                f"a block of type {kind!r} is not taken in a message of the assistant",
                hint="give audio in a human message",
            )
        if words:
            yield words
    if message.tool_calls:
        yield written_calls(message.tool_calls)


def _is_text(block: Any) -> bool:
    return isinstance(block, str) or "text" in str(block.get("type", "text"))
