"""What a model needs, what is free, and an error in time where the one exceeds the other."""

import json
import re
from pathlib import Path

import pytest
import torch
from transformers import DynamicCache

from qwen_audio_tools.engines.transformers.generating.language_model import last_states
from qwen_audio_tools.engines.transformers.loading import free_memory, gpu_memory, memory
from qwen_audio_tools.engines.transformers.loading.checkpoint import find
from qwen_audio_tools.engines.transformers.loading.parameters import (
    SEVEN_B,
    counted,
    stored,
    text_shape,
)
from qwen_audio_tools.engines.transformers.loading.placement import Placement, place
from qwen_audio_tools.errors import EngineOutOfMemory
from qwen_audio_tools.settings import read
from qwen_audio_tools.testing.made_checkpoints import SHAPED, Shape, make_model, write_checkpoint

GB = 1_000_000_000


def _placed(device: str, dtype: str = "bfloat16", quantize: str = "none") -> Placement:
    return Placement(device=device, dtype=dtype, attention="sdpa", quantize=quantize)


def test_the_7b_is_counted_to_the_last_parameter():
    assert counted(SEVEN_B).total == 8_397_094_912  # the five files of the real one: 16.79 GB
    assert memory.need(SEVEN_B, _placed("cuda:0")).weights == 2 * 8_397_094_912


@pytest.mark.parametrize(
    "shape", [SHAPED, Shape(kv_heads=2), Shape(vocabulary=1000, encoder_layers=1, width=64)]
)
def test_any_shape_is_counted_to_the_last_parameter(shape):
    with torch.device("meta"):
        model, _ = make_model(shape)
    assert counted(model.config.to_dict()).total == sum(p.numel() for p in model.parameters())


def test_headers_of_files_give_the_same_count_as_the_config(checkpoint):
    found = find(str(checkpoint), read())
    assert stored(found.files) == counted(found.config)


def test_the_cache_of_a_token_is_what_the_model_keeps_of_it(model):
    cache = DynamicCache(config=model.config.get_text_config())
    decoder, positions = model.model.language_model, torch.arange(3)[None]
    with torch.no_grad():
        embeddings = decoder.embed_tokens(torch.tensor([[1, 2, 3]]))
        last_states(decoder, embeddings, positions=positions, mask=None, cache=cache)
    kept = sum(layer.keys.nbytes + layer.values.nbytes for layer in cache.layers)
    assert memory.need(model.config.to_dict(), _placed("cpu", "float32"), tokens=3).cache == kept
    assert text_shape(SEVEN_B).kv_numbers * 2 == 512 * 1024


def test_fewer_bits_need_less_and_the_encoder_keeps_its_own():
    whole, eight, four = (
        memory.need(SEVEN_B, _placed("cuda:0", quantize=quantize)).weights
        for quantize in ("none", "8bit", "4bit")
    )
    linear = counted(SEVEN_B).linear
    assert whole - eight == linear
    assert 0.5 * linear <= four - (whole - 2 * linear) <= 0.52 * linear


def test_context_is_no_longer_than_the_model_can_read():
    config = {**SEVEN_B, "text_config": {**SEVEN_B["text_config"], "max_position_embeddings": 512}}
    assert memory.need(config, _placed("cpu"), tokens=10_000).tokens == 512


def test_a_checkpoint_in_few_bits_is_as_large_as_its_files(checkpoint):
    found = find(str(checkpoint), read())
    config = {**found.config, "quantization_config": {"quant_method": "gptq"}}
    size = (checkpoint / "model.safetensors").stat().st_size
    assert memory.need(config, _placed("cpu"), files=found.files).weights == size


@pytest.fixture
def vast(tmp_path) -> Path:
    """A checkpoint whose config claims a language model of 385 TB: no machine has that free."""
    folder = write_checkpoint(tmp_path / "Vast-Audio")
    config = json.loads((folder / "config.json").read_text())
    config["text_config"] |= {"hidden_size": 1 << 17, "intermediate_size": 1 << 20}
    config["text_config"]["num_hidden_layers"] = 200
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def test_what_cannot_fit_is_refused_with_both_numbers_and_three_ways_out(vast):
    found = find(str(vast), read())
    with pytest.raises(EngineOutOfMemory) as caught:
        memory.check(found, place(read(device="cpu"), found.config))
    assert re.search(
        r"needs about 385\d{3}\.\d GB .* but only [\d.]+ GB are free", str(caught.value)
    )
    fewer_bits, device, engine = caught.value.hint.split(", or ")
    assert fewer_bits.startswith("--quantize 8bit (needs ")
    assert (device, engine) == ("a GPU", "--engine embedded")


