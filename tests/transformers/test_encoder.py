"""The encoder: what plain `transformers` hears, on no more frames than there is sound for."""

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from qwen_audio_tools.engines.transformers.hearing.encoder import (
    batches,
    convolved,
    encode,
    encode_exact,
    run,
    token_count,
)
from qwen_audio_tools.engines.transformers.hearing.log_mel import LogMel, log_mel
from qwen_audio_tools.testing import chirp, pink_noise

RATE = 16_000


@pytest.fixture(scope="module")
def extractor(processor):
    return processor.feature_extractor


@pytest.fixture(scope="module")
def long() -> np.ndarray:
    parts = (chirp(seconds=11.0), pink_noise(20.0))
    return np.concatenate([np.asarray(part, np.float32) for part in parts])


def heard_plainly(model: Any, processor: Any, clips: list[np.ndarray]) -> list[torch.Tensor]:
    """Return what reaches the language model when `transformers` itself runs one prompt."""
    inputs = processor(
        text=["<|audio_bos|><|AUDIO|><|audio_eos|>" * len(clips)],
        audio=clips,
        sampling_rate=RATE,
        return_tensors="pt",
    )
    seen = []
    hook = model.model.language_model.register_forward_pre_hook(
        lambda _, __, named: seen.append(named["inputs_embeds"]), with_kwargs=True
    )
    try:
        with torch.no_grad():
            model(**inputs)
    finally:
        hook.remove()
    audio = seen[0][inputs.input_ids == model.config.audio_token_id]
    return list(audio.split([token_count(len(clip)) for clip in clips]))


def furthest(ours: list[torch.Tensor], theirs: list[torch.Tensor]) -> float:
    pairs = zip(ours, theirs, strict=True)
    return max(float((one - other).abs().max()) for one, other in pairs)


@pytest.mark.parametrize(
    "length",
    [1600, 1601, 1761, 1921, 5000, 48_000, 48_161, 160_000, 479_201, 479_521, 479_999, 480_000],
)
def test_every_length_is_heard_as_plainly(model, processor, long, length):
    clips = [long[:length]]
    ours = encode(model, processor.feature_extractor, clips)
    assert ours[0].shape == (token_count(length), model.config.text_config.hidden_size)
    assert furthest(ours, heard_plainly(model, processor, clips)) <= 1e-5


def test_several_clips_are_heard_as_plainly_and_in_their_order(model, processor, made):
    clips = [made[name] for name in ("noise", "glass", "speech", "tone")]
    ours = encode(model, processor.feature_extractor, clips)
    assert furthest(ours, heard_plainly(model, processor, clips)) <= 1e-5


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_exact_is_exactly_what_is_heard_plainly(model, processor, made, dtype):
    model = copy.deepcopy(model).to(dtype)
    for names in (["speech"], ["glass", "noise"]):
        clips = [made[name] for name in names]
        ours = encode_exact(model, processor.feature_extractor, clips)
        plain = heard_plainly(model, processor, clips)
        assert all(torch.equal(one, other) for one, other in zip(ours, plain, strict=True))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_kept_and_near(model, extractor, made, dtype):
    model, clips = copy.deepcopy(model).to(dtype), [made["speech"], made["glass"]]
    ours, exact = encode(model, extractor, clips), encode_exact(model, extractor, clips)
    assert {heard.dtype for heard in (*ours, *exact)} == {dtype}
    largest = max(float(heard.abs().max()) for heard in exact)
    assert furthest(ours, exact) <= 8 * torch.finfo(dtype).eps * largest


def test_eager_attention_hears_the_same(model, extractor, made):
    clips = [made["speech"], made["glass"]]
    usual = encode(model, extractor, clips)
    eager = copy.deepcopy(model)
    eager.set_attn_implementation("eager")
    assert furthest(encode(eager, extractor, clips), usual) <= 1e-5


def test_the_company_of_other_clips_changes_nothing(model, extractor, made):
    clips = list(made.values())
    together = encode(model, extractor, clips)
    alone = [encode(model, extractor, [clip])[0] for clip in clips]
    assert all(torch.equal(one, other) for one, other in zip(together, alone, strict=True))


@pytest.mark.parametrize("lengths", [(70_000, 123_457, 160_000), (16_000, 479_990), (1600, 1900)])
def test_a_batch_of_unequal_lengths_is_masked(model, extractor, long, lengths):
    clips = [long[at * 100 : at * 100 + length] for at, length in enumerate(lengths)]
    mel = LogMel.of(extractor)
    with torch.no_grad():
        hidden = run(
            model.model.audio_tower,
            [log_mel(clip, mel) for clip in clips],
            [convolved(length) for length in lengths],
        )
        rows = model.model.multi_modal_projector(hidden)
    batched = [row[: token_count(length)] for row, length in zip(rows, lengths, strict=True)]
    assert furthest(batched, encode(model, extractor, clips)) <= 1e-5


def frames_run(model: Any, call: Callable[[], Any]) -> list[int]:
    """Return how many frames, padding included, the first layer sees in each of its runs."""
    seen: list[int] = []
    layer = model.model.audio_tower.layers[0]
    hook = layer.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].shape[1]))
    try:
        call()
    finally:
        hook.remove()
    return seen


def test_three_seconds_do_not_cost_thirty(model, extractor, made):
    clip = made["tone"]
    assert frames_run(model, lambda: encode(model, extractor, [clip])) == [150]
    assert frames_run(model, lambda: encode_exact(model, extractor, [clip])) == [1500]


def test_what_is_heard_holds_no_other_memory(model, extractor, made):
    clips = [made["glass"], made["noise"]]
    for heard in (*encode(model, extractor, clips), *encode_exact(model, extractor, clips)):
        assert heard.untyped_storage().nbytes() == heard.numel() * heard.element_size()
        assert not heard.requires_grad


def test_tokens_are_as_many_as_the_processor_expands(processor):
    lengths = [1, 320, 321, 400, 1600, 16_000, 48_161, 93_680, 160_000, 479_840, 480_000, 900_000]
    for length in lengths:
        inputs = processor(
            text=["<|AUDIO|>"],
            audio=[np.zeros(length, np.float32)],
            sampling_rate=RATE,
            return_tensors="pt",
        )
        audio = processor.tokenizer.convert_tokens_to_ids("<|AUDIO|>")
        assert token_count(length) == int((inputs.input_ids == audio).sum()), length


def test_tokens_are_twenty_five_a_second():
    seconds = {0.02: 0, 0.025: 1, 0.07: 2, 0.1: 2, 0.5: 12, 1: 25, 5.855: 146, 10: 250, 30: 750}
    assert {at: token_count(round(at * RATE)) for at in seconds} == seconds


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_batches_hold_every_clip_once_and_little_padding(device):
    lengths = np.random.default_rng(0).integers(5, 1501, 300).tolist()
    found = list(batches(lengths, device))
    assert sorted(index for batch in found for index in batch) == list(range(300))
    for batch in found:
        inside = [lengths[index] for index in batch]
        assert max(inside) <= 1.15 * min(inside)
        assert len(batch) * max(inside) <= 12_000


def test_a_gpu_gets_many_windows_at_once_and_a_cpu_one():
    windows = [1500] * 20
    assert [len(batch) for batch in batches(windows, "cuda")] == [8, 8, 4]
    assert [len(batch) for batch in batches(windows, "cpu")] == [1] * 20
