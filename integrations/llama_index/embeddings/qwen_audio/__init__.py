"""Sentence vectors without network, key or GPU: the encoder of the embedded engine."""

from llama_index.embeddings.qwen_audio.base import SentenceEncoderEmbedding

__all__ = ["SentenceEncoderEmbedding"]
