"""Weights in fewer bits: near the whole ones, in the language model only."""

import pytest
import torch
from torch.nn import Linear

from qwen_audio_tools import Clip, Options, open_engine
from qwen_audio_tools.conversation import user
from qwen_audio_tools.engines.base import join
from qwen_audio_tools.engines.transformers.generating.int8_linear import Int8Linear, quantized
from qwen_audio_tools.engines.transformers.loading import quantizing
from qwen_audio_tools.engines.transformers.loading.checkpoint import find
from qwen_audio_tools.engines.transformers.loading.model_loading import Loaded, load
from qwen_audio_tools.engines.transformers.loading.placement import Placement, place
from qwen_audio_tools.settings import read
from qwen_audio_tools.testing.made_checkpoints import Shape, write_checkpoint


@pytest.fixture(scope="module")
def layer() -> Linear:
    torch.manual_seed(0)
    return Linear(512, 2500)


@pytest.fixture(scope="module")
def pair(tmp_path_factory) -> tuple[Loaded, Loaded]:
    """The same model whole and in int8."""
    shape = Shape(width=256, layers=4, sharpness=1.0)
    folder = write_checkpoint(tmp_path_factory.mktemp("quantizing") / "Even-Audio", shape=shape)

    def loaded(quantize: str) -> Loaded:
        settings = read(device="cpu", dtype="float32", quantize=quantize)
        found = find(str(folder), settings)
        return load(found, place(settings, found.config))

    return loaded("none"), loaded("8bit")


def test_every_weight_is_within_half_a_step(layer):
    codes, scales = quantized(layer.weight.detach())
    steps = scales.float()[:, None]
    assert codes.dtype == torch.int8
    assert ((codes * steps - layer.weight).abs() <= 0.502 * steps).all()
    assert (codes.abs().amax(dim=1) >= 126).all()  # the whole range of each row is used


def test_a_row_of_zeros_stays_zero():
    codes, scales = quantized(torch.zeros(2, 8))
    assert torch.equal(codes * scales.float()[:, None], torch.zeros(2, 8))


@pytest.mark.parametrize("rows", [1, 12, 13, 100])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@torch.no_grad()
def test_few_and_many_rows_give_the_product_of_the_whole_weights(layer, rows, dtype):
    hidden = torch.randn(2, rows, 512, generator=torch.Generator().manual_seed(rows)).to(dtype)
    expected = layer(hidden.float())
    for product in (torch.float32, torch.bfloat16):
        found = Int8Linear(layer, product)(hidden)
        assert (found.dtype, found.shape) == (dtype, expected.shape)
        assert (found.float() - expected).norm() < 0.015 * expected.norm()


@torch.no_grad()
def test_outliers_among_the_activations_spoil_nothing(layer):
    hidden = torch.randn(4, 512, generator=torch.Generator().manual_seed(0))
    hidden[:, [7, 300]] *= 100  # as in real models, where int8 activations lose all the others
    expected = layer(hidden)
    assert (Int8Linear(layer)(hidden) - expected).norm() < 0.015 * expected.norm()


def test_the_language_model_is_quantised_and_the_encoder_is_not(pair):
    whole, small = (loaded.model for loaded in pair)
    assert not any(type(module) is Linear for module in small.get_decoder().modules())
    assert isinstance(small.lm_head, Int8Linear)
    for name, weight in small.model.audio_tower.state_dict().items():
        assert torch.equal(weight, whole.model.audio_tower.state_dict()[name])
    projector = small.model.multi_modal_projector.linear
    assert torch.equal(projector.weight, whole.model.multi_modal_projector.linear.weight)


@torch.no_grad()
def test_int8_says_nearly_what_the_whole_model_says(pair):
    ids = torch.randint(0, 256, (1, 200), generator=torch.Generator().manual_seed(0))
    expected, found = (
        loaded.model.lm_head(loaded.model.get_decoder()(input_ids=ids).last_hidden_state)
        for loaded in pair
    )
    assert (found - expected).norm() < 0.05 * expected.norm()
    assert (found.argmax(-1) == expected.argmax(-1)).float().mean() > 0.9


def test_a_quantised_engine_answers(checkpoint, made):
    engine = open_engine(f"transformers:{checkpoint}", device="cpu", quantize="8bit")
    asked = [user(Clip((made["tone"], 16_000)), "What is it?")]
    answer = join(engine.reply(asked, Options(max_tokens=8, temperature=0.0)), engine.info)
    assert answer.text
    assert answer.usage.audio_tokens == 75  # 3 s


def test_on_a_gpu_the_encoder_and_the_head_are_left_out(pair):
    placement = Placement(device="cuda:0", dtype="bfloat16", attention="sdpa", quantize="8bit")
    whole = pair[0]
    folder = whole.checkpoint.folder
    options = quantizing.loading_options(type(whole.model), folder, placement)
    spared = set(options["quantization_config"].llm_int8_skip_modules)
    linear = {name for name, module in whole.model.named_modules() if type(module) is Linear}
    assert {name for name in linear if "language_model" not in name} == spared
    assert "lm_head" in spared
    assert "model.audio_tower.layers.0.fc1" in spared


def test_nothing_is_told_to_transformers_where_weights_stay_whole(pair):
    for device, quantize in (("cpu", "8bit"), ("cuda:0", "none")):
        placement = Placement(device=device, dtype="x", attention="sdpa", quantize=quantize)
        assert quantizing.loading_options(None, pair[0].checkpoint.folder, placement) == {}
