"""Where a model is placed: what is there, and a clear word where the settings ask for more."""

import pytest
import torch

from qwen_audio_tools.engines.transformers.loading.placement import (
    Placement,
    cpu_computes_bf16,
    place,
    stored_dtype,
)
from qwen_audio_tools.errors import SettingsError
from qwen_audio_tools.settings import read

HALF = {"dtype": "bfloat16"}


def _cpu(**settings: object) -> Placement:
    return place(read(device="cpu", **settings), HALF)


def test_a_cpu_that_multiplies_bfloat16_computes_in_it_and_others_in_float32():
    assert _cpu().dtype == ("bfloat16" if cpu_computes_bf16() else "float32")


@pytest.mark.parametrize(
    ("flags", "native"),
    [
        ("flags\t\t: fpu sse4_2 avx2 avx512f avx512_bf16", True),
        ("flags\t\t: fpu avx512f amx_bf16 amx_tile", True),
        ("Features\t: fp asimd bf16", True),
        ("flags\t\t: fpu sse4_2 avx2 avx512f", False),
        ("model name\t: bf16 in a name only", False),
    ],
)
def test_the_flags_of_a_processor_say_whether_it_multiplies_bfloat16(tmp_path, flags, native):
    (tmp_path / "cpuinfo").write_text(f"processor\t: 0\n{flags}\n")
    assert cpu_computes_bf16(tmp_path / "cpuinfo") == native
    assert not cpu_computes_bf16(tmp_path / "absent")


def test_weights_in_float32_are_not_rounded_unasked():
    assert place(read(device="cpu"), {"dtype": "float32"}).dtype == "float32"
    assert place(read(device="cpu"), {"text_config": {"torch_dtype": "float32"}}).dtype == "float32"


def test_the_stored_format_is_found_wherever_a_config_has_it():
    assert stored_dtype({"torch_dtype": "torch.bfloat16", "text_config": {"dtype": "x"}}) == (
        "bfloat16"
    )
    assert stored_dtype({"thinker_config": {"text_config": {"dtype": "float16"}}}) == "float16"
    assert stored_dtype({"model_type": "qwen2_audio", "dtype": None}) is None


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_a_number_format_can_be_told(dtype):
    assert _cpu(dtype=dtype).dtype == dtype


def test_the_device_is_the_best_that_is_there():
    kind = place(read(), HALF).kind
    if torch.cuda.is_available():
        assert kind == "cuda"
    else:
        assert kind == ("mps" if torch.backends.mps.is_available() else "cpu")


def test_a_gpu_that_is_not_there_is_refused():
    count = torch.cuda.device_count()
    with pytest.raises(SettingsError, match=f"device cannot be 'cuda:{count}'.*of CUDA GPUs"):
        place(read(device=f"cuda:{count}"), HALF)


@pytest.mark.parametrize("device", ["tpu", "cuda:x", "cpu:1", "cuda:-1"])
def test_a_device_that_torch_has_no_name_for_is_refused(device):
    with pytest.raises(SettingsError, match=f"device cannot be {device!r}: it is auto, cpu"):
        place(read(device=device), HALF)


def test_four_bits_need_a_gpu_and_the_hint_says_what_a_cpu_can():
    with pytest.raises(SettingsError, match="'4bit' on cpu: there it is 8bit or none") as caught:
        _cpu(quantize="4bit")
    assert caught.value.hint == "--quantize 8bit"


def test_eight_bits_on_a_cpu_need_no_package():
    assert _cpu(quantize="8bit").quantize == "8bit"


def test_attention_is_sdpa_unless_told():
    assert _cpu().attention == "sdpa"
    assert _cpu(attention="eager").attention == "eager"


def test_flash_attention_needs_a_gpu():
    with pytest.raises(SettingsError, match="needs a CUDA GPU"):
        _cpu(attention="flash_attention_2")
