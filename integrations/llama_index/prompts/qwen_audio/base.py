"""AudioPromptTemplate: a template of LlamaIndex with places for audio: `{clip:audio}`."""

from collections.abc import Callable, Iterator, Sequence
from copy import copy
from string import Formatter
from typing import Any

from llama_index.core.base.llms.base import BaseLLM
from llama_index.core.base.llms.types import ChatMessage, ContentBlock, MessageRole, TextBlock
from llama_index.core.bridge.pydantic import Field
from llama_index.core.prompts import BasePromptTemplate, PromptType
from llama_index.core.types import BaseOutputParser
from llama_index.prompts.qwen_audio.audio_values import blocks_of

from qwen_audio_tools.clip_store import ClipStore
from qwen_audio_tools.errors import SettingsError

_AUDIO = "audio"


class AudioPromptTemplate(BasePromptTemplate):
    """Text with variables for text, `{question}`, and for audio, `{clip:audio}`.

    Audio is given as a path, an https URL, bytes, a Clip, an AudioBlock, an id of a ClipStore, or a
    list of those; it stands in the message where its place is.

    Args:
        template: the message of the user; or messages, as (role, text) each.
        store: where ids of clips are looked up.

    Examples:
        `AudioPromptTemplate("{clip:audio}\\nWhat is said about {topic}?")
        .format_messages(clip="a.mp3", topic="tea")`
    """

    messages: tuple[tuple[str, str], ...]
    kwargs: dict[str, Any] = Field(default_factory=dict)
    store: Any = Field(default=None, exclude=True)

    def __init__(
        self,
        template: str | Sequence[tuple[str, str]],
        *,
        store: ClipStore | None = None,
        output_parser: BaseOutputParser | None = None,
        metadata: dict[str, Any] | None = None,
        template_var_mappings: dict[str, Any] | None = None,
        function_mappings: dict[str, Callable[..., Any]] | None = None,
        **kwargs: Any,
    ) -> None:
        messages = ((MessageRole.USER.value, template),) if isinstance(template, str) else template
        super().__init__(  # type: ignore[call-arg]
            messages=tuple(messages),
            store=store,
            template_vars=list(dict.fromkeys(name for _, name, _ in _places(messages) if name)),
            kwargs=kwargs,
            metadata={"prompt_type": PromptType.CUSTOM, **(metadata or {})},
            output_parser=output_parser,
            template_var_mappings=template_var_mappings,
            function_mappings=function_mappings,
        )

    def partial_format(self, **kwargs: Any) -> "AudioPromptTemplate":
        """Return a template with some of its variables filled in."""
        filled = copy(self)
        filled.kwargs = {**self.kwargs, **kwargs}
        return filled

    def format_messages(self, llm: BaseLLM | None = None, **kwargs: Any) -> list[ChatMessage]:
        """Return the messages with texts and audio in their places.

        Raises:
            SettingsError: a variable has no value.
            ClipError: audio that isn't there, or no audio.
        """
        values = self._map_all_vars({**self.kwargs, **kwargs})
        found = [
            ChatMessage(role=MessageRole(role), blocks=self._blocks(text, values))
            for role, text in self.messages
        ]
        return self.output_parser.format_messages(found) if self.output_parser else found

    def format(self, llm: BaseLLM | None = None, **kwargs: Any) -> str:
        """Refuse: a text holds no audio, and an LLM that is given it would hear nothing.

        Raises:
            SettingsError: always, where there is a place for audio.
        """
        if any(spec == _AUDIO for _, _, spec in _places(self.messages)):
            raise SettingsError(
                "a prompt with audio can't be written as one text",
                hint="format_messages, and an LLM with metadata.is_chat_model",
            )
        return "\n".join(
            message.content or "" for message in self.format_messages(llm=llm, **kwargs)
        )

    def get_template(self, llm: BaseLLM | None = None) -> str:
        """Return the template as it was written."""
        if len(self.messages) == 1:
            return self.messages[0][1]
        return "\n".join(f"{role}: {text}" for role, text in self.messages)

    def _blocks(self, text: str, values: dict[str, Any]) -> list[ContentBlock]:
        blocks: list[ContentBlock] = []
        words = ""
        for before, name, spec in _pieces(text):
            words += before
            if not name:
                continue
            if name not in values:
                raise SettingsError(f"the prompt's variable {name!r} has no value")
            if spec != _AUDIO:
                words += format(values[name], spec)
                continue
            blocks += [TextBlock(text=words.strip())] if words.strip() else []
            words = ""
            blocks += blocks_of(values[name], self.store)
        return [*blocks, TextBlock(text=words.strip())] if words.strip() else blocks


def _pieces(text: str) -> Iterator[tuple[str, str, str]]:
    """Yield (text before it, name, format) of each variable, and the rest with no name."""
    try:
        for before, name, spec, _ in Formatter().parse(text):
            yield before, name or "", spec or ""
    except ValueError as error:
        raise SettingsError(
            f"{text!r} is no template: {error}", hint="write {{ and }} for braces in the text"
        ) from error


def _places(messages: Sequence[tuple[str, str]]) -> Iterator[tuple[str, str, str]]:
    for _, text in messages:
        yield from _pieces(text)
