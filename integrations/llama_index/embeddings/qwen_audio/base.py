"""SentenceEncoderEmbedding: the embedded engine's sentence encoder, for indexes of LlamaIndex."""

import asyncio
from collections.abc import Sequence

from llama_index.core.base.embeddings.base import BaseEmbedding, Embedding
from llama_index.core.bridge.pydantic import Field


class SentenceEncoderEmbedding(BaseEmbedding):
    """Google's multilingual Universal Sentence Encoder, 16 languages, 512 numbers a text.

    Of a text it reads some 350 words. Its weights (33 MB) are fetched on first use.
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
    # Imported when it is used: without the extra `embedded` the class can be named all the same.
    from qwen_audio_tools.engines.embedded.meaning.sentence_encoder import shared_encoder

    vectors: list[Embedding] = shared_encoder().encode(texts).tolist()
    return vectors
