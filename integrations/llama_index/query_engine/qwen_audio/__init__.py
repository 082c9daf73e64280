"""Answers from recordings that say where in which recording they were heard."""

from llama_index.query_engine.qwen_audio.base import AudioCitationQueryEngine

__all__ = ["AudioCitationQueryEngine"]
