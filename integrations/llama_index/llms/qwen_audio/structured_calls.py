"""Answers as values of a pydantic class, by any method that LlamaIndex has for them.

The engine is held to the class's JSON schema where it can be; else it is asked, and asked again.
LlamaIndex's own way writes the schema with doubled braces, and takes the first reply or fails.
"""

from collections.abc import AsyncGenerator, Callable, Generator
from typing import Any, cast

from llama_index.core.base.llms.types import ChatMessage, ChatResponse
from llama_index.core.bridge.pydantic import BaseModel
from llama_index.core.instrumentation.events.llm import (
    LLMStructuredPredictEndEvent,
    LLMStructuredPredictInProgressEvent,
    LLMStructuredPredictStartEvent,
)
from llama_index.core.llms import LLM
from llama_index.core.program.utils import FlexibleModel, process_streaming_objects
from llama_index.core.prompts import BasePromptTemplate, ChatPromptTemplate
from llama_index.llms.qwen_audio.messages import conversation_of, without_audio
from llama_index.llms.qwen_audio.responses import response_of, warned
from llama_index.llms.qwen_audio.tracing import traced
from llama_index_instrumentation import get_dispatcher

from qwen_audio_tools.answer import Answer
from qwen_audio_tools.errors import EngineUnsupported
from qwen_audio_tools.stopping import Stop, in_thread
from qwen_audio_tools.structured import json_in, structured

_dispatcher = get_dispatcher(__name__)
_Values = dict[str, Any] | None


class StructuredCalls(LLM):
    """The methods of an LLM that give values; who mixes it in has engine, origin and options."""

    def structured_predict(
        self,
        output_cls: type[Any],
        prompt: BasePromptTemplate,
        llm_kwargs: _Values = None,
        **prompt_args: Any,
    ) -> Any:
        """Return an `output_cls` that the answer to the prompt fits.

        Raises:
            EngineUnsupported: the engine writes in its own words only.
            EngineRefused: its answers never fitted.
            QwenAudioError: as `chat`.
        """
        messages = self._prompted(output_cls, prompt, prompt_args)
        found: list[Any] = []

        def chat(self: Any, messages: list[ChatMessage], **kwargs: Any) -> ChatResponse:
            value, answer = _asked(self, messages, output_cls, kwargs)(Stop())
            found.append(value)
            return response_of(answer)

        traced(chat)(self, messages, **(llm_kwargs or {}))
        return _told(found[0])

    async def astructured_predict(
        self,
        output_cls: type[Any],
        prompt: BasePromptTemplate,
        llm_kwargs: _Values = None,
        **prompt_args: Any,
    ) -> Any:
        """Return an `output_cls`, as `structured_predict`; cancelling stops the engine."""
        messages = self._prompted(output_cls, prompt, prompt_args)
        found: list[Any] = []

        async def achat(self: Any, messages: list[ChatMessage], **kwargs: Any) -> ChatResponse:
            value, answer = await in_thread(_asked(self, messages, output_cls, kwargs))
            found.append(value)
            return response_of(answer)

        await traced(achat)(self, messages, **(llm_kwargs or {}))
        return _told(found[0])

    def stream_structured_predict(
        self,
        output_cls: type[Any],
        prompt: BasePromptTemplate,
        llm_kwargs: _Values = None,
        **prompt_args: Any,
    ) -> Generator[Any, None, None]:
        """Yield what there is of the value so far, then the whole; at once where nothing streams.

        Raises:
            QwenAudioError: as `structured_predict`.
            ValueError: the reply ended before the value was whole.
        """
        kwargs = {"schema": output_cls.model_json_schema(), **(llm_kwargs or {})}
        messages = self._prompted(output_cls, prompt, prompt_args)
        partial, text = _Partial(output_cls, self), ""
        try:
            for response in self.stream_chat(messages, **kwargs):
                text = response.message.content or ""
                if (value := partial.next(response)) is not None:
                    yield value
        except EngineUnsupported:  # it can't be held to a schema
            yield self.structured_predict(output_cls, prompt, llm_kwargs, **prompt_args)
            return
        yield _told(output_cls.model_validate(json_in(text)))

    async def astream_structured_predict(
        self,
        output_cls: type[Any],
        prompt: BasePromptTemplate,
        llm_kwargs: _Values = None,
        **prompt_args: Any,
    ) -> AsyncGenerator[Any, None]:
        """Return a generator as `stream_structured_predict` is one."""
        kwargs = {"schema": output_cls.model_json_schema(), **(llm_kwargs or {})}
        messages = self._prompted(output_cls, prompt, prompt_args)

        async def values() -> AsyncGenerator[Any, None]:
            partial, text = _Partial(output_cls, self), ""
            try:
                async for response in await self.astream_chat(messages, **kwargs):
                    text = response.message.content or ""
                    if (value := partial.next(response)) is not None:
                        yield value
            except EngineUnsupported:
                yield await self.astructured_predict(output_cls, prompt, llm_kwargs, **prompt_args)
                return
            yield _told(output_cls.model_validate(json_in(text)))

        return values()

    def _prompted(
        self, output_cls: type[BaseModel], prompt: BasePromptTemplate, prompt_args: dict[str, Any]
    ) -> list[ChatMessage]:
        """Return the messages of a prompt, and tell those who trace that an answer is made."""
        messages = self._extend_messages(prompt.format_messages(llm=self, **prompt_args))
        light = without_audio(messages, cast(Any, self).origin)
        _dispatcher.event(
            LLMStructuredPredictStartEvent(
                output_cls=output_cls, template=ChatPromptTemplate(light), template_args={}
            )
        )
        return light


def _asked(
    llm: Any, messages: list[ChatMessage], output_cls: type[Any], kwargs: dict[str, Any]
) -> Callable[[Stop], tuple[Any, Answer]]:
    heard, engine = conversation_of(messages, llm.origin), llm.opened_engine()
    options = llm.options(kwargs)

    def ask(stop: Stop) -> tuple[Any, Answer]:
        value, answer = structured(
            heard.turns,
            output_cls.model_json_schema(),
            output_cls.model_validate,
            engine=engine,
            options=stop.options(options),
        )
        return value, warned(answer, heard.warnings)

    return ask


def _told(value: Any) -> Any:
    _dispatcher.event(LLMStructuredPredictEndEvent(output=value))
    return value


class _Partial:
    """What of a value can be read from a reply that still grows."""

    def __init__(self, output_cls: type[Any], llm: LLM) -> None:
        self._output_cls, self._llm = output_cls, llm
        self._known: list[Any] = []

    def next(self, response: ChatResponse) -> Any:
        """Return the value so far, None where it is the one that was told last."""
        found = process_streaming_objects(
            response, self._output_cls, cur_objects=self._known or None, llm=self._llm
        )
        fresh = found if isinstance(found, list) else [found]
        if self._known and fresh[0].model_dump() == self._known[0].model_dump():
            return None
        self._known = fresh
        _dispatcher.event(LLMStructuredPredictInProgressEvent(output=fresh[0]))
        return cast(FlexibleModel, fresh[0])
