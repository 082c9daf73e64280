"""LangChain for qwen-audio-tools: a chat model that hears, tools, loaders, prompts.

Each public name is imported from its home when it is first used (PEP 562).
"""

from importlib import import_module
from typing import TYPE_CHECKING

__all__ = ["ChatQwenAudio"]

_HOMES = {"ChatQwenAudio": "chat_models"}

if TYPE_CHECKING:  # what a type checker and an editor see; a test holds it equal to _HOMES
    from langchain_qwen_audio.chat_models import ChatQwenAudio


def __getattr__(name: str) -> object:
    """Import a public name from its home, once."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names, imported or not."""
    return sorted({*globals(), *__all__})
