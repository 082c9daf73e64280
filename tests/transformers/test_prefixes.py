"""Prefixes: what was read once is found by whatever begins like it."""

import random
import weakref
from concurrent.futures import ThreadPoolExecutor

import torch

from qwen_audio_tools.engines.transformers.reuse.kept import Kept
from qwen_audio_tools.engines.transformers.reuse.pieces import Piece, size, tokens
from qwen_audio_tools.engines.transformers.reuse.prefixes import Prefixes

LAYERS, HEADS, WIDTH = 2, 2, 3
TOKEN = LAYERS * 2 * HEADS * WIDTH * 4  # bytes


def states(keys: tuple[int, ...], start: int = 0) -> Piece:
    """Return states of `keys[start:]` that depend, as a model's do, on all tokens before them."""
    marks = [float(hash(keys[: end + 1]) % 100_003) for end in range(start, len(keys))]
    row = torch.tensor(marks)[None, None, :, None].expand(1, HEADS, -1, WIDTH)
    return [(row + layer, row - layer) for layer in range(LAYERS)]


def joined(pieces: list[Piece]) -> Piece:
    return [
        tuple(torch.cat([piece[layer][side] for piece in pieces], dim=2) for side in range(2))
        for layer in range(LAYERS)
    ]


def same(one: Piece, other: Piece) -> bool:
    pairs = zip(one, other, strict=True)
    return all(torch.equal(a, b) for pair in pairs for a, b in zip(*pair, strict=True))


def remember(prefixes: Prefixes, keys: tuple[int, ...]) -> int:
    """Do what a generation does: look what is known, compute the rest, and offer it."""
    known, _ = prefixes.find(keys)
    return prefixes.insert(keys, states(keys, known), known)


def begins_alike(one: tuple[int, ...], other: tuple[int, ...]) -> int:
    return next(
        (at for at in range(min(len(one), len(other))) if one[at] != other[at]),
        min(len(one), len(other)),
    )


def prompt(chance: random.Random) -> tuple[int, ...]:
    """Return a prompt that often begins as others do, and branches anywhere."""
    return tuple(chance.randrange(2) for _ in range(chance.randrange(1, 14)))


def test_a_prompt_is_found_by_what_begins_like_it():
    prefixes = Prefixes(Kept(10**6))
    remember(prefixes, (1, 2, 3, 4))
    for keys, known in (((1, 2, 3, 4, 5), 4), ((1, 2, 9), 2), ((1,), 1), ((2, 1), 0), ((), 0)):
        length, pieces = prefixes.find(keys)
        assert length == known
        if known:
            assert same(joined(pieces), states(keys[:known]))


def test_prompts_that_branch_share_the_memory_of_their_beginning():
    kept = Kept(10**6)
    prefixes = Prefixes(kept)
    clip = tuple(range(100))
    for question in range(8):
        remember(prefixes, (*clip, 1000 + question, 7))
    assert kept.held == (100 + 8 * 2) * TOKEN


def test_a_prompt_that_is_known_costs_nothing_more():
    kept = Kept(10**6)
    prefixes = Prefixes(kept)
    keys = (1, 2, 3)
    assert prefixes.insert(keys, states(keys)) == 3
    assert prefixes.insert(keys, states(keys)) == 3
    assert prefixes.insert(keys[:2], states(keys[:2])) == 2
    assert kept.held == 3 * TOKEN


def test_what_is_kept_is_a_copy_and_lets_go_of_the_buffer_it_came_from():
    kept = Kept(10**6)
    prefixes = Prefixes(kept)
    keys = tuple(range(10))
    buffer = [(torch.zeros(1, HEADS, 500, WIDTH), torch.zeros(1, HEADS, 500, WIDTH))] * LAYERS
    prefixes.insert(keys, [(k[:, :, :10], v[:, :, :10]) for k, v in buffer])
    buffer[0][0].fill_(7.0)
    _, pieces = prefixes.find(keys)
    assert not pieces[0][0][0].any()
    assert memory(pieces) == kept.held == 10 * TOKEN


def memory(pieces: list[Piece]) -> int:
    """Return the bytes that lie behind tensors, whatever part of them they show."""
    behind = {
        states.untyped_storage().data_ptr(): states.untyped_storage().nbytes()
        for piece in pieces
        for layer in piece
        for states in layer
    }
    return sum(behind.values())


def test_after_a_branch_each_part_has_memory_of_its_own():
    prefixes = Prefixes(Kept(10**6))
    remember(prefixes, tuple(range(50)))
    remember(prefixes, (*range(20), 99))
    length, pieces = prefixes.find(tuple(range(20)))
    assert (length, memory(pieces)) == (20, 20 * TOKEN)


