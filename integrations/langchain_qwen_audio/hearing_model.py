"""What a chat model of ours is made with, and what it says of itself: names, profile, tokens."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, Self

from langchain_core.language_models import BaseChatModel
from langchain_core.language_models.base import LangSmithParams
from langchain_core.language_models.model_profile import ModelProfile
from langchain_core.messages import BaseMessage
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import ConfigDict, Field, model_validator

from langchain_qwen_audio.access import Access
from langchain_qwen_audio.chat_calls import OPTIONS, with_clips, with_tools
from langchain_qwen_audio.engine_choice import Engines, check_names
from langchain_qwen_audio.messages import conversation_of
from langchain_qwen_audio.model_errors import model_errors
from langchain_qwen_audio.replies import PROVIDER
from langchain_qwen_audio.tool_calls import tools_of
from qwen_audio_tools import __version__
from qwen_audio_tools.addressing import writes_freely
from qwen_audio_tools.clip import Clip
from qwen_audio_tools.content_blocks import Origin
from qwen_audio_tools.engines.base import Engine
from qwen_audio_tools.errors import SettingsError
from qwen_audio_tools.token_counts import conversation_tokens, text_tokens

_TAKEN = {"max_retries", "api_key"}
"""What LangChain hands to any chat model: engines have settings of their own for these."""
_OPENING = ("_engines", "_origin", "_clips", "allowed")
"""What is made of the fields once."""


class HearingModel(Access, BaseChatModel):
    """What a ChatQwenAudio is made with, and what it says of itself."""

    model_config = ConfigDict(populate_by_name=True, arbitrary_types_allowed=True)

    engine: Any = "auto"
    """An engine's name, such as "embedded" or "transformers", "name:model", or an Engine."""
    model: str = Field(default="", alias="model_name")
    """The engine's model: an id, or a folder. Alone it may name the engine too."""
    settings: dict[str, Any] = Field(default_factory=dict, repr=False, exclude=True)
    """Settings of the engine, by the names that `qwa config show` lists."""
    task: str | None = None
    language: str | None = None
    lang: str | None = None
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    seed: int | None = None
    stop: list[str] | str | None = Field(default=None, alias="stop_sequences")
    timeout: float | None = None
    streaming: bool = False
    tool_calling: Literal["off", "prompt"] = "off"
    """"prompt" tells tools in words and reads calls from the reply. Qwen2-Audio was not trained
    on tools: an agent does better with another model, and this one as its tool."""
    audio: list[Any] = Field(default_factory=list, exclude=True)
    """Recordings that every conversation is about, as a Clip takes them: paths, bytes, Clips."""

    @model_validator(mode="before")
    @classmethod
    def _know_every_name(cls, values: Any) -> Any:
        if isinstance(values, Mapping):
            if "base_url" in values:
                raise SettingsError(
                    "ChatQwenAudio takes no base_url: a server is an engine",
                    hint='engine="server:MODEL@http://host:8000/v1"',
                )
            aliases = {field.alias for field in cls.model_fields.values() if field.alias}
            check_names(values, {*cls.model_fields, *aliases, *_TAKEN}, cls.__name__)
            if isinstance(audio := values.get("audio"), str | bytes | Path | Clip):
                values = {**values, "audio": [audio]}
        return values

    @model_validator(mode="after")
    def _open_engine(self) -> Self:
        """Refuse here what could never work; weights load when they are first needed."""
        with model_errors():
            assert self._engines
            assert self._origin
        return self

    @model_validator(mode="after")
    def _set_qwen_audio_version(self) -> Self:
        self._add_version("qwen-audio-tools", __version__)
        return self

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Return a copy; another engine, recording or policy in it counts from the next call."""
        copied = super().model_copy(update=update, deep=deep)
        if update and not update.keys() <= {*OPTIONS, "stop", "timeout", "cache", "callbacks"}:
            for name in _OPENING:
                copied.__dict__.pop(name, None)
            if self.profile == self._resolve_model_profile():  # it is not the user's own
                copied.profile = copied._resolve_model_profile()
        return copied

    @cached_property
    def _engines(self) -> Engines:
        return Engines(self.engine, self.model, self.settings)

    @cached_property
    def _origin(self) -> Origin:
        return Origin(policy=self.allowed, store=self.store)

    @cached_property
    def _clips(self) -> list[Clip]:
        return [each if isinstance(each, Clip) else Clip(each) for each in self.audio]

    @property
    def opened(self) -> Engine:
        """The engine that answers where a call names no other model."""
        return self._engines.own

    @property
    def model_name(self) -> str:
        """The engine's own name of its model."""
        return self.opened.info.model

    # What LangChain asks of every chat model

    @property
    def _llm_type(self) -> str:
        return "qwen-audio-chat"

    @property
    def _own_options(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in OPTIONS}

    @property
    def _identifying_params(self) -> dict[str, Any]:
        named = {"engine": self.opened.info.label, "tool_calling": self.tool_calling}
        return {**named, **self._own_options, "stop": self.stop}

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> LangSmithParams:
        model = kwargs.get("model") or self.opened.info.model
        params = super()._get_ls_params(stop=stop or _texts(self.stop), **kwargs)
        return LangSmithParams(**{**params, "ls_provider": PROVIDER, "ls_model_name": model})

    def _resolve_model_profile(self) -> ModelProfile:
        info = self.opened.info
        profile = ModelProfile(
            name=info.model,
            text_inputs=True,
            audio_inputs=True,
            image_inputs=False,
            pdf_inputs=False,
            video_inputs=False,
            text_outputs=True,
            audio_outputs=False,
            tool_calling=self.tool_calling != "off",
            temperature=writes_freely(info),
        )
        if info.context:
            profile["max_input_tokens"] = info.context
        return profile

    def get_num_tokens(self, text: str) -> int:
        """Return about how many tokens a text has."""
        return text_tokens(text)

    def get_num_tokens_from_messages(
        self, messages: Sequence[BaseMessage], tools: Sequence[Any] | None = None
    ) -> int:
        """Return about how many tokens the messages take, their audio and the tools included.

        Raises:
            ClipError: audio can't be opened.
        """
        told = tools_of([convert_to_openai_tool(tool) for tool in tools or ()], None)
        with model_errors():
            asked = any(message.type == "human" for message in messages)
            heard = with_clips(messages, self._clips) if asked else messages
            turns = with_tools(conversation_of(heard, self._origin), told)
            return conversation_tokens(turns, self.opened.info)


def _texts(stop: list[str] | str | None) -> list[str] | None:
    return [stop] if isinstance(stop, str) else stop
