"""An index elsewhere than in its archive is that archive's alone: no other reads or empties it."""

import json
from pathlib import Path

import pytest

from qwen_audio_tools.archive import archive as archives
from qwen_audio_tools.archive.index.lance_index import LanceIndex
from qwen_audio_tools.archive.index.opening import index_of
from qwen_audio_tools.archive.opened_search import opened_search
from qwen_audio_tools.archive.searching import Query
from qwen_audio_tools.engines.embedding import open_embedder
from qwen_audio_tools.errors import ArchiveError
from qwen_audio_tools.testing.made_records import text_record


@pytest.fixture
def uri(tmp_path, monkeypatch) -> str:
    """One index for whatever archive is opened, as a setting says."""
    place = str(tmp_path / "elsewhere")
    monkeypatch.setenv("QWA_ARCHIVE_INDEX", place)
    return place


def filled(folder: Path, title: str, words: str) -> archives.Archive:
    archive = archives.made(folder)
    archive.ledger.put(text_record("Zoo", title, [words]))
    return archive


def without_id(archive: archives.Archive) -> None:
    stamp = archive.folder / "archive.json"
    kept = json.loads(stamp.read_text())
    del kept["id"]
    stamp.write_text(json.dumps(kept))


def titles(archive: archives.Archive) -> list[str]:
    found = opened_search(archive.folder).find(Query(text="what do animals eat?"))
    return [hit.title for hit in found]


def test_another_archive_neither_reads_nor_empties_an_index(uri, tmp_path):
    apes = filled(tmp_path / "apes", "Apes", "Gorillas eat leaves.")
    fish = filled(tmp_path / "fish", "Fish", "Sharks eat fish.")
    assert titles(apes) == ["Apes"]
    other = opened_search(fish.folder)
    # The second time the table is open already.
    for act in (other.refresh, other.refresh, other.index.clear, other.index.__len__):
        with pytest.raises(ArchiveError, match="of another archive") as refused:
            act()
        assert "QWA_ARCHIVE_INDEX" in refused.value.hint
    with pytest.raises(ArchiveError, match="of another archive"):
        other.find(Query(text="sharks"))
    assert titles(apes) == ["Apes"]
    own = opened_search(fish.folder, index_uri="")
    assert own.find(Query(text="sharks"))[0].title == "Fish"


def test_an_archive_and_its_copy_are_one(uri, tmp_path):
    apes = filled(tmp_path / "apes", "Apes", "Gorillas eat leaves.")
    assert titles(apes) == ["Apes"]
    apes.folder.rename(tmp_path / "moved")
    assert titles(archives.opened(tmp_path / "moved")) == ["Apes"]


def test_an_archive_of_before_there_were_ids_is_given_one_that_stays(tmp_path):
    archive = filled(tmp_path / "apes", "Apes", "Gorillas eat leaves.")
    without_id(archive)
    id = archive.id()
    assert id
    assert archives.opened(archive.folder).id() == id


def test_an_index_of_before_there_were_ids_goes_on_working(uri, tmp_path):
    apes = filled(tmp_path / "apes", "Apes", "Gorillas eat leaves.")
    LanceIndex(uri, open_embedder(), tmp_path / "lock").refresh(apes.ledger)
    assert titles(apes) == ["Apes"]
    index = index_of(apes, uri)
    index.clear()
    index.refresh(apes.ledger)
    with pytest.raises(ArchiveError, match="of another archive"):
        titles(filled(tmp_path / "fish", "Fish", "Sharks eat fish."))


def test_in_its_own_folder_an_index_outlives_the_stamp_of_its_archive(tmp_path):
    apes = filled(tmp_path / "apes", "Apes", "Gorillas eat leaves.")
    assert titles(apes) == ["Apes"]
    (apes.folder / "shows").mkdir()
    (apes.folder / "archive.json").write_text("{")
    assert titles(archives.opened(apes.folder)) == ["Apes"]


def test_a_damaged_index_elsewhere_can_be_thrown_away(uri, tmp_path):
    apes = filled(tmp_path / "apes", "Apes", "Gorillas eat leaves.")
    assert titles(apes) == ["Apes"]
    for path in Path(uri).rglob("*"):
        if path.is_file():
            path.write_bytes(b"no data")
    index_of(apes, uri).clear()
    assert titles(apes) == ["Apes"]
