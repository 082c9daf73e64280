"""Qwen2-Audio, or whatever else hears here, as an LLM of LlamaIndex."""

from llama_index.llms.qwen_audio.base import QwenAudioLLM

__all__ = ["QwenAudioLLM"]
