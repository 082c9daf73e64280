"""The analysis cache: what was heard once is not heard again; losing it is never an error."""

import numpy as np
import pytest

from qwen_audio_tools.engines.base import Options
from qwen_audio_tools.engines.embedded import analysis_cache as cache
from qwen_audio_tools.engines.embedded.records import from_record, key_of, to_record
from qwen_audio_tools.engines.embedded.speech.words import Words
from qwen_audio_tools.transcript import Segment


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("QWA_ANALYSES", str(tmp_path / "analyses"))


def test_a_record_comes_back_with_its_arrays():
    assert cache.put("f" * 64, "sounds-1", {"label": "雨", "scores": np.arange(4, dtype=np.uint8)})
    record = cache.get("f" * 64, "sounds-1")
    assert record is not None
    assert record["label"] == "雨"
    assert record["scores"].tolist() == [0, 1, 2, 3]


def test_what_was_never_kept_is_none():
    assert cache.get("0" * 64, "words-1") is None


def test_a_damaged_record_is_as_good_as_none():
    cache.put("a" * 64, "words-1", {"x": 1})
    path = next(cache.folder().glob("*/*.npz"))
    path.write_bytes(path.read_bytes()[:20])
    assert cache.get("a" * 64, "words-1") is None


def test_words_survive_the_cache():
    words = Words((Segment(start=0.5, end=2.0, text="你好", language="zh"),), "zh", 0.98, ("w",))
    assert from_record("words", to_record("words", words)) == words


def test_another_whisper_or_a_forced_language_is_another_record():
    keys = {
        key_of("words", "base", Options()),
        key_of("words", "small", Options()),
        key_of("words", "base", Options(language="de")),
    }
    assert len(keys) == 3


def test_records_unused_for_longest_go_first(monkeypatch):
    import os

    for index in range(4):
        noise = np.random.default_rng(index).integers(0, 256, 1_000_000, np.uint8)
        cache.put(str(index) * 64, "x-1", {"noise": noise})
        path = next(cache.folder().glob(f"{str(index) * 40}/*.npz"))
        os.utime(path, (index, index))
    monkeypatch.setenv("QWA_ANALYSIS_CACHE_MB", "3")
    assert cache.trim() == 2
    assert cache.get("0" * 64, "x-1") is None
    assert cache.get("3" * 64, "x-1") is not None


def test_a_folder_that_can_not_be_written_costs_time_only(tmp_path, monkeypatch):
    blocked = tmp_path / "a-file"
    blocked.write_text("no folder")
    monkeypatch.setenv("QWA_ANALYSES", str(blocked / "analyses"))
    assert cache.put("b" * 64, "x-1", {"x": 1}) is False
    assert cache.get("b" * 64, "x-1") is None
