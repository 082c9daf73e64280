"""How a token is chosen: as `generate` of transformers would, each row by itself."""

from collections import Counter
from typing import Any

import pytest
import torch
from transformers import GenerationConfig, RepetitionPenaltyLogitsProcessor
from transformers.generation import TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper

from qwen_audio_tools.engines.base import Options
from qwen_audio_tools.engines.transformers.generating.sampling import Choosing, Sampling
from qwen_audio_tools.errors import SettingsError
from qwen_audio_tools.testing.made_checkpoints import GENERATION

CPU = torch.device("cpu")
INSTRUCT = GenerationConfig(**GENERATION)
WORDS = 50


def choosing(*samplings: Sampling, ids: Any = None) -> Choosing:
    rows = len(samplings)
    return Choosing(ids or [[0]] * rows, samplings, [None] * rows, CPU)


def logits(rows: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(rows, WORDS, generator=torch.Generator().manual_seed(seed)) * 3


def sampled(seed: int | None, **changes: Any) -> Sampling:
    values = {"temperature": 0.8, "top_k": 12, "top_p": 0.9, **changes}
    return Sampling(seed=seed, **values)


def test_a_checkpoint_says_how_it_wants_to_be_sampled():
    found = Sampling.of(INSTRUCT, Options(seed=7))
    assert (found.temperature, found.top_k, found.top_p) == (0.7, 20, 0.5)
    assert (found.repetition_penalty, found.seed, found.warnings) == (1.1, 7, ())


def test_options_overrule_the_checkpoint_one_by_one():
    found = Sampling.of(INSTRUCT, Options(temperature=1.3))
    assert (found.temperature, found.top_k, found.top_p) == (1.3, 20, 0.5)
    assert Sampling.of(INSTRUCT, Options(top_p=0.8)).top_p == 0.8


def test_temperature_0_is_greedy_and_the_repetition_penalty_stays():
    found = Sampling.of(INSTRUCT, Options(temperature=0.0))
    assert found.greedy
    assert found.repetition_penalty == 1.1


def test_a_checkpoint_that_says_nothing_is_greedy_until_a_temperature_is_given():
    assert Sampling.of(GenerationConfig(), Options()).greedy
    found = Sampling.of(GenerationConfig(), Options(temperature=0.5))
    assert (found.temperature, found.top_k, found.top_p) == (0.5, 50, 1.0)  # as `generate` has it


def test_what_is_not_followed_is_said():
    config = GenerationConfig(num_beams=4, no_repeat_ngram_size=3, num_return_sequences=1)
    warnings = Sampling.of(config, Options()).warnings
    assert [warning.split()[4] for warning in warnings] == [
        *("num_beams=4", "no_repeat_ngram_size=3")
    ]
    greedy = Sampling.of(INSTRUCT, Options(temperature=0.0, top_p=0.5)).warnings
    assert [warning.split(":")[0] for warning in greedy] == ["top_p has no effect"]


@pytest.mark.parametrize(
    "options",
    [
        *(Options(temperature=-0.1), Options(temperature=float("nan"))),
        *(Options(temperature=float("inf")), Options(top_p=0.0), Options(top_p=1.5)),
        *(Options(top_p=float("nan")), Options(seed=-1), Options(seed=2**63)),
    ],
)
def test_impossible_options_are_refused(options):
    with pytest.raises(SettingsError, match="cannot be"):
        Sampling.of(INSTRUCT, options)


def test_the_repetition_penalty_counts_prompt_and_reply_as_generate_does():
    ids = [[3, 3, 9, 40], [11], [5, 6, 7]]
    ours = choosing(*[Sampling(repetition_penalty=1.7)] * 3, ids=ids)
    penalty = RepetitionPenaltyLogitsProcessor(1.7)
    for step in range(20):
        scores = logits(3, seed=step)
        expected = [
            int(penalty(torch.tensor([row]), scores[[at]]).argmax()) for at, row in enumerate(ids)
        ]
        found = ours.choose(scores).tolist()
        assert found == expected
        for row, token in zip(ids, found, strict=True):
            row.append(token)


def test_rows_that_are_left_keep_their_own_penalty_and_words():
    samplings = [Sampling(repetition_penalty=value) for value in (1.0, 4.0, 9.0)]
    ids = [list(range(5)), list(range(5, 25)), list(range(25, 50))]
    ours = choosing(*samplings, ids=ids)
    ours.keep([2, 1])
    scores = logits(2).abs()
    expected = [
        int(RepetitionPenaltyLogitsProcessor(penalty)(torch.tensor([said]), scores[[row]]).argmax())
        for row, (penalty, said) in enumerate([(9.0, ids[2]), (4.0, ids[1])])
    ]
    assert ours.choose(scores).tolist() == expected


def test_choosing_leaves_the_logits_as_they_are():
    scores = logits(2)
    before = scores.clone()
    choosing(sampled(0, repetition_penalty=2.0), Sampling(repetition_penalty=2.0)).choose(scores)
    assert torch.equal(scores, before)


@pytest.mark.parametrize("changes", [{}, {"top_k": 0}, {"top_p": 1.0}, {"top_p": 0.3}])
def test_tokens_come_as_often_as_generate_would_draw_them(changes):
    sampling = sampled(0, **changes)
    scores = logits(1)
    expected = scores.clone()
    warpers = [TemperatureLogitsWarper(0.8), TopPLogitsWarper(sampling.top_p)]
    if sampling.top_k:
        warpers.insert(1, TopKLogitsWarper(sampling.top_k))
    for warper in warpers:
        expected = warper(None, expected)
    expected = expected.softmax(-1)[0]
    ours, draws = choosing(sampling), 4000
    found = Counter(int(ours.choose(scores)[0]) for _ in range(draws))
    assert set(found) <= set(expected.nonzero().flatten().tolist())
    for token in range(WORDS):
        deviation = float((expected[token] * (1 - expected[token]) / draws) ** 0.5)
        assert abs(found[token] / draws - float(expected[token])) <= 4.5 * deviation


def test_a_seed_repeats_and_another_seed_differs():
    def drawn(seed: int | None) -> list[int]:
        one = choosing(sampled(seed))
        return [int(one.choose(logits(1, step))[0]) for step in range(40)]

    assert drawn(3) == drawn(3)
    assert drawn(3) != drawn(4)
    assert drawn(None) != drawn(None)


def test_a_row_draws_the_same_alone_and_among_others():
    samplings = [sampled(1), Sampling(), sampled(2, temperature=1.5), sampled(3)]
    together = choosing(*samplings)
    alone = [choosing(sampling) for sampling in samplings]
    for step in range(20):
        scores = logits(4, step)
        expected = [int(one.choose(scores[[row]])[0]) for row, one in enumerate(alone)]
        assert together.choose(scores).tolist() == expected
    together.keep([3, 0])
    for step in range(20, 40):
        scores = logits(2, step)
        expected = [int(alone[row].choose(scores[[at]])[0]) for at, row in enumerate((3, 0))]
        assert together.choose(scores).tolist() == expected
