"""ChatQwenAudio: any engine as a chat model of LangChain. It hears every audio block in use."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import aclosing
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import LanguageModelInput
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable, RunnableConfig
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_json_schema, convert_to_openai_tool

from langchain_qwen_audio import batching
from langchain_qwen_audio.caching import caches, keyed
from langchain_qwen_audio.chat_calls import Call, gathered, options_of, with_clips, with_tools
from langchain_qwen_audio.hearing_model import HearingModel
from langchain_qwen_audio.messages import conversation_of
from langchain_qwen_audio.model_errors import model_errors
from langchain_qwen_audio.structured_output import reading, shape_of
from langchain_qwen_audio.tool_calls import tools_of
from qwen_audio_tools.addressing import writes_freely
from qwen_audio_tools.errors import EngineUnsupported
from qwen_audio_tools.stopping import in_thread
from qwen_audio_tools.tasks import Ability


class ChatQwenAudio(HearingModel):
    """A chat model that hears: Qwen2-Audio, its siblings, or the offline engine of small models.

    `ChatQwenAudio(engine="embedded").invoke([HumanMessage([block, "what is said?"])])`

    Messages open no path and no URL unless `roots`, `allow_urls` or a `policy` say so; their own
    bytes and ids of the `store` are always fine. An engine that holds no conversation answers the
    last question, and `response_metadata["warnings"]` says so.
    """

    def _call(self, messages: Sequence[BaseMessage], stop: Any, asked: Mapping[str, Any]) -> Call:
        """Return what an engine is asked by these messages."""
        tools = tools_of(asked.get("tools") or (), asked.get("tool_choice"))
        conversation = conversation_of(with_clips(messages, self._clips), self._origin)
        return Call(
            engine=self._engines.of(asked.get("model")),
            conversation=with_tools(conversation, tools),
            options=options_of(self._own_options, asked, stop or self.stop),
            tools=tools,
            shape=asked.get("shape"),
            timeout=asked.get("timeout", self.timeout),
        )

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        with model_errors():
            call, together = self._call(messages, stop, kwargs), gathered.get()
            if together is None or call.schema is not None:
                return call.result(call.answer())
            return call.result(call.answer_among(together))

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        with model_errors():
            call, together = self._call(messages, stop, kwargs), gathered.get()
            if call.schema is not None:
                return call.result(await in_thread(call.answer))
            if together is None:
                return call.result(await call.aanswer())
            return call.result(await call.aanswer_among(together))

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        with model_errors():
            call = self._call(messages, stop, kwargs)
            for chunk in call.stream():
                if run_manager:
                    run_manager.on_llm_new_token(str(chunk.text), chunk=chunk)
                yield chunk

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        with model_errors():
            call = self._call(messages, stop, kwargs)
            async with aclosing(call.astream()) as chunks:
                async for chunk in chunks:
                    if run_manager:
                        await run_manager.on_llm_new_token(str(chunk.text), chunk=chunk)
                    yield chunk

    # The same clip and question are the same key, whatever ids their blocks have

    def _generate_with_cache(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> Any:
        return super()._generate_with_cache(self._keyed(messages), *args, **kwargs)

    async def _agenerate_with_cache(
        self, messages: list[BaseMessage], *args: Any, **kwargs: Any
    ) -> Any:
        found = await asyncio.to_thread(self._keyed, messages)
        return await super()._agenerate_with_cache(found, *args, **kwargs)

    def _keyed(self, messages: list[BaseMessage]) -> list[BaseMessage]:
        if not caches(self.cache):
            return messages
        with model_errors():
            return keyed(with_clips(messages, self._clips), self._origin)

    # Many at once

    def batch(
        self,
        inputs: list[LanguageModelInput],
        config: RunnableConfig | list[RunnableConfig] | None = None,
        *,
        return_exceptions: bool = False,
        **kwargs: Any,
    ) -> list[Any]:
        """Answer all inputs, at once where the engine can; `max_concurrency` bounds how many."""
        if batching.alone(self._engines.of(kwargs.get("model")), inputs):
            return super().batch(inputs, config, return_exceptions=return_exceptions, **kwargs)

        def ask(given: LanguageModelInput, one: RunnableConfig) -> AIMessage:
            return self.invoke(given, one, **kwargs)

        return batching.batch(ask, inputs, config, return_exceptions)

    async def abatch(
        self,
        inputs: list[LanguageModelInput],
        config: RunnableConfig | list[RunnableConfig] | None = None,
        *,
        return_exceptions: bool = False,
        **kwargs: Any,
    ) -> list[Any]:
        """Answer all inputs as `batch` does."""
        if batching.alone(self._engines.of(kwargs.get("model")), inputs):
            return await super().abatch(
                inputs, config, return_exceptions=return_exceptions, **kwargs
            )

        async def ask(given: LanguageModelInput, one: RunnableConfig) -> AIMessage:
            return await self.ainvoke(given, one, **kwargs)

        return await batching.abatch(ask, inputs, config, return_exceptions)

    # Tools, values, tokens

    def bind_tools(
        self,
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool],
        *,
        tool_choice: str | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """Return a model that is told of the tools in its prompt.

        Raises:
            NotImplementedError: `tool_calling` is "off", or the engine doesn't converse.
        """
        if self.tool_calling == "off":
            raise NotImplementedError(
                "ChatQwenAudio calls no tools unless it is made with tool_calling='prompt'. "
                "Better: let a model that was trained on tools call QwenAudioToolkit's."
            )
        if Ability.CHAT not in self.opened.info.abilities:
            raise NotImplementedError(
                f"engine {self.opened.info.label!r} writes in its own words and calls no tools; "
                "let another model call QwenAudioToolkit's."
            )
        told = [convert_to_openai_tool(tool) for tool in tools]
        tools_of(told, tool_choice)  # a wrong choice fails here
        return self.bind(tools=told, tool_choice=tool_choice, **kwargs)

    def with_structured_output(
        self, schema: dict[str, Any] | type, *, include_raw: bool = False, **kwargs: Any
    ) -> Runnable[LanguageModelInput, Any]:
        """Return a model that answers with a value: held to the schema, or asked until it fits.

        `method` and `strict` are taken, and make no difference.

        Raises:
            EngineUnsupported: the engine writes in its own words.
            ValueError: other arguments.
        """
        if unknown := kwargs.keys() - {"method", "strict"}:
            raise ValueError(f"with_structured_output takes no {', '.join(sorted(unknown))}")
        if not writes_freely(self.opened.info):
            with model_errors():
                raise EngineUnsupported(
                    f"engine {self.opened.info.label!r} writes in its own words: no schema can "
                    "shape them",
                    hint="its evidence is in response_metadata already, as values",
                )
        asked = {"kwargs": {"method": "json_schema"}, "schema": convert_to_json_schema(schema)}
        shape = shape_of(schema)
        model = self.bind(shape=shape, ls_structured_output_format=asked)
        return reading(model, shape, include_raw=include_raw)
