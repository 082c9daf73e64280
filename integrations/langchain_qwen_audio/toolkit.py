"""QwenAudioToolkit: all tools by which an agent hears, with one engine behind them."""

from functools import cached_property
from typing import Any, Self

from langchain_core.tools import BaseTool
from langchain_core.tools.base import BaseToolkit
from pydantic import ConfigDict, Field, model_validator

from langchain_qwen_audio.access import Hearing, policy_of
from langchain_qwen_audio.retrievers import as_search
from langchain_qwen_audio.search import AudioSearchTool
from langchain_qwen_audio.tools import (
    AudioQATool,
    CompareAudioTool,
    DescribeAudioTool,
    TranscribeAudioTool,
)
from qwen_audio_tools.errors import SettingsError
from qwen_audio_tools.sources.policy import SourcePolicy


class QwenAudioToolkit(Hearing, BaseToolkit):
    """Ears for an agent: `create_agent(model, QwenAudioToolkit(roots=["calls"]).get_tools())`.

    Agents name attachments, and paths inside `roots`; URLs only with `allow_urls`. With a
    `searcher`, as AudioSearchTool takes it, they search recordings, too. With an `archive`, as
    ArchiveRetriever takes it, they search that, and may open its audio to hear what was found.
    """

    model_config = ConfigDict(extra="forbid")

    searcher: Any = Field(default=None, exclude=True, repr=False)
    archive: Any = Field(default=None, exclude=True, repr=False)

    @model_validator(mode="after")
    def _search_the_archive(self) -> Self:
        if self.archive is not None:
            if self.searcher is not None:
                raise SettingsError("an archive is searched by itself: give no searcher beside it")
            self.archive = self.searcher = as_search(self.archive)
        return self

    @cached_property
    def allowed(self) -> SourcePolicy:
        """What may be opened: the audio of the archive, too."""
        allowed = policy_of(self.roots, self.allow_urls, self.policy)
        return self.archive.allowed(allowed) if self.archive is not None else allowed

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
