"""Local recordings: known by their content, left where they are, found again after a move."""

import shutil

import pytest

from qwen_audio_tools.archive.adding import Adding
from qwen_audio_tools.archive.local_files import visit_files
from qwen_audio_tools.archive.records import State
from qwen_audio_tools.archive.taking import take
from qwen_audio_tools.errors import ClipMissing, ClipUnreadable


@pytest.fixture
def adding(archive, fetcher):
    return Adding(archive=archive, fetcher=fetcher)


@pytest.fixture
def folder(tmp_path, sound):
    place = tmp_path / "Talks"
    (place / "deep").mkdir(parents=True)
    (place / "one.mp3").write_bytes(sound(1))
    (place / "deep" / "two.mp3").write_bytes(sound(2))
    (place / "notes.txt").write_text("not a recording")
    return place


def show_of(archive):
    (show,) = archive.shows
    return show


def by_title(archive):
    return {record.episode.title: record for record in archive.ledger}


def test_a_folder_is_a_show_and_its_recordings_stay_where_they_are(archive, adding, folder):
    (visit,) = adding.add(str(folder))
    assert (visit.show.title, visit.new) == ("Talks", 2)
    found = by_title(archive)
    assert set(found) == {"one", "two"}
    assert archive.path_of(found["two"]) == folder / "deep" / "two.mp3"
    assert not (archive.folder / "audio").exists()


def test_what_is_new_is_found_and_what_is_old_is_not_hashed_again(archive, adding, folder, sound):
    list(adding.add(str(folder)))
    (folder / "three.mp3").write_bytes(sound(3))
    (folder / "one.mp3").chmod(0o200)  # it need not be opened
    visit = visit_files(archive, show_of(archive))
    assert (visit.new, visit.changed, visit.show.warnings) == (1, 0, ())
    assert set(by_title(archive)) == {"one", "two", "three"}


def test_a_file_that_was_moved_is_the_same_episode(archive, adding, folder):
    list(adding.add(str(folder)))
    before = by_title(archive)["one"].episode.id
    (folder / "one.mp3").rename(folder / "deep" / "renamed.mp3")
    visit = visit_files(archive, show_of(archive))
    assert (visit.new, visit.changed) == (0, 1)
    moved = archive.ledger.get(before)
    assert archive.path_of(moved) == folder / "deep" / "renamed.mp3"


def test_a_file_that_was_written_anew_is_another_episode(archive, adding, folder, sound):
    list(adding.add(str(folder)))
    before = by_title(archive)["one"].episode.id
    (folder / "one.mp3").write_bytes(sound(9))
    assert visit_files(archive, show_of(archive)).new == 1
    with pytest.raises(ClipMissing, match="not fetched"):
        archive.path_of(archive.ledger.get(before))


def test_a_record_that_was_lost_is_made_anew(archive, adding, folder):
    list(adding.add(str(folder)))
    lost = by_title(archive)["one"].episode.id
    archive.ledger.path(lost).unlink()
    assert visit_files(archive, show_of(archive)).new == 1
    assert lost in archive.ledger


def test_a_copy_is_no_second_episode(archive, adding, folder):
    shutil.copy(folder / "one.mp3", folder / "again.mp3")
    (visit,) = adding.add(str(folder))
    assert visit.new == 2


def test_single_files_of_a_folder_make_one_show(archive, adding, folder):
    for name in ("one.mp3", "deep/../one.mp3"):
        list(adding.add(str(folder / name)))
    assert list(show_of(archive).files) == [str(folder / "one.mp3")]
    assert show_of(archive).title == "Talks"
    assert visit_files(archive, show_of(archive)).new == 0


def test_what_is_no_recording_is_not_added(archive, adding, folder):
    with pytest.raises(ClipUnreadable, match="is text"):
        list(adding.add(str(folder / "notes.txt")))
    assert list(archive.shows) == []


def test_a_folder_that_is_gone_is_told_and_its_episodes_stay(archive, adding, folder):
    list(adding.add(str(folder)))
    shutil.rmtree(folder)
    visit = visit_files(archive, show_of(archive))
    assert "is not there" in visit.show.error
    assert len(by_title(archive)) == 2


def test_the_archive_does_not_take_its_own_audio_for_recordings(archive, adding, tmp_path, sound):
    inside = archive.folder / "audio" / "ab"
    inside.mkdir(parents=True)
    (inside / "ab.mp3").write_bytes(sound(1))
    (tmp_path / "own.mp3").write_bytes(sound(2))
    (visit,) = adding.add(str(tmp_path))
    assert visit.new == 1


def test_a_local_recording_is_verified_when_it_is_taken(archive, adding, fetcher, folder):
    list(adding.add(str(folder)))
    taken = take(archive, by_title(archive)["one"], fetcher)
    assert (taken.state, taken.warnings) == (State.FETCHED, ())
    (folder / "one.mp3").unlink()
    with pytest.raises(ClipMissing, match="is gone"):
        take(archive, taken, fetcher)
