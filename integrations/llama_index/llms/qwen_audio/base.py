"""QwenAudioLLM: any engine that hears, as an LLM of LlamaIndex."""

from collections.abc import Sequence
from dataclasses import fields as dataclass_fields
from typing import Any

from llama_index.core.base.llms.generic_utils import (
    achat_to_completion_decorator,
    astream_chat_to_completion_decorator,
    chat_to_completion_decorator,
    stream_chat_to_completion_decorator,
)
from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    ChatResponseAsyncGen,
    ChatResponseGen,
    CompletionResponse,
    CompletionResponseAsyncGen,
    CompletionResponseGen,
    LLMMetadata,
)
from llama_index.core.bridge.pydantic import Field
from llama_index.core.llms import LLM
from llama_index.core.llms.callbacks import llm_completion_callback
from llama_index.llms.qwen_audio.engine_fields import EngineFields
from llama_index.llms.qwen_audio.messages import (
    Heard,
    as_single_question,
    conversation_of,
)
from llama_index.llms.qwen_audio.responses import (
    aresponses_of,
    response_of,
    responses_of,
    warned,
)
from llama_index.llms.qwen_audio.structured_calls import StructuredCalls
from llama_index.llms.qwen_audio.tool_calls import ToolCalls
from llama_index.llms.qwen_audio.tracing import traced

from qwen_audio_tools.content_blocks import Origin
from qwen_audio_tools.conversing import areply, reply
from qwen_audio_tools.engines.base import Options, join
from qwen_audio_tools.errors import SettingsError
from qwen_audio_tools.tasks import Ability

_CONTEXT, _UNBOUNDED = 8192, 1_000_000
_OPTIONS = tuple(each.name for each in dataclass_fields(Options) if each.name != "progress")


class QwenAudioLLM(ToolCalls, StructuredCalls, EngineFields, LLM):
    """An LLM that hears: AudioBlocks in any message reach the engine, whatever their format.

    An engine that doesn't converse (the embedded one) answers the last question about the clips of
    the conversation. Fields from `max_tokens` to `lang` are those of `qwen_audio_tools.Options`,
    and a call may give others: `llm.chat(messages, temperature=0)`.

    Examples:
        `QwenAudioLLM(engine="embedded").chat([ChatMessage(blocks=[AudioBlock(path="a.mp3"),
        TextBlock(text="what is said?")])])`
    """

    max_tokens: int = Field(default=512, gt=0, description="Tokens of an answer, at most.")
    temperature: float | None = Field(default=None, ge=0, description="0 is greedy.")
    top_p: float | None = Field(default=None, gt=0, le=1)
    stop: tuple[str, ...] = Field(default=(), description="Texts that end an answer.")
    seed: int | None = None
    task: str | None = Field(default=None, description="A task of `qwa tasks`: skips routing.")
    language: str | None = Field(default=None, description="Of the speech: ISO 639-1.")
    lang: str | None = Field(default=None, description="Of the answer: en or zh.")
    context_window: int | None = Field(
        default=None,
        gt=0,
        description="Tokens of a conversation that LlamaIndex fills at most: those of Qwen2-Audio, "
        "and no bound where the engine has no tokens.",
    )

    @classmethod
    def class_name(cls) -> str:
        """Return the key by which LlamaIndex writes and reads it."""
        return "QwenAudioLLM"

    @property
    def metadata(self) -> LLMMetadata:
        """What LlamaIndex wants to know of a model."""
        info = self.opened_engine().info
        usual = _CONTEXT if info.audio_tokens_per_second else _UNBOUNDED
        return LLMMetadata(
            context_window=self.context_window or usual,
            num_output=self.max_tokens,
            is_chat_model=True,
            is_function_calling_model=False,
            model_name=info.label,
        )

    @property
    def origin(self) -> Origin:
        """Where audio may come from."""
        return Origin(policy=self.policy)

    @traced
    def chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        """Answer the last message.

        Raises:
            QwenAudioError: audio can't be heard, or the engine could not answer.
        """
        return self._chat(messages, **kwargs)

    @traced
    def stream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseGen:
        """Answer piece by piece; closing the generator stops the engine."""
        return self._stream_chat(messages, **kwargs)

    @traced
    async def achat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        """Answer the last message; cancelling stops the engine."""
        return await self._achat(messages, **kwargs)

    @traced
    async def astream_chat(
        self, messages: Sequence[ChatMessage], **kwargs: Any
    ) -> ChatResponseAsyncGen:
        """Answer piece by piece; leaving the loop stops the engine."""
        return await self._astream_chat(messages, **kwargs)

    @llm_completion_callback()
    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        """Answer a text, for engines that converse: a prompt holds no audio."""
        return chat_to_completion_decorator(self._chat)(prompt, **kwargs)

    @llm_completion_callback()
    def stream_complete(
        self, prompt: str, formatted: bool = False, **kwargs: Any
    ) -> CompletionResponseGen:
        """Answer a text piece by piece."""
        return stream_chat_to_completion_decorator(self._stream_chat)(prompt, **kwargs)

    @llm_completion_callback()
    async def acomplete(
        self, prompt: str, formatted: bool = False, **kwargs: Any
    ) -> CompletionResponse:
        """Answer a text."""
        return await achat_to_completion_decorator(self._achat)(prompt, **kwargs)

    @llm_completion_callback()
    async def astream_complete(
        self, prompt: str, formatted: bool = False, **kwargs: Any
    ) -> CompletionResponseAsyncGen:
        """Answer a text piece by piece."""
        return await astream_chat_to_completion_decorator(self._astream_chat)(prompt, **kwargs)

    # The same without events: a completion is one event, not a completion and a chat in it.

    def _chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        heard, engine = self._heard(messages), self.opened_engine()
        deltas = reply(heard.turns, engine=engine, options=self.options(kwargs))
        return response_of(warned(join(deltas, engine.info), heard.warnings))

    def _stream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseGen:
        heard, engine = self._heard(messages), self.opened_engine()
        deltas = reply(heard.turns, engine=engine, options=self.options(kwargs))
        return responses_of(deltas, engine.info, heard.warnings)

    async def _achat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        heard, engine = self._heard(messages), self.opened_engine()
        stream = areply(heard.turns, engine=engine, options=self.options(kwargs))
        answer = join([delta async for delta in stream], engine.info)
        return response_of(warned(answer, heard.warnings))

    async def _astream_chat(
        self, messages: Sequence[ChatMessage], **kwargs: Any
    ) -> ChatResponseAsyncGen:
        heard, engine = self._heard(messages), self.opened_engine()
        deltas = areply(heard.turns, engine=engine, options=self.options(kwargs))
        return aresponses_of(deltas, engine.info, heard.warnings)

    def _heard(self, messages: Sequence[ChatMessage]) -> Heard:
        heard = conversation_of(messages, self.origin)
        if Ability.CHAT in self.opened_engine().info.abilities:
            return heard
        return Heard(as_single_question(heard.turns), heard.warnings)

    def options(self, given: dict[str, Any]) -> Options:
        """Return how to answer: the fields, and over them what a call gives.

        Raises:
            SettingsError: the call gives something that is no option.
        """
        if strange := [name for name in given if name not in _OPTIONS]:
            raise SettingsError(
                f"a call of the engine takes no {', '.join(map(repr, strange))}; "
                f"there are {', '.join(_OPTIONS)}"
            )
        fields = [name for name in _OPTIONS if name in type(self).model_fields]
        values = {name: getattr(self, name) for name in fields} | given
        stop = values.get("stop") or ()
        values["stop"] = (stop,) if isinstance(stop, str) else tuple(stop)
        return Options(**values)
