"""Replies token by token: what plain `generate` says, however rows are put together or reused."""

import copy
from collections.abc import Sequence
from itertools import takewhile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoProcessor, Qwen2AudioForConditionalGeneration

from qwen_audio_tools import settings
from qwen_audio_tools.engines.base import Options
from qwen_audio_tools.engines.transformers.generating.decoding import Generation, Request, generate
from qwen_audio_tools.engines.transformers.generating.sampling import Sampling
from qwen_audio_tools.engines.transformers.loading.checkpoint import find
from qwen_audio_tools.engines.transformers.loading.model_loading import Loaded
from qwen_audio_tools.engines.transformers.loading.placement import Placement
from qwen_audio_tools.engines.transformers.prompt import AudioSpan, Prompt
from qwen_audio_tools.engines.transformers.qwen2_audio import Qwen2Audio
from qwen_audio_tools.engines.transformers.reuse.kept import Kept
from qwen_audio_tools.engines.transformers.reuse.prefixes import Prefixes
from qwen_audio_tools.errors import Cancelled, EngineRefused
from qwen_audio_tools.testing.made_checkpoints import Shape, write_checkpoint

QUESTIONS = ("What is it?", "Which sound is this, and how loud?", "", "Who?", "Why?!")
GREEDY = Options(temperature=0.0, max_tokens=24)


def together(rows: Sequence[Sequence[int]]) -> Sequence[int]:
    """Return what all rows begin with."""
    return [column[0] for column in takewhile(lambda c: len(set(c)) == 1, zip(*rows, strict=False))]


class Talk:
    """A checkpoint, prompts for it, and two ways of answering them: ours and the plain one."""

    def __init__(self, folder: Path, made: dict[str, np.ndarray], **loading: Any) -> None:
        self.made = made
        self.processor = AutoProcessor.from_pretrained(folder)
        self.reference = Qwen2AudioForConditionalGeneration.from_pretrained(folder, **loading)
        self.adapter = self.adapted(copy.deepcopy(self.reference), folder)
        self.exact = self.adapted(copy.deepcopy(self.reference), folder, exact=True)
        self.sounds: dict[str, torch.Tensor] = {}

    def adapted(self, model: Any, folder: Path, *, exact: bool = False) -> Qwen2Audio:
        place = Placement(device="cpu", dtype="float32", attention="sdpa", quantize="none")
        checkpoint = find(str(folder), settings.read())
        loaded = Loaded(
            model=model.eval(), processor=self.processor, checkpoint=checkpoint, placement=place
        )
        return Qwen2Audio(loaded, exact=exact)

    def text(self, question: str) -> str:
        sound = "<|audio_bos|><|AUDIO|><|audio_eos|>"
        return f"<|im_start|>user\nAudio 1: {sound}\n{question}<|im_end|>\n<|im_start|>assistant\n"

    def prompt(self, name: str, question: str, behind: Sequence[int] = ()) -> Prompt:
        inputs = self.inputs(name, question)
        key = f"{ord(name[0]):x}" * 32
        ids = inputs.input_ids[0].tolist()
        token = self.processor.tokenizer.convert_tokens_to_ids("<|AUDIO|>")
        if key not in self.sounds:
            self.sounds[key] = self.heard(inputs)
        return Prompt((*ids, *behind), (AudioSpan(ids.index(token), ids.count(token), key),))

    def inputs(self, name: str, question: str) -> Any:
        return self.processor(
            text=[self.text(question)],
            audio=[self.made[name]],
            sampling_rate=16_000,
            return_tensors="pt",
        )

    def heard(self, inputs: Any) -> torch.Tensor:
        """Return what the language model hears, caught on its way into plain `generate`."""
        caught: list[torch.Tensor] = []
        handle = self.reference.model.multi_modal_projector.register_forward_hook(
            lambda _, __, found: caught.append(found)
        )
        with torch.no_grad():
            self.reference(**inputs)
        handle.remove()
        token = self.processor.tokenizer.convert_tokens_to_ids("<|AUDIO|>")
        return caught[0][0, : int((inputs.input_ids == token).sum())]

    def plain(self, name: str, question: str, tokens: int = 24, **options: Any) -> list[int]:
        inputs = self.inputs(name, question)
        options = {"do_sample": False, "max_new_tokens": tokens, **options}
        with torch.no_grad():
            ids = self.reference.generate(**inputs, **options)
        return [int(token) for token in ids[0, inputs.input_ids.shape[1] :]]

    def request(self, prompt: Prompt, options: Options = GREEDY, **changes: Any) -> Request:
        end = self.reference.generation_config.eos_token_id
        asked = {
            "prompt": prompt,
            "max_tokens": options.max_tokens,
            "sampling": Sampling.of(self.reference.generation_config, options),
            "stop_ids": frozenset([end]),
            **changes,
        }
        return Request(**asked)

    def start(self, requests: Sequence[Request], **options: Any) -> Generation:
        options = {"prefixes": None, "sounds": self.sounds, **options}
        adapter = self.exact if options.get("exact") else self.adapter
        return generate(options.pop("adapter", adapter), requests, **options)

    def replies(self, prompts: Sequence[Prompt], **options: Any) -> list[list[int]]:
        found: list[list[int]] = [[] for _ in prompts]
        for step in self.start([self.request(prompt) for prompt in prompts], **options):
            found[step.row].append(step.token)
        return found


