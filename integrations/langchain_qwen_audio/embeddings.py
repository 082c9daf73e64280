"""SentenceEmbeddings: the sentence encoder of the embedded engine, for vector stores."""

from collections.abc import Iterator

from langchain_core.embeddings import Embeddings

from qwen_audio_tools.engines.embedded.meaning.sentence_encoder import Floats, shared_encoder

_WORDS = 200
"""Words that are encoded at once: the encoder reads some 350 at most."""


class SentenceEmbeddings(Embeddings):
    """Texts as 512 numbers each, near in meaning, near in angle, across 16 languages.

    It runs on the CPU, offline once its weights are here. A long text is encoded in parts, and
    their mean stands for it.
    """

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Return a unit vector for each text."""
        return [_mean(shared_encoder().encode(list(_parts(text)))) for text in texts]

    def embed_query(self, text: str) -> list[float]:
        """Return the unit vector of a text."""
        return self.embed_documents([text])[0]


def _parts(text: str) -> Iterator[str]:
    words = text.split(" ")
    for at in range(0, len(words), _WORDS):
        yield " ".join(words[at : at + _WORDS])


def _mean(vectors: Floats) -> list[float]:
    mean = vectors.mean(axis=0)
    norm = float(mean @ mean) ** 0.5
    found: list[float] = (mean / norm if norm else mean).tolist()
    return found
