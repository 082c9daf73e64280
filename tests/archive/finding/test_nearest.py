"""Above a size the nearest vectors are looked up in an index, which grows along."""

import zlib

import numpy as np
import pytest

from qwen_audio_tools.archive.index import nearest
from qwen_audio_tools.archive.index.filters import Filters
from qwen_audio_tools.archive.index.lance_index import LanceIndex
from qwen_audio_tools.engines.embedding import GivenEmbedder
from qwen_audio_tools.testing.made_records import text_record

PASSAGES = 100
WIDTH = 32


def direction(text: str) -> np.ndarray:
    vector = np.random.default_rng(zlib.crc32(text.encode())).normal(size=WIDTH).astype(np.float32)
    return vector / np.linalg.norm(vector)


def directions(texts) -> np.ndarray:
    return np.stack([direction(text) for text in texts])


@pytest.fixture
def index(tmp_path, monkeypatch) -> LanceIndex:
    monkeypatch.setattr(nearest, "EXACT_BELOW", 1000)
    return LanceIndex(
        str(tmp_path / "index"), GivenEmbedder("made", directions), tmp_path / "index.lock"
    )


def filled(index: LanceIndex, passages: int) -> list[str]:
    """Let the index hold so many passages, and return what is said in them."""
    texts = [f"Sentence number {number}." for number in range(passages)]
    index.refresh(
        text_record("Show", f"Episode {at}", texts[at : at + PASSAGES])
        for at in range(0, passages, PASSAGES)
    )
    return texts


def names(index: LanceIndex) -> list[str]:
    return [each.name for each in index._table().list_indices() if "vector" in each.columns]


def recall(index: LanceIndex, texts: list[str]) -> float:
    """Return how many of the ten that are nearest are found, for twenty queries."""
    vectors, found = directions(texts), []
    for number in range(20):
        query = f"Query {number}"
        best = {texts[at] for at in np.argsort(-vectors @ direction(query))[:10]}
        found += [hit.text in best for hit in index.by_meaning(query, Filters(), 10)]
    return sum(found) / 200


def test_a_small_archive_has_no_vector_index_and_finds_the_nearest(index):
    texts = filled(index, 800)
    assert names(index) == []
    assert recall(index, texts) == 1.0


def test_a_large_one_has_one_and_loses_next_to_nothing(index):
    texts = filled(index, 3000)
    assert names(index) == ["vector_3030"]
    assert recall(index, texts) >= 0.98


def test_the_index_is_drawn_anew_when_the_archive_is_much_larger(index):
    filled(index, 1000)
    filled(index, 2000)
    assert names(index) == ["vector_1010"]
    texts = filled(index, 4100)
    assert names(index) == ["vector_4141"]
    assert recall(index, texts) >= 0.98


def test_an_index_that_was_left_behind_half_way_goes(index):
    filled(index, 3000)
    table = index._table()
    from lancedb.index import IvfSq

    table.create_index("vector", config=IvfSq(distance_type="cosine"), name="vector_idx")
    texts = filled(index, 3100)
    assert names(index) == ["vector_3030"]
    assert recall(index, texts) >= 0.98
