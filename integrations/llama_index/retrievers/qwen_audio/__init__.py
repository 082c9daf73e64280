"""Passages of a podcast archive as nodes, found by words and meaning, ready to be heard again."""

from llama_index.retrievers.qwen_audio.base import ArchiveRetriever

__all__ = ["ArchiveRetriever"]
