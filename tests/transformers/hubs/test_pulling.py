"""Models fetched from both hubs, spoken to over HTTP by the libraries that users have."""

import sys

import pytest
from transformers import AutoProcessor, Qwen2AudioForConditionalGeneration

from qwen_audio_tools.engines.transformers.loading import hubs
from qwen_audio_tools.errors import (
    EngineUnreachable,
    EngineUnsupported,
    MissingExtra,
    SettingsError,
    WeightsMissing,
)

SHARD = "model-00001-of-00002.safetensors"
NOT_FETCHED = {"pytorch_model.bin", "demo.wav", "original/weights.safetensors", ".gitattributes"}
both = pytest.mark.parametrize("name", hubs.HUBS)


class Stopped(Exception):
    pass


@both
def test_a_pulled_model_is_whole_and_loads(hub, model, name):
    folder = hubs.pull(name, model)
    here = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert here == {
        path: content for path, content in hub.models[model].items() if path not in NOT_FETCHED
    }
    assert hubs.folder_of(name, model) == folder
    AutoProcessor.from_pretrained(folder)
    Qwen2AudioForConditionalGeneration.from_pretrained(folder)


@both
def test_progress_counts_every_byte_once(hub, model, name):
    seen = []
    folder = hubs.pull(name, model, lambda *report: seen.append(report))
    size = sum(path.stat().st_size for path in folder.iterdir())
    done = [count for _, count, _ in seen]
    assert done == sorted(done)
    assert {(what, total) for what, _, total in seen} == {(model, size)}
    assert done[-1] == size == hub.sent


@both
def test_what_is_here_is_not_fetched_again(hub, model, name):
    hubs.pull(name, model)
    hub.asked.clear()
    reports = []
    hubs.pull(name, model, lambda *report: reports.append(report[1:]))
    assert hub.asked == []
    assert {done for done, _ in reports} == {total for _, total in reports}


@both
def test_a_broken_connection_is_taken_up_where_it_broke(hub, model, name):
    hub.cuts[SHARD] = [700_000]
    folder = hubs.pull(name, model)
    starts = [start for file, start in hub.asked if file == SHARD]
    assert len(starts) == 2
    assert 0 < starts[1] <= 700_000
    assert (folder / SHARD).read_bytes() == hub.models[model][SHARD]


@both
def test_a_busy_hub_is_asked_again(hub, model, name):
    hub.busy[SHARD] = 1
    folder = hubs.pull(name, model)
    assert (folder / SHARD).read_bytes() == hub.models[model][SHARD]


@both
def test_a_pull_that_was_stopped_goes_on_where_it_ended(hub, model, name):
    hub.stalls[SHARD] = len(hub.models[model][SHARD]) - 100

    def stop(_, done, total):
        if done > total - 900_000:
            raise Stopped

    with pytest.raises(Stopped):
        hubs.pull(name, model, stop)
    assert hubs.folder_of(name, model) is None
    assert [found.whole for found in hubs.listed(name)] == [False]
    hub.stalls.clear()
    hub.asked.clear()
    folder = hubs.pull(name, model)
    [(file, start)] = hub.asked
    assert file == SHARD
    assert start > 0
    assert (folder / SHARD).read_bytes() == hub.models[model][SHARD]


def test_a_server_that_always_starts_anew_is_taken_as_it_is(hub, model):
    hub.cuts[SHARD] = [700_000]
    hub.ignores_ranges = True
    reports = []
    folder = hubs.pull("huggingface", model, lambda *report: reports.append(report[1:]))
    assert (folder / SHARD).read_bytes() == hub.models[model][SHARD]
    assert all(done <= total for done, total in reports)


@both
def test_a_damaged_file_is_refused_and_fetched_anew_next_time(hub, model, name):
    hub.damaged.add(SHARD)
    with pytest.raises(WeightsMissing, match="damaged") as caught:
        hubs.pull(name, model)
    assert caught.value.hint == f"qwa models pull {model} --hub {name}"
    assert hubs.folder_of(name, model) is None
    hub.damaged.clear()
    folder = hubs.pull(name, model)
    assert (folder / SHARD).read_bytes() == hub.models[model][SHARD]


