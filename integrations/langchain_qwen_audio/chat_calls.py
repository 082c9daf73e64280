"""One call of the chat model: which engine is asked what, and how its answer is told."""

import asyncio
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import aclosing, closing
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Any

from langchain_core.messages import BaseMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult

from langchain_qwen_audio.engine_choice import check_names
from langchain_qwen_audio.messages import ClipKey
from langchain_qwen_audio.replies import Chunks, chunk_of, result_of
from langchain_qwen_audio.structured_output import Shape
from langchain_qwen_audio.tool_calls import Tools
from qwen_audio_tools.answer import Answer
from qwen_audio_tools.clip import Clip
from qwen_audio_tools.conversation import Message, system
from qwen_audio_tools.conversing import areply, reply
from qwen_audio_tools.deadlines import awithin, deadline, late, within
from qwen_audio_tools.engines.base import Delta, Engine, Options, join
from qwen_audio_tools.errors import SettingsError
from qwen_audio_tools.gathering import Gathering
from qwen_audio_tools.stopping import Stop, in_thread
from qwen_audio_tools.structured import attempt

OPTIONS = ("task", "language", "lang", "max_tokens", "temperature", "top_p", "seed")
"""What a model is made with, and a call may change: fields of Options."""
_ELSEWHERE = {
    *("model", "stop", "tools", "tool_choice", "shape", "stream", "streaming"),
    *("parallel_tool_calls", "strict", "timeout"),
}
gathered: ContextVar[Gathering | None] = ContextVar("gathered", default=None)
"""Where the calls of a batch come together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What an engine is asked. With a `schema` its reply is JSON, whole or not at all."""

    engine: Engine
    conversation: Sequence[Message]
    options: Options
    tools: Tools | None = None
    shape: Shape | None = None
    timeout: float | None = None

    @property
    def schema(self) -> Mapping[str, Any] | None:
        """The JSON schema that the reply must fit."""
        if self.shape is not None:
            return self.shape.schema
        return self.tools.schema if self.tools and self.tools.forced else None

    def answer(self, given: Stop | None = None) -> Answer:
        """Return the whole answer; `given` may stop the work.

        Raises:
            QwenAudioError: as `converse`.
        """
        if self.schema is None:
            with closing(within(self._deltas, self.timeout)) as deltas:
                return join(deltas, self.engine.info)
        with deadline(self.timeout) as ending:
            return self._fitting(
                ending.options(given.options(self.options) if given else self.options)
            )

    def _fitting(self, options: Options) -> Answer:
        read = self.shape.read if self.shape else _calls
        assert self.schema is not None
        found = attempt(self.conversation, self.schema, read, engine=self.engine, options=options)
        if not found.problem:
            return found.answer
        what = "the reply does not fit the schema" if self.shape else "no tool was called"
        warning = f"{what}, also when it was asked for again: {found.problem}"
        return replace(found.answer, warnings=(*found.answer.warnings, warning))

    def result(self, answer: Answer) -> ChatResult:
        """Return the answer as LangChain tells it."""
        return result_of(answer, self.engine.info, self.tools)

    async def aanswer(self) -> Answer:
        """Return the whole answer; a cancelled task stops the work.

        Raises:
            QwenAudioError: as `converse`.
        """
        async with aclosing(self._adeltas()) as deltas:
            return join([delta async for delta in deltas], self.engine.info)

    def answer_among(self, others: Gathering) -> Answer:
        """Return the answer that comes with those of a batch."""
        asked = others.ask(self.conversation, self.engine, self.options)
        try:
            return asked.result(self.timeout)
        except TimeoutError as error:
            raise late(self.timeout or 0.0) from error

    async def aanswer_among(self, others: Gathering) -> Answer:
        """Return the answer that comes with those of a batch."""
        asked = asyncio.wrap_future(others.ask(self.conversation, self.engine, self.options))
        try:
            return await asyncio.wait_for(asked, self.timeout)
        except TimeoutError as error:
            raise late(self.timeout or 0.0) from error

    def stream(self) -> Iterator[ChatGenerationChunk]:
        """Yield the reply as it comes; closing the iterator stops the work.

        Raises:
            QwenAudioError: as `converse`.
        """
        if self.schema is not None:
            yield chunk_of(self.result(self.answer()))
            return
        chunks = Chunks(self.engine.info, self.tools)
        with closing(within(self._deltas, self.timeout)) as deltas:
            for delta in deltas:
                if (chunk := chunks.add(delta)) is not None:
                    yield chunk
        yield chunks.last()

    async def astream(self) -> AsyncGenerator[ChatGenerationChunk, None]:
        """Yield the reply as `stream` does, natively where the engine can."""
        if self.schema is not None:
            yield chunk_of(self.result(await in_thread(self.answer)))
            return
        chunks = Chunks(self.engine.info, self.tools)
        async with aclosing(self._adeltas()) as deltas:
            async for delta in deltas:
                if (chunk := chunks.add(delta)) is not None:
                    yield chunk
        yield chunks.last()

    def _deltas(self, stop: Stop) -> Iterator[Delta]:
        options = stop.options(self.options)
        return reply(self.conversation, engine=self.engine, options=options)

    def _adeltas(self) -> AsyncGenerator[Delta, None]:
        deltas = areply(self.conversation, engine=self.engine, options=self.options)
        return awithin(deltas, self.timeout)


def options_of(own: Mapping[str, Any], asked: Mapping[str, Any], stop: Any) -> Options:
    """Return the options of a call: what it says, else what the model was made with.

    Raises:
        SettingsError: it says what has no effect.
    """
    check_names(asked, {*OPTIONS, *_ELSEWHERE}, "a call of ChatQwenAudio")
    values = {name: asked.get(name, own[name]) for name in OPTIONS}
    if values["max_tokens"] is None:
        values["max_tokens"] = Options().max_tokens
    texts = [stop] if isinstance(stop, str) else stop or ()
    return Options(stop=tuple(texts), **values)


def with_tools(conversation: Sequence[Message], tools: Tools | None) -> list[Message]:
    """Return the conversation with a system turn that tells of the tools."""
    turns = list(conversation)
    if tools is None:
        return turns
    if turns and turns[0].role == "system":
        return [Message("system", (*turns[0].parts, tools.told)), *turns[1:]]
    return [system(tools.told), *turns]


def with_clips(messages: Sequence[BaseMessage], clips: Sequence[Clip]) -> list[BaseMessage]:
    """Return the messages with the clips at the beginning of the first human one.

    Raises:
        SettingsError: there is no human message.
    """
    if not clips or any(map(_holds, messages)):
        return list(messages)
    for index, message in enumerate(messages):
        if message.type == "human":
            content = message.content
            said = [content] if isinstance(content, str) else content
            blocks = [{"type": "audio", "clip": clip, "bound": True} for clip in clips]
            heard = message.model_copy(update={"content": [*blocks, *said]})
            return [*messages[:index], heard, *messages[index + 1 :]]
    raise SettingsError("there is no human message to put the recording into")


def _holds(message: BaseMessage) -> bool:
    """Whether the clips are in this message already: it may pass here twice."""
    return isinstance(message.content, list) and any(
        isinstance(block, dict)
        and (block.get("bound") or isinstance(block.get("file_id"), ClipKey))
        for block in message.content
    )


def _calls(value: Any) -> Any:
    if not isinstance(value, dict) or not value.get("tool_calls"):
        raise ValueError("'tool_calls' is missing")
    return value
