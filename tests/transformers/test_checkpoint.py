"""Finding a checkpoint: by folder, by id, and a clear word about what is none."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from qwen_audio_tools.engines.transformers.loading.checkpoint import DEFAULT, fetched, find
from qwen_audio_tools.errors import SettingsError, WeightsMissing
from qwen_audio_tools.settings import read


@pytest.fixture
def copied(checkpoint, tmp_path) -> Path:
    """A checkpoint that a test may spoil."""
    return Path(shutil.copytree(checkpoint, tmp_path / "Copied"))


@pytest.fixture
def cache(tmp_path, monkeypatch) -> Path:
    """An empty cache of the hub's own library."""
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def _cached(cache: Path, model: str, source: Path) -> Path:
    home = cache / f"models--{model.replace('/', '--')}"
    (home / "refs").mkdir(parents=True)
    (home / "refs" / "main").write_text("c0ffee")
    return Path(shutil.copytree(source, home / "snapshots" / "c0ffee"))


def test_a_folder_says_what_it_is(checkpoint):
    found = find(str(checkpoint), read())
    assert found.folder == checkpoint
    assert found.family.model_type == "qwen2_audio"
    assert found.config["text_config"]["hidden_size"] == 128
    assert [path.name for path in found.files] == ["model.safetensors"]


def test_a_checkpoint_is_found_without_torch(checkpoint):
    script = (
        "import sys\n"
        "from qwen_audio_tools.engines.transformers.loading.checkpoint import find\n"
        "from qwen_audio_tools.settings import read\n"
        "print(find(sys.argv[1], read()).family.model_type, 'torch' in sys.modules)"
    )
    run = subprocess.run(
        [sys.executable, "-c", script, str(checkpoint)], capture_output=True, text=True, check=True
    )
    assert run.stdout.split() == ["qwen2_audio", "False"]


def test_an_id_is_found_in_the_hubs_cache(checkpoint, cache):
    here = _cached(cache, "someone/Tuned-Audio", checkpoint)
    found = find("someone/Tuned-Audio", read())
    assert (found.name, found.folder) == ("someone/Tuned-Audio", here)


def test_with_no_model_named_it_is_the_instruct_one(checkpoint, cache):
    here = _cached(cache, DEFAULT, checkpoint)
    assert find("", read()).folder == here


def test_a_model_that_is_not_here_waits_to_be_fetched(cache):
    found = find(DEFAULT, read())
    assert (found.folder, found.files, found.family.model_type) == (None, (), "qwen2_audio")


@pytest.mark.parametrize(
    ("model", "family"),
    [
        ("Qwen/Qwen2.5-Omni-7B", "qwen2_5_omni"),
        ("mistralai/Voxtral-Small-24B-2507", "voxtral"),
        ("Qwen/Qwen3-Omni-30B-A3B-Captioner", "qwen3_omni_moe"),
        ("somebody/a-model-of-mine", "qwen2_audio"),
    ],
)
def test_until_it_is_fetched_a_model_is_what_its_name_reminds_of(cache, model, family):
    assert find(model, read()).family.model_type == family


def test_offline_a_model_that_is_not_here_is_an_error_with_the_command_that_brings_it(cache):
    with pytest.raises(WeightsMissing, match="Instruct' is not on this machine") as caught:
        find(DEFAULT, read(offline=True))
    assert caught.value.hint == f"qwa models pull {DEFAULT}"
    with pytest.raises(WeightsMissing) as caught:
        find(DEFAULT, read(offline=True, hub="modelscope"))
    assert caught.value.hint == f"qwa models pull {DEFAULT} --hub modelscope"


def test_a_checkpoint_that_is_here_is_not_fetched(checkpoint):
    found = find(str(checkpoint), read())
    assert fetched(found, read(), None) is found


def test_the_base_model_is_known_by_its_makers_naming(base_checkpoint, checkpoint, cache):
    assert find(str(base_checkpoint), read()).base
    assert not find(str(checkpoint), read()).base
    assert find("Qwen/Qwen2-Audio-7B", read()).base
    assert not find("Qwen/Qwen2-Audio-7B-Instruct", read()).base
    assert find(str(_cached(cache, "Qwen/Qwen2-Audio-7B", checkpoint)), read()).base


def test_prompting_can_be_told(base_checkpoint, checkpoint):
    assert not find(str(base_checkpoint), read(prompting="chat")).base
    assert find(str(checkpoint), read(prompting="base")).base


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("config.json", "{'model_type': 3", "config.json of .* cannot be read"),
        ("config.json", "[1, 2]", "no JSON object"),
        ("config.json", '{"model_type": "qwen2"}', "no audio model .* model_type 'qwen2'"),
        ("config.json", "{}", "names no model_type"),
        ("model.safetensors.index.json", '{"weight_map": {}}', "lists no weights"),
    ],
)
def test_what_is_no_checkpoint_of_this_engine_says_why(copied, name, text, said):
    (copied / name).write_text(text)
    with pytest.raises(SettingsError, match=said):
        find(str(copied), read())


def test_a_folder_without_config_says_what_is_in_it(tmp_path):
    with pytest.raises(SettingsError, match="but nothing at all"):
        find(str(tmp_path), read())
    (tmp_path / "qwen2-audio.gguf").touch()
    with pytest.raises(SettingsError, match=r"no config\.json, but qwen2-audio\.gguf"):
        find(str(tmp_path), read())


def test_a_file_is_no_folder(checkpoint):
    with pytest.raises(SettingsError, match="is a file") as caught:
        find(str(checkpoint / "model.safetensors"), read())
    assert caught.value.hint == f"--engine transformers:{checkpoint}"


@pytest.mark.parametrize("model", ["no-such-folder", "./Qwen/Qwen2", "a/b/c", "../x/y", "http://a"])
def test_what_is_neither_a_folder_nor_an_id_is_refused(model):
    with pytest.raises(SettingsError, match="neither a folder here nor the id of a model"):
        find(model, read())


def test_a_config_without_weights_is_an_error(copied):
    (copied / "model.safetensors").unlink()
    with pytest.raises(WeightsMissing, match=r"no weights, only .*config\.json"):
        find(str(copied), read())


def test_missing_shards_are_named(copied):
    shards = {f"t{n}": f"model-0000{n}-of-00003.safetensors" for n in (1, 2, 3)}
    (copied / "model.safetensors").rename(copied / shards["t2"])
    index = copied / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": shards}))
    with pytest.raises(WeightsMissing, match=r"lacks 2 of its 3 .*model-00001.*, model-00003"):
        find(str(copied), read())


def test_a_pointer_in_the_place_of_the_weights_is_told(copied):
    (copied / "model.safetensors").write_text("version https://git-lfs.github.com/spec/v1\noid …")
    with pytest.raises(WeightsMissing, match="Git LFS pointer") as caught:
        find(str(copied), read())
    assert caught.value.hint == f"git -C {copied} lfs pull"