@both
def test_a_revision_is_fetched_beside_the_newest(hub, model, name):
    revision = {"huggingface": "c0ffee" * 6 + "0000", "modelscope": "v1"}[name]
    folder = hubs.pull(name, model, revision=revision)
    assert hubs.folder_of(name, model, revision) == folder
    assert folder.name == revision


@both
@pytest.mark.parametrize(
    ("wrong", "said"), [("unknown", "no model 'Qwen/No-Such'"), ("gated", "Qwen/Tiny2.5-Audio")]
)
def test_a_model_that_is_not_to_be_had_says_how_to_get_it(hub, model, name, wrong, said):
    hub.gated.add(model)
    wanted = "Qwen/No-Such" if wrong == "unknown" else model
    with pytest.raises(WeightsMissing, match=said) as caught:
        hubs.pull(name, wanted)
    assert "login" in caught.value.hint


@both
def test_an_unknown_revision_is_an_error(hub, model, name):
    with pytest.raises(WeightsMissing, match=model):
        hubs.pull(name, model, revision="no-such-branch")


@both
def test_a_model_of_text_is_refused_before_its_weights_are_fetched(hub, model, name):
    files = hub.models[model] | {"config.json": b'{"model_type": "qwen2"}'}
    hub.add("Qwen/Text-Only", files)
    with pytest.raises(EngineUnsupported, match="'qwen2'"):
        hubs.pull(name, "Qwen/Text-Only")
    assert not [file for file, _ in hub.asked if file.endswith(".safetensors")]


@both
def test_a_model_that_does_not_fit_on_the_disk_is_not_begun(hub, model, name):
    hub.claims[SHARD] = 10**18
    with pytest.raises(WeightsMissing, match="GB are free"):
        hubs.pull(name, model)
    assert hub.asked == []


@both
def test_a_hub_that_is_not_there_is_unreachable(hub, monkeypatch, name):
    nobody = "http://127.0.0.1:9"
    monkeypatch.setenv("HF_ENDPOINT", nobody)
    monkeypatch.setenv("MODELSCOPE_ENDPOINT", nobody)
    with pytest.raises(EngineUnreachable, match="could not be reached") as caught:
        hubs.pull(name, "Qwen/Qwen2-Audio-7B")
    assert "--hub" in caught.value.hint
    assert "refused" in str(caught.value)
    assert len(str(caught.value)) < 200  # and not what libraries wrap it in
    assert "retries" not in str(caught.value)


@both
def test_offline_nothing_is_asked_and_what_is_here_is_found(hub, model, monkeypatch, name):
    monkeypatch.setenv("QWA_OFFLINE", "1")
    with pytest.raises(EngineUnreachable, match="QWA_OFFLINE"):
        hubs.pull(name, model)
    monkeypatch.delenv("QWA_OFFLINE")
    folder = hubs.pull(name, model)
    hub.asked.clear()
    monkeypatch.setenv("QWA_OFFLINE", "1")
    assert hubs.pull(name, model) == folder
    assert hub.asked == []


def test_the_offline_switch_of_the_library_is_heeded(hub, model, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(EngineUnreachable, match="HF_HUB_OFFLINE"):
        hubs.pull("huggingface", model)


def test_without_its_library_a_hub_names_the_extra(hub, model, monkeypatch):
    monkeypatch.setitem(sys.modules, "modelscope", None)
    with pytest.raises(MissingExtra) as caught:
        hubs.pull("modelscope", model)
    assert caught.value.hint == "pip install 'qwen-audio-tools[modelscope]'"


@pytest.mark.parametrize("wrong", ["gpt2", "../../etc/passwd", "a/b/c", "Qwen/..", "/etc/x", ""])
def test_what_cannot_be_an_id_is_refused(wrong):
    with pytest.raises(SettingsError, match="owner/name"):
        hubs.pull("huggingface", wrong)
    assert hubs.folder_of("huggingface", wrong) is None
    with pytest.raises(SettingsError, match="owner/name"):
        hubs.remove("modelscope", wrong)


def test_a_hub_of_another_name_is_refused():
    with pytest.raises(SettingsError, match="'github'"):
        hubs.pull("github", "Qwen/Qwen2-Audio-7B")
