"""A cross-encoder scores as plain transformers does, in bounds, and refuses what is none."""

import json
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForSequenceClassification, AutoTokenizer, BertConfig, BertModel

from qwen_audio_tools.engines.reranking import open_reranker
from qwen_audio_tools.engines.transformers.cross_encoder import BATCH, CrossEncoder
from qwen_audio_tools.errors import (
    Cancelled,
    EngineRefused,
    MissingExtra,
    SettingsError,
    WeightsMissing,
)
from qwen_audio_tools.settings import read
from qwen_audio_tools.testing.made_cross_encoders import LENGTH, write_cross_encoder

WORDS = ("tariffs", "steel", "elephant", "rain", "berlin", "rates", "bank", "noon", "water", "tea")
TEXTS = [" ".join((WORDS * 2)[at % 10 : at % 10 + 1 + at % 7]) for at in range(2 * BATCH + 5)]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory) -> Path:
    """A random one: every token of a pair, and which of both it is in, changes its score."""
    return write_cross_encoder(tmp_path_factory.mktemp("rerankers") / "random", WORDS)


@pytest.fixture
def copy(checkpoint, tmp_path) -> Path:
    return Path(shutil.copytree(checkpoint, tmp_path / "copy"))


def opened(folder: Path | str, progress=None, **settings: object) -> CrossEncoder:
    found = open_reranker(read(archive_rerank=str(folder), device="cpu", **settings), progress)
    assert isinstance(found, CrossEncoder)
    return found


def plain(folder: Path, query: str, text: str) -> float:
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    inputs = tokenizer(query, text, truncation=True, max_length=LENGTH, return_tensors="pt")
    with torch.inference_mode():
        return float(model(**inputs).logits[0, 0])


def changed(folder: Path, **values: object) -> Path:
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))
    return folder


def test_each_text_has_the_score_that_it_has_alone_in_the_order_of_the_texts(checkpoint):
    scores = opened(checkpoint)("rain in berlin", TEXTS)
    assert scores == pytest.approx(
        [plain(checkpoint, "rain in berlin", text) for text in TEXTS], rel=1e-4
    )
    assert len({round(score, 6) for score in scores}) > len(TEXTS) // 2
    assert opened(checkpoint)("tea", TEXTS) != pytest.approx(scores, rel=1e-4)


def test_longer_than_it_reads_is_cut_and_nothing_to_score_is_nothing(checkpoint):
    rerank = opened(checkpoint)
    long = "steel " * 500
    assert rerank("rain", [long]) == pytest.approx([plain(checkpoint, "rain", long)], rel=1e-4)
    assert len(rerank(long, [long, "", "tea"])) == 3
    assert rerank("rain", []) == []


def test_threads_may_share_one(checkpoint):
    rerank = opened(checkpoint)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda query: rerank(query, TEXTS), WORDS[:6]))
    assert found == [rerank(query, TEXTS) for query in WORDS[:6]]


def test_nothing_loads_before_the_first_call_and_progress_can_end_it(checkpoint):
    seen: list[str] = []

    def stop(what: str, done: float, total: float) -> None:
        seen.append(what)
        raise Cancelled("enough")

    rerank = opened(checkpoint, stop)
    assert seen == []
    with pytest.raises(Cancelled):
        rerank("rain", TEXTS)
    assert seen == ["loading"]


def test_none_is_none():
    assert open_reranker(read()) is None
    assert open_reranker(read(archive_rerank="none")) is None


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("/nowhere/at/all", "neither the folder of a cross-encoder nor the id"),
        ("reranker", "neither the folder"),
        ("../up/here", "neither the folder"),
    ],
)
def test_a_folder_that_is_not_there_is_named(name, said):
    with pytest.raises(SettingsError, match=said) as missing:
        opened(name)
    assert repr(name) in str(missing.value)


def test_what_may_not_be_fetched_is_missing():
    with pytest.raises(WeightsMissing, match="offline") as missing:
        opened("somebody/reranker", offline=True)
    assert "qwa models pull somebody/reranker" in missing.value.hint


def test_a_classifier_of_several_labels_is_no_cross_encoder(tmp_path):
    folder = write_cross_encoder(tmp_path / "classifier", WORDS, labels=3)
    with pytest.raises(SettingsError, match="tells 3 labels apart"):
        opened(folder)


def test_a_model_of_another_kind_is_no_cross_encoder(tmp_path, checkpoint):
    BertModel(BertConfig(num_hidden_layers=1, hidden_size=24, vocab_size=50)).save_pretrained(
        tmp_path / "encoder"
    )
    for folder, said in (
        (tmp_path / "encoder", "BertModel"),
        (tmp_path, "no config.json"),
    ):
        with pytest.raises(SettingsError, match=said):
            opened(folder)


def test_weights_that_are_not_whole_are_told_and_never_made_up(copy):
    weights = load_file(copy / "model.safetensors")
    save_file(
        {name: value for name, value in weights.items() if "classifier" not in name},
        copy / "model.safetensors",
        metadata={"format": "pt"},
    )
    with pytest.raises(WeightsMissing, match="tensors are missing"):
        opened(copy)("rain", ["tea"])
    (copy / "model.safetensors").write_bytes(b"no weights")
    with pytest.raises(WeightsMissing, match="damaged"):
        opened(copy)("rain", ["tea"])
    (copy / "model.safetensors").unlink()
    with pytest.raises(WeightsMissing, match="not all of its weights"):
        opened(copy)


def test_code_that_a_checkpoint_brings_is_not_run(copy, tmp_path):
    ran = tmp_path / "ran"
    (copy / "own.py").write_text(f"open({str(ran)!r}, 'w').close()")
    changed(
        copy,
        model_type="own",
        auto_map=dict.fromkeys(("AutoConfig", "AutoModelForSequenceClassification"), "own.Own"),
    )
    with pytest.raises(EngineRefused, match="cannot rerank"):
        opened(copy)("rain", ["tea"])
    assert not ran.exists()


def test_scores_that_are_no_numbers_order_nothing(copy):
    weights = load_file(copy / "model.safetensors")
    weights["classifier.bias"][0] = float("nan")
    save_file(weights, copy / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(EngineRefused, match="no numbers"):
        opened(copy)("rain", ["tea"])


def test_without_its_packages_it_names_the_extra(checkpoint, monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(MissingExtra, match="transformers") as missing:
        opened(checkpoint)
    assert missing.value.hint == "pip install 'qwen-audio-tools[transformers]'"
