"""Answers of ours as messages of LangChain: text as it comes, all that is known at the end."""

from typing import Any

from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.messages.ai import InputTokenDetails, UsageMetadata
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult

from langchain_qwen_audio.tool_calls import ReadCalls, Tools, opening
from qwen_audio_tools.answer import Answer, Usage
from qwen_audio_tools.engines.base import Delta, EngineInfo, join

PROVIDER = "qwen_audio"


def result_of(answer: Answer, info: EngineInfo, tools: Tools | None = None) -> ChatResult:
    """Return an answer as the result of a model."""
    read = tools.read(answer.text) if tools else ReadCalls(answer.text)
    message = AIMessage(
        content=read.text,
        tool_calls=list(read.calls),
        invalid_tool_calls=list(read.invalid),
        usage_metadata=usage_of(answer.usage),
        response_metadata=metadata_of(answer, info, read),
    )
    return ChatResult(generations=[ChatGeneration(message=message)])


def usage_of(usage: Usage) -> UsageMetadata:
    """Return what an answer cost; tokens of audio are input tokens too."""
    incoming = max(usage.input_tokens, usage.audio_tokens)
    return UsageMetadata(
        input_tokens=incoming,
        output_tokens=usage.output_tokens,
        total_tokens=incoming + usage.output_tokens,
        input_token_details=InputTokenDetails(audio=usage.audio_tokens),
    )


def metadata_of(answer: Answer, info: EngineInfo, read: ReadCalls) -> dict[str, Any]:
    """Return what is known of an answer beside its text, as JSON."""
    told = answer.to_dict()
    called = bool(read.calls or read.invalid)
    return {
        "model_name": info.model,
        "model_provider": PROVIDER,
        "engine": info.label,
        "finish_reason": "tool_calls" if called else answer.finish or None,
        "task": answer.task,
        "coverage": told["coverage"],
        "evidence": told["evidence"],
        "warnings": told["warnings"],
    }


class Chunks:
    """A reply on its way: words at once, JSON that may be a call of a tool only when it is whole.

    Usage and metadata stand in the last chunk alone: they would be added up otherwise.
    """

    def __init__(self, info: EngineInfo, tools: Tools | None = None) -> None:
        self._info, self._tools = info, tools
        self._deltas: list[Delta] = []
        self._text = ""
        self._told = 0

    def add(self, delta: Delta) -> ChatGenerationChunk | None:
        """Return what can be told of a reply now that `delta` has come, None if nothing can."""
        self._deltas.append(delta)
        self._text += delta.text
        end = len(self._text)
        if self._tools is not None:
            at = opening(self._text)
            end = at if at >= 0 else len(self._text.rstrip("`[ \n"))
        words, self._told = self._text[self._told : end], max(self._told, end)
        return _chunk(AIMessageChunk(content=words)) if words else None

    def last(self) -> ChatGenerationChunk:
        """Return the last chunk, with all that is known of the reply."""
        answer = join(self._deltas, self._info)
        read = self._tools.read(answer.text) if self._tools else ReadCalls(answer.text)
        called = bool(read.calls or read.invalid)
        return _chunk(
            AIMessageChunk(
                content="" if called else answer.text[self._told :],
                tool_call_chunks=read.chunks,
                usage_metadata=usage_of(answer.usage),
                response_metadata=metadata_of(answer, self._info, read),
                chunk_position="last",
            )
        )


def chunk_of(result: ChatResult) -> ChatGenerationChunk:
    """Return a whole result as one chunk."""
    message = result.generations[0].message
    assert isinstance(message, AIMessage)
    read = ReadCalls(message.text, tuple(message.tool_calls), tuple(message.invalid_tool_calls))
    return _chunk(
        AIMessageChunk(
            content=message.content,
            tool_call_chunks=read.chunks,
            usage_metadata=message.usage_metadata,
            response_metadata=message.response_metadata,
            chunk_position="last",
        )
    )


def _chunk(message: AIMessageChunk) -> ChatGenerationChunk:
    return ChatGenerationChunk(message=message)
