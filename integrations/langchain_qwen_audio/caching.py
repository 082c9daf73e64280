"""Conversations as keys of LangChain's caches: audio by its content, replies by their words."""

from collections.abc import Sequence
from typing import Any

from langchain_core.caches import BaseCache
from langchain_core.globals import get_llm_cache
from langchain_core.messages import AIMessage, BaseMessage

from langchain_qwen_audio.messages import ClipKey, part
from qwen_audio_tools.clip import Clip
from qwen_audio_tools.content_blocks import Origin


def caches(cache: BaseCache | bool | None) -> bool:
    """Whether a model with this `cache` looks its answers up."""
    return cache is not False and (isinstance(cache, BaseCache) or get_llm_cache() is not None)


def keyed(messages: Sequence[BaseMessage], origin: Origin) -> list[BaseMessage]:
    """Return messages that are the same whenever they say and hold the same.

    Blocks of audio become the digest of what they hold, which still leads to the clip; what is
    known of earlier replies beside their words is left out.

    Raises:
        ClipError: audio can't be opened.
    """
    return [_keyed(message, origin) for message in messages]


def _keyed(message: BaseMessage, origin: Origin) -> BaseMessage:
    if isinstance(message, AIMessage):
        plain: dict[str, Any] = {
            "response_metadata": {},
            "usage_metadata": None,
            "additional_kwargs": {},
        }
        return message.model_copy(update=plain)
    if isinstance(message.content, str):
        return message
    blocks = [_block(block, origin) for block in message.content]
    return message.model_copy(update={"content": blocks})


def _block(block: str | dict[str, Any], origin: Origin) -> dict[str, Any]:
    found = part(block, origin)
    if isinstance(found, Clip):
        return {"type": "audio", "file_id": ClipKey(found)}
    return {"type": "text", "text": found}
