"""Sentences as vectors: near in meaning, near in angle, across 16 languages.

The model is Google's Universal Sentence Encoder, multilingual, version 3 (Yang et al. 2019,
arXiv:1907.04307): piece vectors, three branches of n-gram convolutions (2, 3 and 5 pieces wide),
their sum over the sentence, a residual network on top. Word order beyond five pieces is lost on
it, and so is negation, often.
"""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from qwen_audio_tools.engines.embedded.meaning import meaning_tables
from qwen_audio_tools.engines.embedded.meaning.meaning_tables import (
    BRANCH_WIDTH,
    CHUNKS,
    ORDERS,
    WIDTH,
)
from qwen_audio_tools.engines.embedded.meaning.word_pieces import WordPieces

Floats = meaning_tables.Floats
Numbers = npt.NDArray[np.int64]

EPSILON = 1e-12
# A batch of about this many pieces keeps the work inside the processor's caches.
BATCH_PIECES = 400
# Longer text is cut here; a transcript is encoded sentence by sentence anyway.
LONGEST_TEXT = 512
# Blank rows between sentences, so that a five-piece window never sees the neighbour.
GAP = 2


class SentenceEncoder:
    """Encodes sentences; loads in about 30 ms once the weights have been unpacked.

    `folder` holds `weights.npz` and `sp.model`; by default they are fetched on first use.
    Safe to use from several threads.
    """

    def __init__(self, folder: Path | None = None) -> None:
        if folder is None:
            from qwen_audio_tools.engines.embedded import weights

            folder = weights.folder("sentence-encoder")
        tables = meaning_tables.load(folder)
        self._vectors = tables.vectors
        self._layers = tables.layers
        self._pieces = WordPieces(tables.names, tables.numbers, tables.scores)

    def encode(self, texts: Sequence[str]) -> Floats:
        """Return one unit vector per text, shape (n, 512), float32; an empty text is a vector too.

        Text beyond 512 pieces (about 350 words) is not looked at.
        """
        encoded = np.empty((len(texts), WIDTH), np.float32)
        batch: list[list[int]] = []
        start = count = 0
        for index, text in enumerate(texts):
            numbers = self._pieces.encode(text, limit=LONGEST_TEXT)
            if batch and count + len(numbers) > BATCH_PIECES:
                encoded[start:index] = self._forward(batch)
                batch, start, count = [], index, 0
            batch.append(numbers)
            count += len(numbers)
        if batch:
            encoded[start:] = self._forward(batch)
        return encoded

    def _forward(self, batch: Sequence[Sequence[int]]) -> Floats:
        layers = self._layers
        numbers, rows, starts = _lay_out(batch)
        present = np.zeros((GAP + sum(len(piece) + GAP for piece in batch), 1), np.float32)
        present[rows] = 1.0
        features = np.zeros((len(present), WIDTH + len(ORDERS) * BRANCH_WIDTH), np.float32)
        chunk = numbers % CHUNKS
        features[rows, :WIDTH] = (
            self._vectors[numbers] * layers["scale"][chunk, None] + layers["lo"][chunk, None]
        )
        for place, order in enumerate(ORDERS):
            at = WIDTH + place * BRANCH_WIDTH
            features[:, at : at + BRANCH_WIDTH] = self._branch(features[:, :WIDTH], order, present)
        features = _normed(features, layers["ln_g"], layers["ln_b"]) * present
        lengths = np.array([[len(piece)] for piece in batch], np.float32)
        summed = np.add.reduceat(features, starts, axis=0) @ layers["cnn_W"]
        mean = (summed + lengths * layers["cnn_b"]) / np.sqrt(lengths)
        return self._top(np.asarray(mean, np.float32))

    def _branch(self, pieces: Floats, order: int, present: Floats) -> Floats:
        layers = self._layers
        inner = pieces @ layers[f"proj{order}"] + layers[f"proj_b{order}"]
        inner = _normed(inner, layers[f"ln_g{order}"], layers[f"ln_b{order}"]) * present
        for step in ("1", "2"):
            heard = _convolved(inner, layers[f"w{step}_{order}"], order)
            inner = (inner + np.maximum(heard + layers[f"b{step}_{order}"], 0)) * present
        return inner

    def _top(self, sentences: Floats) -> Floats:
        layers = self._layers
        first = np.maximum(sentences @ layers["d0"], 0)
        second = np.maximum(sentences @ layers["p1"] + first @ layers["d1"], 0)
        third = np.maximum(second @ layers["d2"], 0)
        vectors = np.tanh(second @ layers["p3"] + third @ layers["d3"])
        norms = np.sqrt(np.maximum((vectors * vectors).sum(axis=1, keepdims=True), EPSILON))
        return np.asarray(vectors / norms, np.float32)


@lru_cache(maxsize=1)
def shared_encoder() -> SentenceEncoder:
    """Return the process's one encoder with the default weights."""
    return SentenceEncoder()


def _lay_out(batch: Sequence[Sequence[int]]) -> tuple[Numbers, Numbers, Numbers]:
    """Return all piece numbers, the row of each, and each sentence's first row."""
    lengths = np.array([len(piece) for piece in batch])
    starts = GAP + np.concatenate([[0], np.cumsum(lengths[:-1] + GAP)])
    rows = np.concatenate([start + np.arange(n) for start, n in zip(starts, lengths, strict=True)])
    return np.concatenate([np.asarray(piece) for piece in batch]), rows, starts


def _convolved(rows: Floats, kernel: Floats, order: int) -> Floats:
    """Return the sum over the window's places of neighbour times that place's weights.

    The window of width `order` starts (order - 1) // 2 rows to the left.
    """
    count, left = len(rows), (order - 1) // 2
    padded = np.zeros((count + order - 1, BRANCH_WIDTH), np.float32)
    padded[left : left + count] = rows
    windows = np.lib.stride_tricks.sliding_window_view(padded, order, axis=0)
    flat = windows.transpose(0, 2, 1).reshape(count, order * BRANCH_WIDTH)
    return np.asarray(flat @ kernel, np.float32)


def _normed(rows: Floats, gain: Floats, bias: Floats) -> Floats:
    centred = rows - rows.mean(axis=1, keepdims=True)
    spread = (centred * centred).mean(axis=1, keepdims=True)
    return np.asarray(centred / np.sqrt(spread + EPSILON) * gain + bias, np.float32)
