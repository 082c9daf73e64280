"""The public names: all there, typed, found at their home, and shadowed by nothing."""

import ast
import inspect
import pkgutil
from importlib import import_module

import pytest

import qwen_audio_tools
from qwen_audio_tools import _HOMES


def _names_for_type_checkers() -> dict[str, str]:
    tree = ast.parse(inspect.getsource(qwen_audio_tools))
    blocks = [
        node
        for node in tree.body
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    ]
    return {
        alias.name: str(node.module).removeprefix("qwen_audio_tools.")
        for block in blocks
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


def test_the_public_names_are_sorted_and_each_has_one_home():
    assert qwen_audio_tools.__all__ == sorted(_HOMES)
    assert list(_HOMES) == sorted(_HOMES)


def test_type_checkers_see_the_same_names_as_users():
    assert _names_for_type_checkers() == _HOMES


def test_no_public_name_is_also_a_module():
    modules = {module.name for module in pkgutil.iter_modules(qwen_audio_tools.__path__)}
    assert modules.isdisjoint(_HOMES)


def test_dir_lists_every_public_name():
    assert set(_HOMES) <= set(dir(qwen_audio_tools))


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="has no attribute 'nowhere'"):
        qwen_audio_tools.nowhere  # noqa: B018


@pytest.mark.parametrize("name", sorted(_HOMES))
def test_every_public_name_is_what_its_home_defines(name):
    home = import_module(f"qwen_audio_tools.{_HOMES[name]}")
    assert getattr(qwen_audio_tools, name) is getattr(home, name)


@pytest.mark.parametrize("name", sorted(_HOMES))
def test_every_public_name_is_documented(name):
    value = getattr(qwen_audio_tools, name)
    if inspect.isclass(value) or inspect.isfunction(value):
        assert inspect.getdoc(value)
        assert value.__module__ == f"qwen_audio_tools.{_HOMES[name]}"