@pytest.fixture(scope="module")
def talk(checkpoint: Path, made: dict[str, np.ndarray]) -> Talk:
    return Talk(checkpoint, made)


@pytest.fixture
def prefixes() -> Prefixes:
    return Prefixes(Kept(100_000_000))


@pytest.fixture(scope="module")
def asked(talk: Talk) -> list[Prompt]:
    """Five questions on one clip."""
    return [talk.prompt("glass", question) for question in QUESTIONS]


@pytest.fixture(scope="module")
def expected(talk: Talk) -> list[list[int]]:
    """What plain `generate` says to them, one by one."""
    return [talk.plain("glass", question) for question in QUESTIONS]


def test_the_expected_replies_differ(expected):
    assert len({tuple(reply) for reply in expected}) == len(QUESTIONS)


def test_each_alone_says_what_plain_generate_says(talk, asked, expected):
    assert [talk.replies([prompt])[0] for prompt in asked] == expected


def test_all_at_once_say_what_each_says_alone(talk, asked, expected):
    assert talk.replies(asked) == expected
    assert talk.replies(asked[::-1]) == expected[::-1]
    assert talk.replies([*asked, *asked]) == [*expected, *expected]


def test_clips_of_unequal_length_in_one_batch_change_nothing(talk):
    names = ("tone", "speech", "glass", "noise", "speech")
    prompts = [talk.prompt(*pair) for pair in zip(names, QUESTIONS, strict=True)]
    found = talk.replies(prompts)
    assert found == [talk.plain(*pair) for pair in zip(names, QUESTIONS, strict=True)]


def test_what_rows_share_is_computed_once(talk, asked, work):
    talk.replies(asked)
    shared = len(together([prompt.keys for prompt in asked]))
    own = sum(len(prompt.ids) - shared for prompt in asked)
    assert shared >= asked[0].spans[0].start + asked[0].spans[0].count
    assert work.read[0] == shared
    assert own <= sum(work.read[1:-23]) < 1.4 * own  # some padding
    assert work.read[-23:] == [5] * 23


def test_questions_on_two_clips_read_each_clip_once(talk, work):
    names = ("tone", "noise", "tone", "noise")
    prompts = [talk.prompt(*pair) for pair in zip(names, QUESTIONS, strict=False)]
    work.clear()
    found = talk.replies(prompts)
    assert sum(work.read[:-23]) < 1.3 * (len(prompts[0].ids) + len(prompts[1].ids))
    assert found == [talk.plain(*pair) for pair in zip(names, QUESTIONS, strict=False)]


def test_a_second_question_reads_only_what_is_new(talk, asked, expected, prefixes, work):
    assert talk.replies(asked[:1], prefixes=prefixes) == expected[:1]
    work.clear()
    sounds: dict[str, torch.Tensor] = {}  # nothing is heard again either
    assert talk.replies(asked[1:2], prefixes=prefixes, sounds=sounds) == expected[1:2]
    assert work.read[0] == len(asked[1].ids) - len(together([one.keys for one in asked[:2]]))


def test_a_clip_of_which_only_a_part_is_kept_is_read_on_from_there(talk, asked, expected, work):
    span, seen = asked[0].spans[0], set()
    for budget in range(40_000, 120_000, 10_000):
        prefixes = Prefixes(Kept(budget))
        talk.replies(asked[:1], prefixes=prefixes)
        work.clear()
        assert talk.replies(asked[1:2], prefixes=prefixes) == expected[1:2]
        seen.add(len(asked[1].ids) - work.read[0])
    assert any(span.start < known < span.start + span.count for known in seen)


