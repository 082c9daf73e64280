"""Answers as responses of LlamaIndex: usage where its token counter looks, the rest in `raw`."""

from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, closing
from dataclasses import replace
from typing import Any, cast

from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    ChatResponseAsyncGen,
    ChatResponseGen,
    MessageRole,
    TextBlock,
)

from qwen_audio_tools.answer import Answer, Usage
from qwen_audio_tools.engines.base import Delta, EngineInfo, join


def usage_of(usage: Usage) -> dict[str, Any]:
    """Return what an answer cost, under the keys that LlamaIndex's handlers read."""
    return {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.input_tokens + usage.output_tokens,
        "audio_tokens": usage.audio_tokens,
        "seconds_heard": round(usage.seconds_heard, 3),
    }


def response_of(answer: Answer, *, delta: str | None = None) -> ChatResponse:
    """Return the answer as a response; `raw` has its evidence, coverage, warnings and usage."""
    usage = usage_of(answer.usage)
    return ChatResponse(
        message=_said(answer.text),
        delta=delta,
        raw={**answer.to_dict(), "usage": usage},
        additional_kwargs=usage,
    )


def responses_of(
    deltas: Iterator[Delta], info: EngineInfo, warnings: tuple[str, ...]
) -> ChatResponseGen:
    """Yield the reply as it grows; the last response has no text of its own, and all of `raw`."""
    gathered: list[Delta] = [Delta(warnings=warnings)]
    text = ""
    with closing(cast(ChatResponseGen, deltas)):
        for delta in deltas:
            gathered.append(delta)
            if delta.text:
                text += delta.text
                yield ChatResponse(message=_said(text), delta=delta.text)
    yield response_of(join(gathered, info), delta="")


async def aresponses_of(
    deltas: AsyncIterator[Delta], info: EngineInfo, warnings: tuple[str, ...]
) -> ChatResponseAsyncGen:
    """Yield the reply as `responses_of` does."""
    gathered: list[Delta] = [Delta(warnings=warnings)]
    text = ""
    async with aclosing(cast(ChatResponseAsyncGen, deltas)):
        async for delta in deltas:
            gathered.append(delta)
            if delta.text:
                text += delta.text
                yield ChatResponse(message=_said(text), delta=delta.text)
    yield response_of(join(gathered, info), delta="")


def warned(answer: Answer, warnings: tuple[str, ...]) -> Answer:
    """Return the answer with more to know about it."""
    return replace(answer, warnings=(*warnings, *answer.warnings)) if warnings else answer


def _said(text: str) -> ChatMessage:
    return ChatMessage(role=MessageRole.ASSISTANT, blocks=[TextBlock(text=text)])