def test_what_fits_passes(checkpoint):
    found = find(str(checkpoint), read())
    needed = memory.check(found, place(read(device="cpu"), found.config))
    assert 0 < needed.total == needed.weights + needed.cache + needed.activations < 0.1 * GB


@pytest.mark.parametrize(
    ("placement", "first"),
    [
        (_placed("cuda:0"), "--quantize 4bit"),
        (_placed("cuda:0", quantize="4bit"), "a smaller model"),
        (_placed("cpu", "float32"), "--quantize 8bit"),
        (_placed("cpu", "float32", "8bit"), "--dtype bfloat16"),
        (_placed("mps", "float32"), "--dtype bfloat16"),
    ],
)
def test_the_first_way_out_is_one_that_is_still_open(placement, first):
    assert memory.ways_out(SEVEN_B, placement).startswith(first)


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        RuntimeError("MPS backend out of memory (MPS allocated: 8.00 GB)"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes."),
    ],
)
def test_what_libraries_say_of_memory_is_understood(error):
    assert memory.ran_out(error)


def test_what_torch_says_on_this_machine_is_understood():
    with pytest.raises(RuntimeError) as caught:
        torch.empty(1 << 60, dtype=torch.int8)
    assert memory.ran_out(caught.value)
    assert not memory.ran_out(RuntimeError("shapes cannot be multiplied"))


def _machine(root: Path, available_kb: int, cgroup: str) -> Path:
    (root / "proc/self").mkdir(parents=True)
    text = f"MemTotal: 9 kB\nMemAvailable:   {available_kb} kB\n"
    (root / "proc/meminfo").write_text(text)
    (root / "proc/self/cgroup").write_text(cgroup)
    return root


def _group(folder: Path, **files: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text + "\n")


def test_a_machine_has_what_its_kernel_calls_available(tmp_path):
    assert free_memory.of_machine(_machine(tmp_path, 8_000_000, "0::/\n")) == 8_000_000 * 1024


def test_a_container_of_today_has_no_more_than_its_limit(tmp_path):
    root = _machine(tmp_path, 8_000_000, "0::/\n")
    _group(
        root / "sys/fs/cgroup",
        memory__max="4000000000",
        memory__current="3000000000",
        memory__stat="anon 1\ninactive_file 500000000",
    )
    assert free_memory.of_machine(root) == 1_500_000_000


def test_a_group_has_no_more_than_those_around_it(tmp_path):
    root = _machine(tmp_path, 8_000_000, "0::/user.slice/session-1\n")
    around = root / "sys/fs/cgroup/user.slice"
    _group(around, memory__max="2000000000", memory__current="100")
    _group(around / "session-1", memory__max="max", memory__current="100")
    assert free_memory.of_machine(root) == 2_000_000_000 - 100


def test_a_container_of_the_first_kind_counts_too_even_where_its_path_is_the_hosts(tmp_path):
    root = _machine(tmp_path, 8_000_000, "5:cpu,cpuacct:/x\n4:memory:/docker/c0ffee\n")
    _group(
        root / "sys/fs/cgroup/memory",
        memory__limit_in_bytes="3000000000",
        memory__usage_in_bytes="1000000000",
        memory__stat="total_inactive_file 7",
    )
    assert free_memory.of_machine(root) == 2_000_000_007


def test_a_limit_that_is_none_is_none(tmp_path):
    root = _machine(tmp_path, 1000, "4:memory:/\n")
    names = {"memory__limit_in_bytes": "9223372036854771712", "memory__usage_in_bytes": "5"}
    _group(root / "sys/fs/cgroup/memory", **names)
    assert free_memory.of_machine(root) == 1000 * 1024


def test_this_machine_has_some():
    assert 0 < (free_memory.of_device("cpu") or 0) < 1 << 50


def test_what_is_told_of_gpus_agrees_with_torch():
    count = torch.cuda.device_count()
    assert (gpu_memory.free(0) is not None) == bool(count)
    assert gpu_memory.torch_knows_cuda() == (torch.version.cuda is not None)
    assert gpu_memory.free(count) is None


@pytest.mark.parametrize(
    ("listed", "number", "name"),
    [
        (None, 1, "1"),
        ("3,1", 1, "1"),
        ("3, GPU-5c1f", 1, "GPU-5c1f"),
        ("", 0, None),
        ("-1,0", 1, None),
        ("0", 1, None),
    ],
)
def test_gpus_are_counted_as_cuda_counts_those_it_may_see(listed, number, name):
    assert gpu_memory.visible(number, listed) == name
