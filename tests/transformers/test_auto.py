"""Who answers when nobody is named: a Qwen2-Audio that is here and fits, else the small models."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from qwen_audio_tools.engines import choose, open_engine
from qwen_audio_tools.engines.transformers.loading.local_choice import foreseen
from qwen_audio_tools.engines.transformers.loading.placement import place
from qwen_audio_tools.settings import read

INSTRUCT = "Qwen/Qwen2-Audio-7B-Instruct"


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch) -> Path:
    """An empty cache of the hub's own library."""
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def _put(cache: Path, model: str, source: Path) -> Path:
    folder = cache / f"models--{model.replace('/', '--')}" / "snapshots" / "c0ffee"
    return Path(shutil.copytree(source, folder))


def test_with_no_large_model_here_the_small_ones_answer_and_the_way_to_it_is_told():
    choice = choose()
    assert choice.spec == "embedded"
    assert f"qwa models pull {INSTRUCT}" in choice.why


def test_a_large_model_that_is_here_and_fits_answers(cache, checkpoint):
    _put(cache, INSTRUCT, checkpoint)
    choice = choose()
    assert choice.spec == f"transformers:{INSTRUCT}"
    assert "is here; it needs about" in choice.why
    assert open_engine().info.label == choice.spec


def test_the_base_model_which_answers_no_questions_is_not_taken(cache, checkpoint):
    _put(cache, "Qwen/Qwen2-Audio-7B", checkpoint)
    assert choose().spec == "embedded"


def test_a_large_model_that_does_not_fit_is_passed_over_and_both_numbers_are_told(
    cache, checkpoint
):
    folder = _put(cache, INSTRUCT, checkpoint)
    config = json.loads((folder / "config.json").read_text())
    config["text_config"] |= {"hidden_size": 1 << 17, "num_hidden_layers": 200}
    (folder / "config.json").write_text(json.dumps(config))
    choice = choose(settings=read(device="cpu"))
    assert choice.spec == "embedded"
    assert "is here, but needs about" in choice.why
    assert "--quantize 8bit" in choice.why


def test_a_model_that_is_here_in_part_is_passed_over(cache, checkpoint):
    folder = _put(cache, INSTRUCT, checkpoint)
    (folder / "model.safetensors").unlink()
    choice = choose()
    assert choice.spec == "embedded"
    assert choice.why.startswith(f"{INSTRUCT} is here in part")


def test_what_the_settings_name_comes_first(cache, checkpoint, monkeypatch):
    _put(cache, INSTRUCT, checkpoint)
    monkeypatch.setenv("QWA_ENGINE", "embedded")
    choice = choose()
    assert (choice.spec, choice.why) == ("embedded", "named by QWA_ENGINE")
    assert choose("transformers:x").spec == "transformers:x"


def test_the_hub_of_the_settings_is_the_one_that_is_looked_in(cache, checkpoint, monkeypatch):
    _put(cache, INSTRUCT, checkpoint)
    monkeypatch.setenv("MODELSCOPE_CACHE", str(cache))
    assert choose(settings=read(hub="modelscope")).spec == "embedded"
    shutil.copytree(checkpoint, cache / "models" / "Qwen" / "Qwen2-Audio-7B-Instruct")
    assert choose(settings=read(hub="modelscope")).spec == f"transformers:{INSTRUCT}"


@pytest.mark.parametrize("here", [False, True])
def test_choosing_imports_neither_torch_nor_anything_heavy(cache, checkpoint, here):
    if here:
        _put(cache, INSTRUCT, checkpoint)
    script = (
        "import sys\n"
        "from qwen_audio_tools.engines import choose\n"
        "print(choose().spec.partition(':')[0])\n"
        "heavy = {'torch', 'transformers', 'numpy', 'huggingface_hub', 'modelscope'}\n"
        "print(heavy & set(sys.modules))"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["transformers" if here else "embedded", "set()"]


def test_with_none_here_hardly_anything_is_imported():
    script = (
        "import sys, json\n"
        "from qwen_audio_tools.engines import choose\n"
        "from qwen_audio_tools.settings import read\n"
        "settings, before = read(), set(sys.modules)\n"
        "choose(settings=settings)\n"
        "print(*sorted(n for n in set(sys.modules) - before if n.startswith('qwen_audio_tools')))"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    loading = "qwen_audio_tools.engines.transformers.loading"
    assert run.stdout.split() == [
        "qwen_audio_tools.engines.transformers",
        loading,
        f"{loading}.hub_folders",
        f"{loading}.local_choice",
    ]


@pytest.mark.parametrize("dtype", ["auto", "float32"])
def test_what_is_foreseen_without_torch_is_what_torch_then_gives(dtype):
    settings, config = read(dtype=dtype), {"dtype": "bfloat16"}
    placed, free = foreseen(settings, config)
    assert placed == place(settings, config)
    assert free
