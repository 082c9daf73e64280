"""`qwa models` with large models: fetched, listed, found and removed as a user types it."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

SHARD = "model-00001-of-00002.safetensors"
both = pytest.mark.parametrize("name", ["huggingface", "modelscope"])


def qwa_models(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "qwa", "models", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def entry(model: str) -> dict[str, object]:
    listed = json.loads(qwa_models("list", "--json").stdout)
    return next(found for found in listed if found["name"] == model)


def on_disk() -> int:
    """Return how many bytes of models are in the cache of the hub, whole or in part."""
    total = 0
    for path in Path(os.environ["HF_HOME"]).rglob("*"):
        with contextlib.suppress(FileNotFoundError):  # it just got its final name
            total += path.stat(follow_symlinks=False).st_size if path.is_file() else 0
    return total


@both
def test_a_user_fetches_finds_lists_and_removes_a_large_model(hub, model, name):
    pulled = qwa_models("pull", model, "--hub", name)
    assert pulled.returncode == 0, pulled.stderr
    assert pulled.stderr == ""
    folder = Path(pulled.stdout.strip())
    assert (folder / SHARD).is_file()
    assert qwa_models("where", model).stdout.strip() == str(folder)
    assert entry(model) == {
        "name": model,
        "here": True,
        "disk_bytes": pytest.approx(hub.sent, rel=0.01),
        "hub": name,
        "family": "qwen2_audio",
        "folder": str(folder),
    }
    assert f"qwen2_audio, from {name}" in qwa_models("list").stdout
    assert qwa_models("remove", model).stderr.strip() == f"{model}: removed"
    missing = qwa_models("where", model)
    assert (missing.returncode, missing.stdout) == (6, "")
    assert f"qwa models pull {model}" in missing.stderr


def test_the_hub_of_the_settings_is_asked_unless_another_is_named(hub, model, monkeypatch):
    monkeypatch.setenv("QWA_HUB", "modelscope")
    assert f"{os.sep}modelscope{os.sep}" in qwa_models("pull", model).stdout
    assert qwa_models("where", model, "--hub", "huggingface").returncode == 6
    assert f"{os.sep}modelscope{os.sep}" in qwa_models("where", model).stdout


def test_a_part_of_a_model_is_shown_as_such_and_can_be_removed(hub, model):
    hub.damaged.add(SHARD)
    failed = qwa_models("pull", model)
    assert (failed.returncode, failed.stdout) == (6, "")
    assert "came damaged" in failed.stderr
    assert entry(model)["here"] is False
    assert "in part" in qwa_models("list").stdout
    assert "removed" in qwa_models("remove", model).stderr


def test_an_interrupt_keeps_what_came_and_the_next_pull_goes_on(hub, model):
    hub.stalls[SHARD] = len(hub.models[model][SHARD]) - 100
    command = [sys.executable, "-m", "qwa", "models", "pull", model]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as run:
        files = hub.models[model].values()
        while on_disk() < sum(map(len, files)) - len(hub.models[model][SHARD]) / 2:
            assert run.poll() is None
            time.sleep(0.05)
        run.send_signal(signal.SIGINT)
        out, err = run.communicate(timeout=10)
    assert (run.returncode, out) == (130, b"")
    assert b"what was finished is kept" in err
    hub.stalls.clear()
    hub.asked.clear()
    assert qwa_models("pull", model).returncode == 0
    # Of another file all bytes may have come, but not yet its name: it goes on at its end, too.
    assert SHARD in [file for file, _ in hub.asked]
    assert all(at > 0 for _, at in hub.asked)


def test_a_hub_out_of_reach_has_its_own_exit_code(hub, model, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    run = qwa_models("pull", model)
    assert (run.returncode, run.stdout) == (5, "")
    assert "could not be reached" in run.stderr
    assert "--hub modelscope" in run.stderr


@pytest.mark.parametrize(
    "wrong",
    [
        ["pull", "yamnet", "--hub", "modelscope"],
        ["pull", "--hub", "modelscope"],
        ["where", "yamnet", "--revision", "v1"],
        ["remove", "yamnet", "Qwen/Qwen2-Audio-7B", "--hub", "huggingface"],
        ["pull", "Qwen/Qwen2-Audio-7B", "--hub", "github"],
        ["pull", "Qwen/Qwen2-Audio-7B", "../up/and/away"],
        ["pull", "no-small-model"],
    ],
)
def test_a_wrong_line_is_a_usage_error_and_fetches_nothing(hub, wrong):
    run = qwa_models(*wrong)
    assert (run.returncode, run.stdout, hub.asked) == (2, "", [])


def test_without_a_large_model_the_list_says_how_to_get_one(hub):
    run = qwa_models("list")
    assert "yamnet" in run.stdout
    assert "qwa models pull Qwen/Qwen2-Audio-7B-Instruct" in run.stderr
