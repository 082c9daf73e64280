"""Recordings as Documents: what is said, by whom, when, in a file of any kind and any length."""

from llama_index.readers.qwen_audio.base import QwenAudioReader, audio_file_extractor

__all__ = ["QwenAudioReader", "audio_file_extractor"]