def test_what_makes_room_frees_its_memory():
    prefixes = Prefixes(Kept(10 * TOKEN))
    remember(prefixes, tuple(range(10)))
    behind = weakref.ref(prefixes.find((0,))[1][0][0][0]._base)
    assert behind() is not None
    remember(prefixes, tuple(range(100, 110)))
    assert behind() is None
    assert prefixes.find((0,)) == (0, [])


def test_the_end_of_a_prompt_goes_before_its_beginning():
    kept = Kept(30 * TOKEN)
    prefixes = Prefixes(kept)
    clip = tuple(range(10))
    remember(prefixes, (*clip, *range(100, 110)))
    remember(prefixes, (*clip, *range(200, 210)))
    remember(prefixes, tuple(range(300, 310)))
    assert prefixes.find((*clip, *range(100, 110)))[0] == 10
    assert prefixes.find((*clip, *range(200, 210)))[0] == 20


def test_a_clip_that_is_asked_about_again_outlives_one_that_is_not():
    prefixes = Prefixes(Kept(20 * TOKEN))
    old, new = tuple(range(10)), tuple(range(20, 30))
    remember(prefixes, old)
    remember(prefixes, new)
    prefixes.find(old)
    remember(prefixes, tuple(range(40, 45)))
    assert (prefixes.find(old)[0], prefixes.find(new)[0]) == (10, 0)


def test_of_a_prompt_over_the_budget_the_beginning_is_kept():
    kept = Kept(7 * TOKEN + 5)
    prefixes = Prefixes(kept)
    keys = tuple(range(20))
    assert remember(prefixes, keys) == 7
    length, pieces = prefixes.find(keys)
    assert (length, tokens(pieces[0]), kept.held) == (7, 7, 7 * TOKEN)
    assert same(joined(pieces), states(keys[:7]))
    assert remember(prefixes, keys) == 7


def test_what_hangs_on_a_forgotten_beginning_is_not_kept():
    kept = Kept(10**6)
    prefixes = Prefixes(kept)
    keys = tuple(range(10))
    assert prefixes.insert(keys, states(keys, 6), 6) == 0
    assert kept.held == 0


def test_other_values_in_the_same_budget_make_prompts_leave_and_they_are_found_no_more():
    kept = Kept(20 * TOKEN)
    prefixes = Prefixes(kept)
    for keys in ((1, 2, 3, 4), (1, 2, 5, 6), (7, 8)):
        remember(prefixes, keys)
    kept.put("encoder output", None, 20 * TOKEN)
    assert [prefixes.find((first,)) for first in (1, 7)] == [(0, []), (0, [])]
    kept.clear()
    assert remember(prefixes, (1, 2, 3)) == 3


def found_tokens(prefixes: Prefixes, prompts: set[tuple[int, ...]]) -> int:
    """Return how many tokens can be found by these prompts, each counted once."""
    ends = ((keys, prefixes.find(keys)[0]) for keys in prompts)
    return len({keys[:end] for keys, length in ends for end in range(1, length + 1)})


def test_without_a_bound_the_longest_known_beginning_is_always_found():
    chance = random.Random(1)
    kept = Kept(10**9)
    prefixes, known = Prefixes(kept), set()
    for _ in range(400):
        keys = prompt(chance)
        length, pieces = prefixes.find(keys)
        assert length == max((begins_alike(keys, other) for other in known), default=0)
        if length:
            assert same(joined(pieces), states(keys[:length]))
        assert remember(prefixes, keys) == len(keys)
        known.add(keys)
    assert kept.held == found_tokens(prefixes, known) * TOKEN


def test_within_a_bound_nothing_wrong_is_found_and_nothing_is_held_beyond_it():
    chance = random.Random(2)
    kept = Kept(40 * TOKEN)
    prefixes, prompts, found = Prefixes(kept), set(), 0
    for _ in range(1500):
        keys = prompt(chance)
        length, pieces = prefixes.find(keys)
        assert sum(map(tokens, pieces)) == length
        if length:
            found += 1
            assert same(joined(pieces), states(keys[:length]))
        assert remember(prefixes, keys) == len(keys)
        assert prefixes.find(keys)[0] == len(keys)
        assert sum(map(size, prefixes.find(keys)[1])) <= kept.held <= kept.budget
        prompts.add(keys)
    assert found > 500
    assert kept.held == found_tokens(prefixes, prompts) * TOKEN


def test_threads_find_nothing_wrong():
    kept = Kept(60 * TOKEN)
    prefixes = Prefixes(kept)

    def use(seed: int) -> None:
        chance = random.Random(seed)
        for _ in range(300):
            keys = prompt(chance)
            length, pieces = prefixes.find(keys)
            if length:
                assert same(joined(pieces), states(keys[:length]))
            prefixes.insert(keys, states(keys, length), length)
            assert kept.held <= kept.budget

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(use, range(4)))
