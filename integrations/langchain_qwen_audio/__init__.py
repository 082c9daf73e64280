"""LangChain for qwen-audio-tools: a chat model that hears, tools, loaders, prompts.

Each public name is imported from its home when it is first used (PEP 562).
"""

from importlib import import_module
from typing import TYPE_CHECKING

__all__ = [
    "ArchiveRetriever",
    "AudioAttachmentMiddleware",
    "AudioNotLoaded",
    "AudioQATool",
    "AudioSearchTool",
    "AudioTurn",
    "ChatQwenAudio",
    "CompareAudioTool",
    "DescribeAudioTool",
    "QwenAudioBlobParser",
    "QwenAudioLoader",
    "QwenAudioToolkit",
    "SentenceEmbeddings",
    "TranscribeAudioTool",
    "attach_audio",
    "audio_block",
    "audio_prompt",
    "audio_prompts",
    "register_provider",
]

_HOMES = {
    "ArchiveRetriever": "retrievers",
    "AudioAttachmentMiddleware": "middleware",
    "AudioNotLoaded": "document_loaders",
    "AudioQATool": "tools",
    "AudioSearchTool": "search",
    "AudioTurn": "prompts",
    "ChatQwenAudio": "chat_models",
    "CompareAudioTool": "tools",
    "DescribeAudioTool": "tools",
    "QwenAudioBlobParser": "document_loaders",
    "QwenAudioLoader": "document_loaders",
    "QwenAudioToolkit": "toolkit",
    "SentenceEmbeddings": "embeddings",
    "TranscribeAudioTool": "tools",
    "attach_audio": "attachments",
    "audio_block": "prompts",
    "audio_prompt": "prompts",
    "audio_prompts": "prompts",
    "register_provider": "providers",
}

if TYPE_CHECKING:  # what a type checker and an editor see; a test holds it equal to _HOMES
    from langchain_qwen_audio.attachments import attach_audio
    from langchain_qwen_audio.chat_models import ChatQwenAudio
    from langchain_qwen_audio.document_loaders import (
        AudioNotLoaded,
        QwenAudioBlobParser,
        QwenAudioLoader,
    )
    from langchain_qwen_audio.embeddings import SentenceEmbeddings
    from langchain_qwen_audio.middleware import AudioAttachmentMiddleware
    from langchain_qwen_audio.prompts import AudioTurn, audio_block, audio_prompt, audio_prompts
    from langchain_qwen_audio.providers import register_provider
    from langchain_qwen_audio.retrievers import ArchiveRetriever
    from langchain_qwen_audio.search import AudioSearchTool
    from langchain_qwen_audio.toolkit import QwenAudioToolkit
    from langchain_qwen_audio.tools import (
        AudioQATool,
        CompareAudioTool,
        DescribeAudioTool,
        TranscribeAudioTool,
    )


def __getattr__(name: str) -> object:
    """Import a public name from its home, once."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        value: object = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("langchain", "langchain_core", "langgraph"):
            raise
        from qwen_audio_tools.errors import MissingExtra

        raise MissingExtra(
            f"{name} needs a package that is not installed: {error.name}",
            hint="pip install 'qwen-audio-tools[langchain]'",
        ) from error
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names, imported or not."""
    return sorted({*globals(), *__all__})
