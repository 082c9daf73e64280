"""The sentence encoder as an embedder: long texts by their sentences, which it was made for."""

import re
from collections.abc import Sequence

import numpy as np

from qwen_audio_tools.engines.embedded.meaning.sentence_encoder import Floats, shared_encoder

_ENDS = re.compile(r"(?<=[.!?…。！？])\s*|\n+")
_SHORT = 4
"""Sentences of fewer words say little on their own: they go with the one before."""


class SentenceEmbedder:
    """512 numbers a text, 16 languages. A text of many sentences is the mean of them."""

    name = "universal-sentence-encoder-multilingual-3"

    def embed(self, texts: Sequence[str]) -> Floats:
        """Return one unit vector per text: float32, shape (n, 512)."""
        pieces = [_sentences(text) for text in texts]
        flat = [sentence for each in pieces for sentence in each]
        encoded = shared_encoder().encode(flat)
        found = np.empty((len(texts), encoded.shape[1]), np.float32)
        at = 0
        for index, each in enumerate(pieces):
            mean = encoded[at : at + len(each)].mean(axis=0)
            found[index] = mean / max(float(np.linalg.norm(mean)), 1e-12)
            at += len(each)
        return found


def _sentences(text: str) -> list[str]:
    found: list[str] = []
    for piece in filter(None, map(str.strip, _ENDS.split(text))):
        if found and len(piece.split()) < _SHORT and piece.isascii():
            found[-1] += f" {piece}"
        else:
            found.append(piece)
    return found or [text]


def open_sentence_embedder() -> SentenceEmbedder:
    """Open the embedder; its weights load, or are fetched, when it is first used."""
    return SentenceEmbedder()
