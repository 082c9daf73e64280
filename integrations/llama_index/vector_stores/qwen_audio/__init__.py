"""Nodes of one's own recordings, kept in a folder: found by words and by meaning, and updated."""

from llama_index.vector_stores.qwen_audio.base import LanceAudioStore

__all__ = ["LanceAudioStore"]
