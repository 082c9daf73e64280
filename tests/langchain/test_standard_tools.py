"""LangChain's own suites for tools and embeddings, on real small models and real speech."""

from pathlib import Path
from typing import Any

import pytest
from langchain_core.documents import Document
from langchain_tests.integration_tests import EmbeddingsIntegrationTests, ToolsIntegrationTests
from langchain_tests.unit_tests import EmbeddingsUnitTests, ToolsUnitTests

from langchain_qwen_audio import (
    AudioQATool,
    AudioSearchTool,
    CompareAudioTool,
    DescribeAudioTool,
    SentenceEmbeddings,
    TranscribeAudioTool,
)
from qwen_audio_tools.agents.searching import Found


@pytest.fixture(scope="module", autouse=True)
def _recordings(folder) -> None:
    Heard.folder = folder


class Heard:
    """A tool that hears the recordings of a folder."""

    folder: Path
    arguments: dict[str, Any] = {}  # noqa: RUF012

    @property
    def tool_constructor_params(self) -> dict[str, Any]:
        return {"engine": "embedded", "roots": [self.folder]}

    @property
    def tool_invoke_params_example(self) -> dict[str, Any]:
        return {"audio": str(self.folder / "said.wav"), **self.arguments}


class Asking(Heard):
    tool_constructor = AudioQATool
    arguments = {"question": "What is the budget?", "start_s": 0.0}  # noqa: RUF012


class Transcribing(Heard):
    tool_constructor = TranscribeAudioTool
    arguments = {"language": "en"}  # noqa: RUF012


class Describing(Heard):
    tool_constructor = DescribeAudioTool


class Comparing(Heard):
    tool_constructor = CompareAudioTool

    @property
    def tool_invoke_params_example(self) -> dict[str, Any]:
        return {"audios": [str(self.folder / name) for name in ("said.wav", "bell.wav")]}


class Searching:
    """A tool that searches what is given to it."""

    tool_constructor = AudioSearchTool
    tool_invoke_params_example = {"query": "budget", "k": 1}  # noqa: RUF012

    @property
    def tool_constructor_params(self) -> dict[str, Any]:
        found = Found(text="The budget is 200 dollars.", source="said.wav", start=0.0, end=2.0)
        return {"searcher": lambda query, k: [found, Document("more")]}


class TestAskingUnit(Asking, ToolsUnitTests):
    pass


class TestAsking(Asking, ToolsIntegrationTests):
    pass


class TestTranscribingUnit(Transcribing, ToolsUnitTests):
    pass


class TestTranscribing(Transcribing, ToolsIntegrationTests):
    pass


class TestDescribingUnit(Describing, ToolsUnitTests):
    pass


class TestDescribing(Describing, ToolsIntegrationTests):
    pass


class TestComparingUnit(Comparing, ToolsUnitTests):
    pass


class TestComparing(Comparing, ToolsIntegrationTests):
    pass


class TestSearchingUnit(Searching, ToolsUnitTests):
    pass


class TestSearching(Searching, ToolsIntegrationTests):
    pass


class Embedding:
    embeddings_class = SentenceEmbeddings


class TestEmbeddingUnit(Embedding, EmbeddingsUnitTests):
    """Skipped: the environment holds nothing for it."""


class TestEmbedding(Embedding, EmbeddingsIntegrationTests):
    pass
