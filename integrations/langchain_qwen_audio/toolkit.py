"""QwenAudioToolkit: all tools by which an agent hears, with one engine behind them."""

from typing import Any

from langchain_core.tools import BaseTool
from langchain_core.tools.base import BaseToolkit
from pydantic import ConfigDict, Field

from langchain_qwen_audio.access import Hearing
from langchain_qwen_audio.search import AudioSearchTool
from langchain_qwen_audio.tools import (
    AudioQATool,
    CompareAudioTool,
    DescribeAudioTool,
    TranscribeAudioTool,
)


class QwenAudioToolkit(Hearing, BaseToolkit):
    """Ears for an agent: `create_agent(model, QwenAudioToolkit(roots=["calls"]).get_tools())`.

    Agents name attachments, and paths inside `roots`; URLs only with `allow_urls`. With a
    `searcher`, as AudioSearchTool takes it, they search recordings, too.
    """

    model_config = ConfigDict(extra="forbid")

    searcher: Any = Field(default=None, exclude=True, repr=False)

    def get_tools(self) -> list[BaseTool]:
        """Return the tools; they share the engine, and what it heard already.

        Raises:
            SettingsError, MissingExtra: the engine can't be opened.
        """
        hearing = (AudioQATool, TranscribeAudioTool, DescribeAudioTool, CompareAudioTool)
        found: list[BaseTool] = [kind(ears=self.hearing) for kind in hearing]
        if self.searcher is not None:
            found.append(AudioSearchTool(searcher=self.searcher))
        return found
