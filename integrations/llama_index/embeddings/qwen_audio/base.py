"""SentenceEncoderEmbedding: the embedded engine's sentence encoder, for indexes of LlamaIndex."""

import asyncio
from collections.abc import Sequence

from llama_index.core.base.embeddings.base import BaseEmbedding, Embedding
from llama_index.core.bridge.pydantic import Field

from qwen_audio_tools.engines.embedding import open_embedder


class SentenceEncoderEmbedding(BaseEmbedding):
    """Google's multilingual Universal Sentence Encoder, 16 languages, 512 numbers a text.

    A long text is encoded in parts, and their mean stands for it. Its weights (33 MB) are
    fetched on first use.
    """

    model_name: str = Field(default="universal-sentence-encoder-multilingual-3", frozen=True)

    @classmethod
    def class_name(cls) -> str:
        """Return the key by which LlamaIndex writes and reads it."""
        return "SentenceEncoderEmbedding"

    def _get_query_embedding(self, query: str) -> Embedding:
        return _encoded([query])[0]

    async def _aget_query_embedding(self, query: str) -> Embedding:
        return (await asyncio.to_thread(_encoded, [query]))[0]

    def _get_text_embedding(self, text: str) -> Embedding:
        return _encoded([text])[0]

    def _get_text_embeddings(self, texts: list[str]) -> list[Embedding]:
        return _encoded(texts)

    async def _aget_text_embeddings(self, texts: list[str]) -> list[Embedding]:
        return await asyncio.to_thread(_encoded, texts)


def _encoded(texts: Sequence[str]) -> list[Embedding]:
    vectors: list[Embedding] = open_embedder().embed(texts).tolist()
    return vectors
