"""ClipStore: ids that stand for audio, in one folder, shared by many."""

import subprocess
import sys

import numpy as np
import pytest

from qwen_audio_tools.clip import Clip
from qwen_audio_tools.clip_store import ClipStore
from qwen_audio_tools.decoding import Limits
from qwen_audio_tools.errors import ClipError, ClipMissing, ClipTooLong


@pytest.fixture
def store(tmp_path):
    return ClipStore(tmp_path / "store")


@pytest.fixture
def path(write, melody):
    return write("flac", melody(1), 44_100, name="talk.flac")


def test_the_same_bytes_have_the_same_id(store, path):
    found = store.put(path)
    assert len(found) == 12
    assert store.put(path.read_bytes(), "other name") == found
    assert found in store
    assert list(store) == [found]
    assert Clip(path).fingerprint == store.get(found).fingerprint
    np.testing.assert_array_equal(store.get(found).samples(), Clip(path).samples())


def test_a_store_knows_names_and_lengths(store, path):
    info = store.info(store.put(path))
    assert (info.name, info.seconds, info.media_type) == ("talk.flac", 1.0, "audio/flac")
    assert info.size == path.stat().st_size
    assert store.get(info.id).name == "talk.flac"


def test_a_part_or_samples_are_kept_as_wav(store, path, melody):
    for source in (Clip(path)[0.2:0.7], (melody(0.5, 16_000), 16_000)):
        info = store.info(store.put(source))
        assert (info.media_type, info.seconds) == ("audio/wav", 0.5)


def test_what_holds_no_sound_leaves_no_trace(store, tmp_path):
    (tmp_path / "x.wav").write_text("text")
    for source in (tmp_path / "x.wav", b"", tmp_path / "none.wav"):
        with pytest.raises(ClipError):
            store.put(source)
    assert list(store.folder.iterdir()) == []


@pytest.mark.parametrize(
    "id", ["../../etc/passwd", "", "0" * 12, "A" * 12, "0" * 11, "a1b2c3d4e5f6\n", 7]
)
def test_only_known_ids_open_anything(id, store, path):
    store.put(path)
    assert id not in store
    for use in (store.get, store.info, store.remove):
        with pytest.raises(ClipMissing, match="no clip"):
            use(id)


def test_removed_is_gone(store, path):
    found = store.put(path)
    store.remove(found)
    assert found not in store
    assert list(store.folder.iterdir()) == []


def test_the_clip_used_longest_ago_goes_first(tmp_path, write, melody):
    import os

    paths = [write("wav", melody(1 + 0.01 * k, 16_000), 16_000, name=f"{k}.wav") for k in range(3)]
    store = ClipStore(tmp_path / "small", budget=2 * 34_000)
    ids = [store.put(path) for path in paths[:2]]
    for age, found in ((100, ids[0]), (50, ids[1])):
        then = store._path(found).stat().st_mtime - age
        os.utime(store._path(found), (then, then))
    store.get(ids[0])  # which makes it the youngest
    ids.append(store.put(paths[2]))
    assert [found in store for found in ids] == [True, False, True]


def test_a_clip_over_the_limits_is_refused(tmp_path, path):
    for store in (
        ClipStore(tmp_path / "a", Limits(max_bytes=9)),
        ClipStore(tmp_path / "b", budget=9),
    ):
        with pytest.raises(ClipTooLong):
            store.put(path)
        assert list(store.folder.iterdir()) == []


def test_two_processes_may_put_at_once(store, path):
    program = (
        "import sys\nfrom qwen_audio_tools.clip_store import ClipStore\n"
        "for _ in range(10): print(ClipStore(sys.argv[1]).put(sys.argv[2]))"
    )
    command = [sys.executable, "-c", program, str(store.folder), str(path)]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = [process.communicate()[0].split() for process in running]
    assert [process.returncode for process in running] == [0, 0]
    assert len({found for ids in said for found in ids}) == 1
    assert len(list(store.folder.iterdir())) == 2