def test_a_batch_goes_on_from_what_is_known(talk, asked, expected, prefixes, work):
    assert [talk.replies([prompt], prefixes=prefixes)[0] for prompt in asked] == expected
    work.clear()
    assert talk.replies(asked, prefixes=prefixes, sounds={}) == expected
    assert work.read == [5] * 24  # nothing but the last token of each prompt, and the replies


def test_the_next_turn_of_a_chat_reads_only_the_new_turn(talk, prefixes, work):
    first = talk.prompt("speech", QUESTIONS[0])
    reply = talk.replies([first], prefixes=prefixes)[0]
    turn = talk.processor.tokenizer("<|im_end|>\n<|im_start|>user\nAnd?<|im_end|>\n").input_ids
    second = talk.prompt("speech", QUESTIONS[0], behind=[*reply, *turn])
    work.clear()
    found = talk.replies([second], prefixes=prefixes, sounds={})
    assert work.read[0] == len(turn) + 1  # the reply's last token was said, but not read
    assert found == talk.replies([second])


def test_replies_outgrow_the_memory_that_was_laid_out(talk, asked):
    options = Options(temperature=0.0, max_tokens=300)
    found: list[list[int]] = [[], []]
    for step in talk.start([talk.request(prompt, options) for prompt in asked[:2]]):
        found[step.row].append(step.token)
    assert found == [talk.plain("glass", question, 300) for question in QUESTIONS[:2]]
    assert max(map(len, found)) == 300


@pytest.mark.parametrize("most", [(3, 24, 6, 24, 1), (24, 3, 6, 1, 9), (1, 1, 2, 24, 24)])
@pytest.mark.parametrize("shares_prefix", [True, False])
def test_a_row_that_is_done_costs_the_others_nothing(
    talk, asked, expected, prefixes, work, most, shares_prefix
):
    pairs = list(zip(asked, most, strict=True))
    requests = [talk.request(prompt, max_tokens=tokens) for prompt, tokens in pairs]
    found: list[list[int]] = [[] for _ in asked]
    ends = []
    adapter = talk.adapter if shares_prefix else talk.exact
    for step in talk.start(requests, prefixes=prefixes, adapter=adapter):
        found[step.row].append(step.token)
        if step.finished:
            ends.append(most[step.row])
    assert found == [reply[:tokens] for reply, tokens in zip(expected, most, strict=True)]
    assert ends == sorted(most)
    steps = range(1, max(most))
    assert work.read[-len(steps) :] == [sum(tokens > step for tokens in most) for step in steps]
    assert talk.replies(asked, prefixes=prefixes, sounds={}) == expected


def test_a_model_that_cannot_share_a_prefix_says_the_same(talk, asked, expected):
    assert not talk.exact.shares_prefix
    assert talk.replies(asked, adapter=talk.exact) == expected


def test_a_reply_ends_with_the_token_that_ends_a_turn(talk, asked, expected):
    end = expected[0][7]
    steps = list(talk.start([talk.request(asked[0], stop_ids=frozenset([end]))]))
    at = expected[0].index(end)
    assert [step.token for step in steps] == expected[0][: at + 1]
    assert [step.finished for step in steps] == [None] * at + ["eos"]


def test_a_row_can_be_stopped_while_the_others_go_on(talk, asked, expected, prefixes):
    generation = talk.start([talk.request(prompt) for prompt in asked], prefixes=prefixes)
    found: list[list[int]] = [[] for _ in asked]
    for step in generation:
        found[step.row].append(step.token)
        if step.row == 1 and len(found[1]) == 4:
            generation.stop(1)
    assert found == [reply[:4] if row == 1 else reply for row, reply in enumerate(expected)]
    assert talk.replies(asked, prefixes=prefixes) == expected


def test_closing_stops_at_once_and_keeps_what_was_read(talk, asked, expected, prefixes, work):
    generation = talk.start([talk.request(prompt) for prompt in asked], prefixes=prefixes)
    steps = iter(generation)
    next(steps)
    generation.close()
    read = len(work.read)
    assert list(steps) == []
    assert len(work.read) == read
    assert talk.replies(asked, prefixes=prefixes, sounds={}) == expected


