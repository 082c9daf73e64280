"""SentenceEmbeddings: the sentence encoder of the embedded engine, for vector stores."""

from langchain_core.embeddings import Embeddings

from qwen_audio_tools.engines.embedding import open_embedder


class SentenceEmbeddings(Embeddings):
    """Texts as 512 numbers each, near in meaning, near in angle, across 16 languages.

    It runs on the CPU, offline once its weights are here. A long text is encoded in parts, and
    their mean stands for it.
    """

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Return a unit vector for each text."""
        found: list[list[float]] = open_embedder().embed(texts).tolist()
        return found

    def embed_query(self, text: str) -> list[float]:
        """Return the unit vector of a text."""
        return self.embed_documents([text])[0]
