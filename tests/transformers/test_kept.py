"""Kept: one bound of bytes for all that the engine keeps."""

import random
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor

from qwen_audio_tools.engines.transformers.reuse.kept import Kept


def test_what_was_put_is_got():
    kept = Kept(100)
    assert kept.put("clip", "sound", 40)
    assert kept.get("clip") == "sound"
    assert "clip" in kept
    assert kept.get("another") is None


def test_what_was_used_longest_ago_makes_room():
    kept = Kept(100)
    for key in ("one", "two", "three"):
        kept.put(key, key, 30)
    kept.get("one")
    kept.put("four", "four", 30)
    assert [key for key in ("one", "two", "three", "four") if key in kept] == [
        *("one", "three", "four")
    ]


def test_bytes_count_and_not_entries():
    kept = Kept(100)
    for number in range(50):
        kept.put(number, number, 1)
    kept.put("large", "large", 90)
    assert kept.held == 100
    assert [number for number in range(50) if number in kept] == list(range(40, 50))


def test_what_is_larger_than_the_budget_is_not_kept_and_drives_nothing_out():
    kept = Kept(100)
    kept.put("small", "small", 100)
    assert not kept.put("large", "large", 101)
    assert kept.get("small") == "small"
    assert kept.get("large") is None


def test_a_new_value_takes_the_place_of_the_old_one():
    kept = Kept(100)
    kept.put("clip", "first", 80)
    kept.put("clip", "second", 30)
    assert (kept.get("clip"), kept.held) == ("second", 30)


def test_an_old_value_does_not_outlive_a_new_one_that_cannot_be_kept():
    kept = Kept(100)
    kept.put("clip", "first", 80)
    kept.put("clip", "second", 200)
    assert (kept.get("clip"), kept.held) == (None, 0)


def test_each_value_that_leaves_is_told_once():
    left = []
    kept = Kept(100)
    for number in range(5):
        kept.put(number, number, 40, let_go=lambda number=number: left.append(number))
    assert left == [0, 1, 2]
    kept.drop(4)
    kept.drop(4)
    assert left == [0, 1, 2, 4]
    kept.clear()
    assert (left, kept.held) == ([0, 1, 2, 4, 3], 0)


def test_a_value_that_leaves_may_take_others_with_it():
    kept = Kept(100)
    kept.put("parent", 1, 50, let_go=lambda: kept.drop("child"))
    kept.put("child", 2, 50)
    kept.put("new", 3, 60)
    assert (kept.held, kept.get("new")) == (60, 3)


def test_no_budget_keeps_nothing():
    kept = Kept(0)
    assert not kept.put("clip", "sound", 1)
    assert Kept(-5).budget == 0


def test_any_order_of_uses_keeps_what_a_plain_list_of_uses_would():
    chance = random.Random(3)
    kept, plain = Kept(500), OrderedDict()
    for _ in range(3000):
        key = chance.randrange(60)
        if chance.random() < 0.5:
            assert kept.get(key) == plain.get(key)
            if key in plain:
                plain.move_to_end(key)
            continue
        size = chance.randrange(1, 120)
        assert kept.put(key, size, size)
        plain.pop(key, None)
        while sum(plain.values()) + size > 500:
            plain.popitem(last=False)
        plain[key] = size
        assert kept.held == sum(plain.values())


def test_threads_do_not_exceed_the_budget():
    kept = Kept(1000)

    def use(seed: int) -> int:
        chance, most = random.Random(seed), 0
        for _ in range(2000):
            key = chance.randrange(40)
            kept.put(key, key, 10 + key)
            assert kept.get(key) in (key, None)
            most = max(most, kept.held)
        return most

    with ThreadPoolExecutor(4) as pool:
        assert max(pool.map(use, range(4))) <= 1000
    assert kept.held == sum(10 + key for key in range(40) if key in kept)
