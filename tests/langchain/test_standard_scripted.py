"""LangChain's own suites for chat models, on an engine that does what its prompt says."""

import json
import re
from collections.abc import Iterator
from typing import Any, Literal

import pytest
from langchain_core.messages import AIMessage
from langchain_tests.integration_tests import ChatModelIntegrationTests
from langchain_tests.unit_tests import ChatModelUnitTests

from langchain_qwen_audio import ChatQwenAudio
from qwen_audio_tools.conversation import Conversation, question
from qwen_audio_tools.engines.base import Delta, Options
from qwen_audio_tools.testing import speech, write
from qwen_audio_tools.testing.scripted_engine import ScriptedEngine

BETA = "ignore:.*:langchain_core._api.beta_decorator.LangChainBetaWarning"


class Obedient(ScriptedEngine):
    """Keeps to a schema, calls the first tool that its prompt tells of, or else says hello."""

    def __init__(self) -> None:
        super().__init__([])

    def reply(self, conversation: Conversation, options: Options) -> Iterator[Delta]:
        told = re.search(r"schema of its arguments:\n(\{.*\})", conversation[0].text)
        asked = question(conversation)
        if options.schema is not None:
            text = json.dumps(_value(options.schema, asked), ensure_ascii=False)
        elif told and "Result of the tool" not in asked:
            tool = json.loads(told.group(1))
            arguments = _value(tool["parameters"], asked)
            text = json.dumps({"tool_calls": [{"name": tool["name"], "arguments": arguments}]})
        else:
            text = "Hello to you too, and how are you?"
        self.script = [*self.heard, text]
        return super().reply(conversation, options)


def _value(schema: Any, asked: str) -> Any:
    """Return a value that fits a schema, with what is asked in it."""
    if "const" in schema:
        return schema["const"]
    if "anyOf" in schema:
        return _value(schema["anyOf"][0], asked)
    kind = schema.get("type", "string")
    if kind == "object":
        return {name: _value(each, asked) for name, each in schema["properties"].items()}
    if kind == "array":
        return [_value(schema["items"], asked)]
    if kind in ("integer", "number"):
        return int(next(iter(re.findall(r"\d+", asked)), 0))
    return asked


class Scripted:
    """What both suites are told of the model."""

    @property
    def chat_model_class(self) -> type[ChatQwenAudio]:
        return ChatQwenAudio

    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {"engine": Obedient(), "tool_calling": "prompt"}

    @property
    def supports_audio_inputs(self) -> bool:
        return True

    @property
    def model_override_value(self) -> str:
        return "script"  # an open engine has one model; engines with names have theirs proved


class TestUnit(Scripted, ChatModelUnitTests):
    """No skips but one: a model that holds an open engine can't be told as JSON."""

    @property
    def init_from_env_params(self) -> tuple[dict[str, str], dict[str, Any], dict[str, Any]]:
        return {"QWA_ENGINE": "embedded"}, {}, {"engine": "auto"}


@pytest.mark.filterwarnings(BETA)
class TestIntegration(Scripted, ChatModelIntegrationTests):
    """Skipped is what takes pictures, documents or a network."""

    @property
    def supports_json_mode(self) -> bool:
        return True

    @property
    def supported_usage_metadata_details(self) -> dict[Literal["invoke", "stream"], list[Any]]:
        return {"invoke": ["audio_input"], "stream": ["audio_input"]}

    def invoke_with_audio_input(self, *, stream: bool = False) -> AIMessage:
        model = ChatQwenAudio(engine=Obedient(), audio=[(speech("Good morning."), 16_000)])
        if not stream:
            return model.invoke("what is said?")
        full = None
        for chunk in model.stream("what is said?"):
            full = chunk if full is None else full + chunk
        assert full is not None
        return full

    @pytest.fixture(autouse=True)
    def _made_audio(self, monkeypatch, tmp_path):
        """The suite fetches a bird's call from the web; ours is made."""
        import base64

        write(tmp_path / "said.wav", speech("A bird sings."))
        data = base64.b64encode((tmp_path / "said.wav").read_bytes()).decode()
        suite = "langchain_tests.integration_tests.chat_models"
        monkeypatch.setattr(f"{suite}._get_base64_from_url", lambda url: data)
