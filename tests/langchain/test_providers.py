"""`init_chat_model` knows this model once it was told so, and not before."""

import subprocess
import sys

import pytest

from qwen_audio_tools.errors import SettingsError

TOLD = """
from langchain.agents import create_agent
from langchain.chat_models import init_chat_model
from langchain_qwen_audio import register_provider
try:
    init_chat_model("qwen_audio:embedded")
except ValueError as error:
    print("before:", type(error).__name__)
register_provider()
register_provider()
model = init_chat_model("qwen_audio:embedded", temperature=0)
print(type(model).__name__, model.opened.info.name, model.temperature)
print(create_agent("qwen_audio:embedded").name)
"""


def test_a_model_is_made_by_its_name_once_it_was_registered():
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", TOLD], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.splitlines()[:2] == ["before: ValueError", "ChatQwenAudio embedded 0.0"]


def test_a_table_that_is_kept_elsewhere_is_told(monkeypatch):
    from langchain.chat_models import base

    from langchain_qwen_audio import register_provider

    monkeypatch.delattr(base, "_BUILTIN_PROVIDERS")
    with pytest.raises(SettingsError, match="elsewhere") as told:
        register_provider()
    assert "ChatQwenAudio" in told.value.hint


def test_the_provider_of_another_is_left_alone(monkeypatch):
    from langchain.chat_models import base

    from langchain_qwen_audio import register_provider

    with pytest.raises(SettingsError, match="'openai' is another one already"):
        register_provider("openai")
    assert base._BUILTIN_PROVIDERS["openai"][1] == "ChatOpenAI"
