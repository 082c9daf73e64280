"""`qwa doctor` for those who run Qwen2-Audio itself: what goes wrong is found beforehand."""

import json
import re
import sys
from pathlib import Path

import pytest
from qwa import machine_looks
from transformers.utils import logging

from qwen_audio_tools.testing.made_checkpoints import write_checkpoint

logging.disable_progress_bar()


@pytest.fixture
def hub_cache(tmp_path) -> dict[str, str]:
    """The environment of a machine with no large weights."""
    return {
        "HF_HOME": str(tmp_path / "huggingface"),
        "MODELSCOPE_CACHE": str(tmp_path / "modelscope"),
        "OMP_NUM_THREADS": "1",
    }


def put_weights(environment: dict[str, str]) -> Path:
    """Lay a tiny model where the library would keep Qwen2-Audio-7B-Instruct."""
    home = Path(environment["HF_HOME"], "hub", "models--Qwen--Qwen2-Audio-7B-Instruct")
    return write_checkpoint(home / "snapshots" / ("0" * 40))


def findings(run) -> dict[str, dict[str, str]]:
    return {finding["name"]: finding for finding in json.loads(run.out)}


def test_without_weights_a_tiny_model_proves_that_the_versions_hear(run_qwa, hub_cache):
    run = run_qwa("doctor", "--json", env=hub_cache)
    assert run.code == 0, run.out
    assert run.err == ""
    found = findings(run)
    assert found["hearing"]["state"] == "ok"
    assert "a tiny random model, which proves the versions only" in found["hearing"]["found"]
    assert found["large weights"]["hint"] == "qwa models pull Qwen/Qwen2-Audio-7B-Instruct"
    assert re.search(r"Qwen2-Audio-7B needs \d+\.\d GB", found["memory"]["found"])
    assert re.search(r"torch \d.*transformers \d", found["packages"]["found"])


def test_weights_that_are_here_are_asked_themselves_unless_it_must_be_quick(run_qwa, hub_cache):
    folder = put_weights(hub_cache)
    found = findings(run_qwa("doctor", "--json", env=hub_cache))
    assert found["large weights"]["found"] == str(folder)
    assert found["hearing"]["found"].startswith("qwen2_audio hears 100 audio tokens")
    found = findings(run_qwa("doctor", "--json", "--quick", env=hub_cache))
    assert found["hearing"]["found"].startswith("a tiny random model")


def test_a_deaf_model_is_found_out(run_qwa, hub_cache):
    from safetensors.torch import load_file, save_file

    [weights] = put_weights(hub_cache).glob("*.safetensors")
    tensors = load_file(weights)
    for name in [name for name in tensors if "projector" in name]:
        tensors[name] = tensors[name] * 0
    save_file(tensors, weights, {"format": "pt"})
    run = run_qwa("doctor", env=hub_cache)
    assert run.code == 6
    assert "answers the same to an alarm and to silence" in run.out
    assert "hint: hearing: pip install" in run.err


def test_only_a_machine_without_any_engine_is_ill(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)  # as if it were not installed
    states = {finding.name: finding.state for finding in machine_looks.engines()}
    assert states == {
        "engine embedded": "ok",
        "engine transformers": "warning",
        "engine server": "ok",
    }
    for package in ("faster_whisper", "httpx2"):
        monkeypatch.setitem(sys.modules, package, None)
    findings = list(machine_looks.engines())
    assert {finding.state for finding in findings} == {"failed"}
    assert findings[0].hint == "pip install 'qwen-audio-tools[embedded]'"


def test_a_device_that_is_not_there_is_named(run_qwa, hub_cache):
    run = run_qwa("doctor", "--json", env=hub_cache | {"QWA_DEVICE": "cuda:99"})
    assert run.code == 6
    found = findings(run)
    assert found["device"]["state"] == found["hearing"]["state"] == "failed"
    assert "cuda:99" in found["device"]["found"]


def test_a_version_that_runs_the_model_wrongly_is_named(run_qwa, hub_cache, tmp_path):
    about = tmp_path / "old" / "transformers-5.10.1.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: transformers\nVersion: 5.10.1\n")
    run = run_qwa("doctor", "--json", env=hub_cache | {"PYTHONPATH": str(about.parent)})
    assert run.code == 6
    assert findings(run)["transformers"]["hint"] == "pip install 'transformers>=5.11'"
