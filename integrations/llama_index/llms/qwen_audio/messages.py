"""Chat messages of LlamaIndex, read into a conversation; audio in any role reaches the model."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from llama_index.core.base.llms.types import (
    AudioBlock,
    BaseContentBlock,
    BaseRecursiveContentBlock,
    CachePoint,
    ChatMessage,
    DocumentBlock,
    MessageRole,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
    VideoBlock,
)
from llama_index.llms.qwen_audio.blocks import clip_of, has_pictures, lightened

from qwen_audio_tools.clip import Clip
from qwen_audio_tools.content_blocks import Origin
from qwen_audio_tools.conversation import Conversation, Message, Part, Role, user
from qwen_audio_tools.errors import ClipUnsupported

_ROLES: dict[MessageRole, Role] = {
    MessageRole.SYSTEM: "system",
    MessageRole.DEVELOPER: "system",
    MessageRole.ASSISTANT: "assistant",
    MessageRole.CHATBOT: "assistant",
    MessageRole.MODEL: "assistant",
}
_QUERY = re.compile(
    r"^Query: (?P<query>(?:(?!^Query: ).)+?)\s*(?:\nOriginal Answer: .*?)?\n(?:New )?Answer:\s*\Z",
    re.MULTILINE | re.DOTALL,
)
"""How the question stands at the end of LlamaIndex's own templates for answers from sources."""
_ONLY_SOUND = "of a video only its sound is heard"


@dataclass(frozen=True, slots=True)
class Heard:
    """A conversation as an engine takes it, and what it can't hear of the messages."""

    turns: Conversation
    warnings: tuple[str, ...] = ()


def conversation_of(messages: Sequence[ChatMessage], origin: Origin) -> Heard:
    """Return the turns of the messages.

    Models hear clips in turns of the user only: those of other roles go into the next one, and are
    called what they are.

    Raises:
        ClipUnsupported: a block that is neither text nor sound.
        ClipError: a block names audio that isn't there, or that the policy forbids.
    """
    turns: list[Message] = []
    waiting: list[Part] = []
    warnings: dict[str, None] = {}
    for message in messages:
        role = _ROLES.get(message.role, "user")
        parts = [part for block in message.blocks if (part := _part(block, origin)) is not None]
        if any(map(has_pictures, message.blocks)):
            warnings[_ONLY_SOUND] = None
        if role == "user":
            parts, waiting = [*waiting, *parts], []
        else:
            sounds: list[Part] = [part for part in parts if isinstance(part, Clip)]
            waiting += [f"(audio of the {role}:)", *sounds] if sounds else []
            parts = [part for part in parts if isinstance(part, str)]
        if parts:
            turns.append(Message(role, tuple(parts)))
    if waiting:
        turns.append(user(*waiting))
    return Heard(turns, tuple(warnings))


def as_single_question(turns: Conversation) -> Conversation:
    """Return the turns with the last one cut down to its clips and its question.

    For engines that don't converse: what stands before the last clip is context for a model that
    reads, and "Query: … Answer:" is how LlamaIndex's templates end.
    """
    if not turns or turns[-1].role != "user":
        return turns
    last = turns[-1]
    texts = [part.strip() for part in last.parts if isinstance(part, str) and part.strip()]
    if not texts:
        return turns
    asked = _QUERY.search(texts[-1])
    question = asked["query"] if asked else texts[-1]
    return [*turns[:-1], user(*last.clips, question)]


def without_audio(messages: Sequence[ChatMessage], origin: Origin) -> list[ChatMessage]:
    """Return the messages with their audio as names and paths: what may be traced and logged.

    Raises:
        ClipError: bytes or a data URI that are no audio's.
    """
    return [_without_audio(message, origin) for message in messages]


def _without_audio(message: ChatMessage, origin: Origin) -> ChatMessage:
    blocks = [
        lightened(block, origin)
        if isinstance(block, AudioBlock | VideoBlock)
        or (isinstance(block, DocumentBlock) and _is_sound(block))
        else block
        for block in message.blocks
    ]
    if all(new is old for new, old in zip(blocks, message.blocks, strict=True)):
        return message
    return message.model_copy(update={"blocks": blocks})


def _part(block: BaseContentBlock, origin: Origin) -> Part | None:
    if isinstance(block, TextBlock):
        return block.text or None
    if isinstance(block, AudioBlock | VideoBlock):
        return clip_of(block, origin)
    if isinstance(block, DocumentBlock) and _is_sound(block):
        return clip_of(block, origin)
    if isinstance(block, CachePoint | ThinkingBlock):  # nothing that was said to anybody
        return None
    if isinstance(block, ToolCallBlock):
        values = block.tool_kwargs
        told = values if isinstance(values, str) else json.dumps(values, ensure_ascii=False)
        return f"(called {block.tool_name} with {told})"
    if isinstance(block, BaseRecursiveContentBlock):  # citable texts
        inner = [_part(each, origin) for each in block.nested_blocks]
        return "\n".join(part for part in inner if isinstance(part, str)) or None
    raise ClipUnsupported(
        f"a {type(block).__name__} is neither text nor sound",
        hint="give its content as text, or take a model that sees",
    )


def _is_sound(block: DocumentBlock) -> bool:
    return (block.document_mimetype or "").startswith(("audio/", "video/", "application/ogg"))
