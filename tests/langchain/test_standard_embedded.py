"""LangChain's own suites for chat models, on real small models and real speech."""

import base64
from typing import Any, Literal

import pytest
from langchain_core.messages import AIMessage
from langchain_tests.integration_tests import ChatModelIntegrationTests
from langchain_tests.unit_tests import ChatModelUnitTests

from langchain_qwen_audio import ChatQwenAudio
from qwen_audio_tools.testing import speech, write

BETA = "ignore:.*:langchain_core._api.beta_decorator.LangChainBetaWarning"
SAID = (speech("The budget is two hundred dollars. We meet again on Friday."), 16_000)


class Embedded:
    """It is asked about one recording: without any it has nothing to answer."""

    @property
    def chat_model_class(self) -> type[ChatQwenAudio]:
        return ChatQwenAudio

    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {"engine": "embedded", "audio": [SAID]}

    @property
    def has_tool_calling(self) -> bool:
        return False  # it writes in its own words; its place is behind a tool

    @property
    def has_structured_output(self) -> bool:
        return False  # for the same reason; its evidence comes as values anyway

    @property
    def supports_audio_inputs(self) -> bool:
        return True

    @property
    def model_override_value(self) -> str:
        return "base"


class TestUnit(Embedded, ChatModelUnitTests):
    """Skipped: to tell a model as JSON that holds an open engine, and the environment."""


@pytest.mark.filterwarnings(BETA)
class TestIntegration(Embedded, ChatModelIntegrationTests):
    """Skipped: tools and schemas, pictures, documents, a network."""

    @property
    def supported_usage_metadata_details(self) -> dict[Literal["invoke", "stream"], list[Any]]:
        return {"invoke": ["audio_input"], "stream": ["audio_input"]}

    def invoke_with_audio_input(self, *, stream: bool = False) -> AIMessage:
        model = ChatQwenAudio(engine="embedded", audio=[SAID], streaming=stream)
        return model.invoke("what is the budget?")

    @pytest.fixture(autouse=True)
    def _made_audio(self, monkeypatch, tmp_path):
        """The suite fetches a bird's call from the web; ours is made."""
        write(tmp_path / "said.wav", SAID[0])
        data = base64.b64encode((tmp_path / "said.wav").read_bytes()).decode()
        suite = "langchain_tests.integration_tests.chat_models"
        monkeypatch.setattr(f"{suite}._get_base64_from_url", lambda url: data)
