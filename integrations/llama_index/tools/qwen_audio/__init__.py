"""Ears for agents that hear nothing themselves: tools that answer about audio in words."""

from llama_index.tools.qwen_audio.base import QwenAudioToolSpec

__all__ = ["QwenAudioToolSpec"]
