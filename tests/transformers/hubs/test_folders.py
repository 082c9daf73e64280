"""Models found, listed and removed where the hubs' libraries keep them, now and formerly."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from qwen_audio_tools.engines.transformers.loading import hubs
from qwen_audio_tools.engines.transformers.loading.hub_files import HubFile, wanted

LAYOUTS = (  # of the modelscope library, newest first
    "models/Qwen--Qwen2.5-Omni-7B/snapshots/master",
    "models/Qwen/Qwen2___5-Omni-7B",
    "Qwen/Qwen2___5-Omni-7B",
    "hub/models/Qwen/Qwen2___5-Omni-7B",
    "hub/Qwen/Qwen2.5-Omni-7B",
)
ID = "Qwen/Qwen2.5-Omni-7B"


def put(folder: Path, *, model_type: str = "qwen2_audio", shards: tuple[str, ...] = ("a",)) -> Path:
    """Lay the files of a model into a folder; of a shard only its name matters."""
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps({"model_type": model_type}))
    places = {name: f"{name}.safetensors" for name in ("a", *shards)}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": places}))
    (folder / "a.safetensors").write_bytes(bytes(1000))
    return folder


@pytest.fixture
def modelscope(monkeypatch, tmp_path) -> Path:
    monkeypatch.setenv("MODELSCOPE_CACHE", str(tmp_path))
    return tmp_path


@pytest.fixture
def huggingface(monkeypatch, tmp_path) -> Path:
    monkeypatch.delenv("HF_HUB_CACHE", raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    return tmp_path / "hub"


@pytest.mark.parametrize("layout", LAYOUTS)
def test_models_of_every_modelscope_layout_are_found_listed_and_removed(modelscope, layout):
    folder = put(modelscope / layout)
    other = put(modelscope / layout.replace("Omni-7B", "Omni-3B"))
    assert hubs.folder_of("modelscope", ID) == folder
    assert ID in [model.id for model in hubs.listed("modelscope")]
    assert hubs.remove("modelscope", ID)
    assert not folder.exists()
    assert [model.folder for model in hubs.listed("modelscope")] == [other]
    assert not hubs.remove("modelscope", ID)


def test_the_revision_that_main_stands_for_is_found_first(huggingface):
    home = huggingface / "models--Qwen--Qwen2-Audio-7B"
    old, new = (put(home / "snapshots" / name) for name in ("0ld", "new"))
    (home / "refs").mkdir()
    (home / "refs" / "main").write_text("0ld")
    assert hubs.folder_of("huggingface", "Qwen/Qwen2-Audio-7B") == old
    assert hubs.folder_of("huggingface", "Qwen/Qwen2-Audio-7B", "new") == new
    assert hubs.folder_of("huggingface", "Qwen/Qwen2-Audio-7B", "none") is None


def test_a_model_without_all_its_shards_is_listed_but_not_found(huggingface):
    snapshot = huggingface / "models--Qwen--Qwen2-Audio-7B/snapshots/1"
    put(snapshot, shards=("a", "b"))
    [model] = hubs.listed("huggingface")
    assert not model.whole
    assert model.disk_bytes >= 1000
    assert hubs.folder_of("huggingface", model.id) is None
    (snapshot / "b.safetensors").symlink_to("nowhere")
    assert hubs.folder_of("huggingface", model.id) is None


def test_models_that_hear_nothing_are_not_listed(huggingface):
    put(huggingface / "models--Qwen--Qwen3-8B/snapshots/1", model_type="qwen3")
    assert list(hubs.listed("huggingface")) == []


def test_removing_one_model_leaves_the_others(huggingface):
    for name in ("Qwen2-Audio-7B", "Qwen2-Audio-7B-Instruct"):
        put(huggingface / f"models--Qwen--{name}/snapshots/{'0' * 40}")
    assert hubs.remove("huggingface", "Qwen/Qwen2-Audio-7B")
    assert [model.id for model in hubs.listed("huggingface")] == ["Qwen/Qwen2-Audio-7B-Instruct"]


@pytest.mark.parametrize("reserved", ["hub/models", "models/Qwen"])
def test_no_id_reaches_the_folders_of_other_models(modelscope, reserved):
    put(modelscope / "hub/models/Qwen/Qwen2-Audio-7B")
    put(modelscope / "models/Qwen/Qwen2-Audio-7B")
    assert not hubs.remove("modelscope", reserved)
    assert len(list(modelscope.glob("**/config.json"))) == 2


def test_finding_a_model_imports_no_library():
    code = (
        "import sys; from qwen_audio_tools.engines.transformers.loading import hubs;"
        "hubs.folder_of('huggingface', 'a/b'), list(hubs.listed('modelscope'));"
        "print(*{name.partition('.')[0] for name in sys.modules})"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(run.stdout.split())
    assert not loaded & {"torch", "transformers", "huggingface_hub", "modelscope", "requests"}


def test_weights_are_fetched_once_in_one_format_and_last():
    names = (
        *("model-1.safetensors", "config.json", "pytorch_model-1.bin", "consolidated.safetensors"),
        *("onnx/model.onnx", "model.gguf", "a.wav", ".gitattributes", "tokenizer.json"),
    )
    files = [HubFile(path=name, size=1) for name in names]
    fetched = ["config.json", "tokenizer.json", "model-1.safetensors"]
    assert [file.path for file in wanted(files)] == fetched
    old = [file for file in files if not file.path.endswith("safetensors")]
    fetched[-1] = "pytorch_model-1.bin"
    assert [file.path for file in wanted(old)] == fetched
