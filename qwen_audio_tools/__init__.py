"""Ears for agents: ask questions of audio, and get answers with evidence.

Each public name is imported from its home when it is first used (PEP 562), so that importing the
package costs nothing and `qwa --help` stays quick.
"""

from importlib import import_module
from typing import TYPE_CHECKING

__version__ = "0.1.0"

__all__ = [
    "Answer",
    "Clip",
    "ClipStore",
    "Conversation",
    "Coverage",
    "Evidence",
    "Message",
    "Options",
    "QwenAudioError",
    "Segment",
    "Span",
    "Transcript",
    "Usage",
    "ask",
    "ask_questions",
    "converse",
    "open_engine",
    "transcribe",
]

# No public name may also be a module of this package: importing that module would replace it.
_HOMES = {
    "Answer": "answer",
    "Clip": "clip",
    "ClipStore": "clip_store",
    "Conversation": "conversation",
    "Coverage": "answer",
    "Evidence": "answer",
    "Message": "conversation",
    "Options": "engines.base",
    "QwenAudioError": "errors",
    "Segment": "transcript",
    "Span": "spans",
    "Transcript": "transcript",
    "Usage": "answer",
    "ask": "asking",
    "ask_questions": "asking",
    "converse": "asking",
    "open_engine": "engines",
    "transcribe": "asking",
}

if TYPE_CHECKING:  # what a type checker and an editor see; a test holds it equal to _HOMES
    from qwen_audio_tools.answer import Answer, Coverage, Evidence, Usage
    from qwen_audio_tools.asking import ask, ask_questions, converse, transcribe
    from qwen_audio_tools.clip import Clip
    from qwen_audio_tools.clip_store import ClipStore
    from qwen_audio_tools.conversation import Conversation, Message
    from qwen_audio_tools.engines import open_engine
    from qwen_audio_tools.engines.base import Options
    from qwen_audio_tools.errors import QwenAudioError
    from qwen_audio_tools.spans import Span
    from qwen_audio_tools.transcript import Segment, Transcript


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
