"""An archive in one file: exported, restored elsewhere, never unpacked where it shouldn't be."""

import io
import json
import tarfile
from dataclasses import replace

import pytest

from qwen_audio_tools.archive import archive as archives
from qwen_audio_tools.archive.adding import Adding
from qwen_audio_tools.archive.moving import export, restore
from qwen_audio_tools.archive.records import EpisodeRecord, State
from qwen_audio_tools.archive.syncing import Choice, sync
from qwen_audio_tools.archive.verifying import verify
from qwen_audio_tools.archive.workers import InThisProcess
from qwen_audio_tools.errors import ArchiveError
from qwen_audio_tools.tasks import Ability
from qwen_audio_tools.testing.made_podcasts import item, rss
from qwen_audio_tools.testing.scripted_engine import ScriptedEngine


def synced(archive, fetcher):
    engine = ScriptedEngine(["Words."] * 99, abilities=frozenset({Ability.TRANSCRIBE}))
    listening = InThisProcess(archive, engine)
    sync(archive, fetcher, listening, choice=Choice(), tell=lambda event: None)
    return engine


@pytest.fixture
def full(podcasts, archive, fetcher, sound):
    """An archive of two heard episodes."""
    items = [item(number, podcasts.put(f"/{number}.mp3", sound(number))) for number in (1, 2)]
    list(Adding(archive=archive, fetcher=fetcher).add(podcasts.put("/feed.xml", rss(*items))))
    synced(archive, fetcher)
    return archive


@pytest.fixture
def empty(tmp_path):
    return archives.made(tmp_path / "elsewhere")


def exported(archive, **options):
    target = io.BytesIO()
    moved = export(archive, target, **options)
    return moved, io.BytesIO(target.getvalue())


def test_what_was_exported_is_restored(full, empty):
    moved, file = exported(full, audio=True)
    assert (moved.shows, moved.episodes, moved.audio, moved.left) == (1, 2, 2, ())
    assert restore(empty, file) == moved
    assert list(empty.ledger) == list(full.ledger)
    assert list(empty.shows) == list(full.shows)
    assert list(verify(empty, audio=True)) == []


def test_without_its_audio_an_archive_is_small_and_a_sync_fetches_it_unheard(full, empty, fetcher):
    _, file = exported(full)
    assert restore(empty, file).audio == 0
    assert len(list(verify(empty))) == 2
    assert synced(empty, fetcher).heard == []
    assert list(verify(empty, audio=True)) == []


def test_a_newer_record_stays(full, empty):
    _, file = exported(full)
    record = next(iter(full.ledger))
    newer = replace(record, summary="newer", updated="2999-01-01T00:00:00+00:00")
    empty.ledger.restore(newer)
    moved = restore(empty, file)
    assert empty.ledger.get(record.episode.id).summary == "newer"
    assert moved.left[0].endswith("the archive has a newer record")


def a_tar(*members):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as tar:
        for name, content in members:
            info = tarfile.TarInfo(name)
            if isinstance(content, bytes):
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
            else:
                info.type, info.linkname = content
                tar.addfile(info)
    file.seek(0)
    return file


GOOD = "episodes/00/" + "0" * 16 + ".json"


def test_nothing_is_unpacked_but_what_an_archive_is_made_of(full, empty, tmp_path):
    record = next(iter(full.ledger))
    id = record.episode.id
    good = (f"episodes/{id[:2]}/{id}.json", json.dumps(record.to_dict()).encode())
    evil = [
        ("../outside.json", b"{}"),
        ("/tmp/outside.json", b"{}"),
        ("archive.json", b"{}"),
        ("audio/00/../../../outside.mp3", b"x"),
        ("audio/00/" + "0" * 16 + ".mp3", (tarfile.SYMTYPE, "/etc/passwd")),
        ("audio/00/" + "1" * 16 + ".mp3", (tarfile.LNKTYPE, "../../outside")),
        (GOOD, (tarfile.FIFOTYPE, "")),
        (GOOD, b"{broken"),
        (GOOD, json.dumps(record.to_dict()).encode()),
        (GOOD, json.dumps({**record.to_dict(), "version": 99}).encode()),
    ]
    moved = restore(empty, a_tar(good, *evil))
    assert (moved.episodes, moved.audio) == (1, 0)
    assert len(moved.left) == len(evil)
    assert [each.episode.id for each in empty.ledger] == [id]
    assert not (tmp_path / "outside.json").exists()
    assert {path.name for path in empty.folder.iterdir()} <= {
        "archive.json",
        "episodes",
        "locks",
    }


@pytest.mark.parametrize("content", [b"", b"no tar at all" * 100])
def test_what_is_no_export_is_refused(empty, content):
    with pytest.raises(ArchiveError, match="no export"):
        restore(empty, io.BytesIO(content))


def test_a_tar_of_other_things_is_refused(empty):
    with pytest.raises(ArchiveError, match="nothing of an archive"):
        restore(empty, a_tar(("holiday.jpg", b"x")))


def test_an_export_that_breaks_off_keeps_what_came(full, empty):
    _, file = exported(full, audio=True)
    data = file.getvalue()
    with pytest.raises(ArchiveError, match="breaks off"):
        restore(empty, io.BytesIO(data[: len(data) - 2000]))
    assert all(isinstance(record, EpisodeRecord) for record in empty.ledger)


def test_what_is_in_work_is_told_and_left(full, empty):
    _, file = exported(full)
    id = next(iter(full.ledger.ids()))
    with empty.ledger.locked(id):
        moved = restore(empty, file)
    assert moved.left[0].endswith("another process works on it")
    assert moved.episodes == 1


def test_verify_tells_what_is_wrong(full):
    first, second = full.ledger
    path = full.path_of(first)
    path.write_bytes(path.read_bytes()[::-1])
    passages = (replace(second.passages[0], start=-1.0, end=900.0, index=3),)
    full.ledger.put(replace(second, passages=passages))
    wrong = {problem.id: problem.what for problem in verify(full)}
    assert first.episode.id not in wrong  # its size is right
    whats = [problem.what for problem in verify(full, audio=True)]
    assert any("SHA-256 differs" in what for what in whats)
    assert any("outside of the recording" in what for what in whats)
    assert any("not numbered" in what for what in whats)
    path.write_bytes(b"short")
    assert any("has 5 bytes" in problem.what for problem in verify(full))


def test_verify_tells_whose_audio_is_that_of_nobody(full):
    first, second = full.ledger
    full.ledger.put(replace(second, state=State.SAME, same_as="0" * 16))
    assert any("which is not there" in problem.what for problem in verify(full))
    there = full.ledger.path("ff" * 8)
    there.parent.mkdir()
    full.ledger.path(first.episode.id).rename(there)
    whats = [problem.what for problem in verify(full)]
    assert f"the file of {'ff' * 8} holds the episode {first.episode.id}" in whats
