"""The public names of the integration: all there, typed, documented, and imported when used."""

import ast
import inspect
import subprocess
import sys
from importlib import import_module

import pytest

import langchain_qwen_audio
from langchain_qwen_audio import _HOMES


def test_the_public_names_are_sorted_and_each_has_one_home():
    assert langchain_qwen_audio.__all__ == sorted(_HOMES)
    assert list(_HOMES) == sorted(_HOMES)
    assert set(_HOMES) <= set(dir(langchain_qwen_audio))


def test_type_checkers_see_the_same_names_as_users():
    tree = ast.parse(inspect.getsource(langchain_qwen_audio))
    (block,) = [node for node in tree.body if isinstance(node, ast.If)]
    seen = {
        alias.name: str(node.module).removeprefix("langchain_qwen_audio.")
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert seen == _HOMES


@pytest.mark.parametrize("name", sorted(_HOMES))
def test_every_public_name_is_documented_at_its_home(name):
    value = getattr(langchain_qwen_audio, name)
    assert value is getattr(import_module(f"langchain_qwen_audio.{_HOMES[name]}"), name)
    assert inspect.getdoc(value)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="has no attribute 'nowhere'"):
        langchain_qwen_audio.nowhere  # noqa: B018


@pytest.mark.parametrize(
    ("missing", "name"),
    [("langchain_core", "ChatQwenAudio"), ("langchain", "AudioAttachmentMiddleware")],
)
def test_a_missing_package_is_named_with_the_command_that_brings_it(missing, name):
    code = (
        f"import sys; sys.modules[{missing!r}] = None; import langchain_qwen_audio as ours\n"
        f"try:\n    ours.{name}\n"
        "except Exception as error:\n    print(type(error).__name__, error, error.hint)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.startswith(f"MissingExtra {name} needs a package")
    assert "pip install 'qwen-audio-tools[langchain]'" in run.stdout