def test_generations_that_take_turns_change_nothing(talk, asked, expected, prefixes):
    running = [
        iter(talk.start([talk.request(prompt) for prompt in prompts], prefixes=prefixes))
        for prompts in (asked[:1], asked[1:3], asked[:1])
    ]
    found: list[list[int]] = [[], [], []]
    for _ in range(24):
        found[0].append(next(running[0]).token)
        found[1] += [next(running[1]).token, next(running[1]).token]
        found[2].append(next(running[2]).token)
    assert found[0] == found[2] == expected[0]
    assert sorted([found[1][::2], found[1][1::2]]) == sorted(expected[1:3])


def test_nothing_is_computed_before_the_first_step_is_asked_for(talk, asked, work):
    talk.start([talk.request(asked[0])]).close()
    assert work.read == []
    assert list(talk.start([])) == []


def test_a_cancelled_generation_says_so_and_computes_no_further_token(talk, asked, work):
    steps = talk.start([talk.request(asked[0])], cancelled=lambda: len(work.read) == 3)
    with pytest.raises(Cancelled):
        list(steps)
    assert len(work.read) == 3


class Digits:
    """Keeps a reply to three digits."""

    def __init__(self, tokens: Sequence[int]) -> None:
        self.tokens, self.said = list(tokens), 0
        self.done = False

    def allowed(self, logits: torch.Tensor) -> None:
        only = torch.full_like(logits, -torch.inf)
        only[self.tokens] = logits[self.tokens]
        logits.copy_(only)

    def advance(self, token: int) -> None:
        assert token in self.tokens
        self.said += 1
        self.done = self.said == 3


def test_a_constraint_holds_its_own_row_only(talk, asked, expected):
    digits = [talk.processor.tokenizer(str(digit)).input_ids[0] for digit in range(10)]
    requests = [talk.request(asked[0], constraint=Digits(digits)), talk.request(asked[1])]
    found: list[list[int]] = [[], []]
    for step in talk.start(requests):
        found[step.row].append(step.token)
    assert len(found[0]) == 3
    assert set(found[0]) <= set(digits)
    assert found[1] == expected[1]


@pytest.mark.parametrize("exact", [False, True])
def test_a_model_that_computes_no_numbers_is_an_error_not_an_answer(
    talk, asked, expected, checkpoint, exact
):
    """A model that fails at the first letter that it reads of its own reply, as overflow would."""
    broken = copy.deepcopy(talk.reference)
    said = expected[0]
    at = next(at for at, token in enumerate(said) if token not in asked[0].ids)
    with torch.no_grad():
        broken.model.language_model.embed_tokens.weight[said[at]] = torch.nan
    adapter = talk.adapted(broken, checkpoint, exact=exact)
    options = {"prefixes": None, "sounds": talk.sounds, "exact": exact}
    with pytest.raises(EngineRefused, match="no numbers in float32"):
        list(generate(adapter, [talk.request(asked[0])], **options))
    steps = iter(generate(adapter, [talk.request(asked[0])], **options))
    assert [next(steps).token for _ in range(at + 1)] == said[: at + 1]


@pytest.fixture(scope="module")
def few_heads(tmp_path_factory: pytest.TempPathFactory, made: dict[str, np.ndarray]) -> Talk:
    folder = tmp_path_factory.mktemp("checkpoints") / "Few-Heads"
    return Talk(write_checkpoint(folder, shape=Shape(kv_heads=2), seed=3), made)


def test_heads_that_share_keys_are_told_apart(few_heads):
    prompts = [few_heads.prompt("glass", question) for question in QUESTIONS]
    expected = [few_heads.plain("glass", question) for question in QUESTIONS]
    assert few_heads.replies(prompts) == expected
    assert [few_heads.replies([prompt])[0] for prompt in prompts] == expected


def test_plain_attention_by_hand_works_as_well(checkpoint, made, expected):
    eager = Talk(checkpoint, made, attn_implementation="eager")
    prompts = [eager.prompt("glass", question) for question in QUESTIONS]
    assert eager.replies(prompts) == expected
    assert eager.replies(prompts[:1]) == expected[:1]


def test_exact_says_what_plain_generate_says_in_bf16_too(checkpoint, made, work):
    talk = Talk(checkpoint, made, dtype=torch.bfloat16)
    prompts = [talk.prompt("glass", question) for question in QUESTIONS]
    expected = [talk.plain("glass", question) for question in QUESTIONS]
    work.clear()
    assert talk.replies(prompts, exact=True) == expected
    assert [read for read in work.read if read > 1] == [len(prompt.ids) for prompt in prompts]
