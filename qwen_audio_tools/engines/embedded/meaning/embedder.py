"""The sentence encoder as an embedder, for texts of any length."""

from collections.abc import Sequence

import numpy as np

from qwen_audio_tools.engines.embedded.meaning.sentence_encoder import Floats, shared_encoder

_WORDS = 200
"""Words that are encoded at once: the encoder reads some 350 at most."""


class SentenceEmbedder:
    """512 numbers a text, 16 languages; of a long text it is the mean of its parts."""

    name = "universal-sentence-encoder-multilingual-3"

    def embed(self, texts: Sequence[str]) -> Floats:
        """Return one unit vector per text: float32, shape (n, 512)."""
        parts = [_parts(text) for text in texts]
        encoded = shared_encoder().encode([part for each in parts for part in each])
        found = np.empty((len(texts), encoded.shape[1]), np.float32)
        at = 0
        for index, each in enumerate(parts):
            mean = encoded[at : at + len(each)].mean(axis=0)
            found[index] = mean / max(float(np.linalg.norm(mean)), 1e-12)
            at += len(each)
        return found


def _parts(text: str) -> list[str]:
    words = text.split(" ")
    return [" ".join(words[at : at + _WORDS]) for at in range(0, len(words), _WORDS)]


def open_sentence_embedder() -> SentenceEmbedder:
    """Open the embedder; its weights load, or are fetched, when it is first used."""
    return SentenceEmbedder()
