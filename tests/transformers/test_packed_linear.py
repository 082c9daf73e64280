"""Linear layers laid out for the CPU: the same results, the same answers, and no weight twice."""

import copy
from typing import Any

import pytest
import torch
from transformers.utils import logging

from qwen_audio_tools.engines.transformers.generating.packed_linear import PackedLinear, pack

logging.disable_progress_bar()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("rows", [1, 3, 17, 300])
def test_a_packed_layer_gives_what_the_layer_gives(dtype: torch.dtype, rows: int) -> None:
    layer = torch.nn.Linear(96, 80).to(dtype)
    states = torch.randn(2, rows, 96).to(dtype)
    with torch.no_grad():
        found, expected = PackedLinear(layer)(states), layer(states)
    tolerance = 1e-5 if dtype == torch.float32 else 2e-2
    torch.testing.assert_close(found, expected, rtol=tolerance, atol=tolerance)


def test_states_may_lie_in_memory_as_they_like() -> None:
    layer = torch.nn.Linear(64, 32, bias=False)
    states = torch.randn(5, 64, 7).transpose(1, 2)[:, -2:]
    with torch.no_grad():
        torch.testing.assert_close(PackedLinear(layer)(states), layer(states))


def test_a_packed_model_says_the_same_and_its_weights_are_there_once(model: Any) -> None:
    packed = copy.deepcopy(model)
    linear = [one for one in packed.modules() if type(one) is torch.nn.Linear]
    assert pack(packed) == len(linear)
    assert not any(type(one) is torch.nn.Linear for one in packed.modules())
    assert not any(name.endswith("q_proj.weight") for name, _ in packed.named_parameters())
    torch.testing.assert_close(packed.lm_head.weight, model.lm_head.weight, rtol=0, atol=0)
    ids = torch.arange(1, 40)[None]
    with torch.no_grad():
        found, expected = packed(input_ids=ids).logits, model(input_ids=ids).logits
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)
    assert torch.equal(found.argmax(-1), expected.argmax(-1))


def test_a_weight_that_two_layers_share_stays_one() -> None:
    model = torch.nn.ModuleDict(
        {"words": torch.nn.Embedding(20, 8), "head": torch.nn.Linear(8, 20)}
    )
    model["head"].weight = model["words"].weight
    assert pack(model) == 0
    assert model["head"].weight is model["words"].weight


def test_formats_that_a_cpu_does_not_multiply_stay_as_they_are() -> None:
    model = torch.nn.Sequential(torch.nn.Linear(8, 8).to(torch.float16))
    assert pack(model) == 0
    assert type(model[0]) is torch.nn.Linear
