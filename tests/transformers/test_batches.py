"""Conversations that run together cost alike: sorted by length, as many as fit, none left out."""

import random

import numpy as np
import pytest

from qwen_audio_tools import Clip, Conversation
from qwen_audio_tools.conversation import user
from qwen_audio_tools.engines.base import EngineInfo
from qwen_audio_tools.engines.transformers.batches import MOST_ROWS, batches
from qwen_audio_tools.tasks import Ability

INFO = EngineInfo(
    name="transformers",
    model="m",
    abilities=frozenset({Ability.CHAT}),
    window=30.0,
    audio_tokens_per_second=25.0,
)


def about(seconds: float, words: str = "?") -> Conversation:
    return [user(Clip((np.zeros(round(seconds * 16_000), np.float32), 16_000)), words)]


def test_those_of_like_length_run_together_shortest_first():
    lengths = [20.0, 1.0, 19.0, 2.0, 21.0, 1.5]
    found = list(batches([about(seconds) for seconds in lengths], INFO, 3 * 540))
    assert found == [[1, 5, 3], [2, 0, 4]]


def test_a_batch_is_no_larger_than_its_longest_row_allows():
    found = list(batches([about(10.0) for _ in range(7)], INFO, 1_100))
    assert [len(batch) for batch in found] == [4, 3]


def test_what_is_longer_than_a_whole_batch_runs_alone():
    assert list(batches([about(30.0), about(30.0)], INFO, 100)) == [[0], [1]]


def test_words_that_all_begin_with_the_same_clips_cost_no_audio():
    clip = Clip((np.zeros(480_000, np.float32), 16_000))
    asked = [[user(clip, f"Question {number}?")] for number in range(20)]
    assert [len(batch) for batch in batches(asked, INFO, 4096)] == [MOST_ROWS, 4]


def test_long_words_count_too():
    found = list(batches([about(1.0, "x" * 9_000), about(1.0), about(1.0)], INFO, 3_100))
    assert found == [[1, 2], [0]]


@pytest.mark.parametrize("most", [50, 1_000, 30_000])
def test_every_conversation_is_in_one_batch(most):
    chance = random.Random(most)
    asked = [about(chance.uniform(0.1, 30.0), "x" * chance.randrange(400)) for _ in range(50)]
    found = [index for batch in batches(asked, INFO, most) for index in batch]
    assert sorted(found) == list(range(50))


def test_none_gives_no_batch():
    assert list(batches([], INFO, 100)) == []
