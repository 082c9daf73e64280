"""Bringing an index up to date reads the records that changed, and no others."""

import shutil
from dataclasses import replace

import pytest

from qwen_audio_tools.archive.archive import made
from qwen_audio_tools.archive.index.rows import Unread
from qwen_audio_tools.archive.ledger import Ledger
from qwen_audio_tools.archive.opened_search import ArchiveSearch, opened_search
from qwen_audio_tools.archive.searching import Query
from qwen_audio_tools.testing.made_records import text_record

APES = text_record("Zoo", "Apes", ["Gorillas eat leaves."])
FISH = text_record("Zoo", "Fish", ["Sharks never sleep."])
SILENT = text_record("Zoo", "Silent", [])


class CountingLedger(Ledger):
    """A ledger that notes which records were read."""

    def __init__(self, folder) -> None:
        super().__init__(folder)
        self.read: list[str] = []

    def get(self, id):
        self.read.append(id)
        return super().get(id)


@pytest.fixture
def folder(tmp_path):
    archive = made(tmp_path / "archive")
    for record in (APES, FISH, SILENT):
        archive.ledger.put(record)
    opened_search(archive.folder).refresh()
    return archive.folder


def anew(folder, **more) -> ArchiveSearch:
    """An archive opened by another process, as it were, with a ledger that counts."""
    searched = opened_search(folder, **more)
    searched.archive = replace(searched.archive, ledger=CountingLedger(folder))
    searched.refresh()
    return searched


def read(searched: ArchiveSearch) -> set[str]:
    return set(searched.archive.ledger.read)


def titles(searched: ArchiveSearch, words: str) -> list[str]:
    return [hit.title for hit in searched.find(Query(text=words, merge=False))]


ALL = {each.episode.id for each in (APES, FISH, SILENT)}


def test_nothing_is_read_where_nothing_changed(folder):
    searched = anew(folder)
    assert read(searched) == set()
    assert len(searched.index) == 2


def test_what_changed_is_read_alone_and_what_went_is_gone(folder):
    ledger = Ledger(folder)
    ledger.put(text_record("Zoo", "Fish", ["Eels are slippery, long and old."]))
    ledger.remove(APES.episode.id)
    searched = anew(folder)
    assert read(searched) == {FISH.episode.id}
    assert titles(searched, "eels") == ["Fish"]


def test_an_episode_that_lost_its_passages_leaves_the_index(folder):
    Ledger(folder).put(text_record("Zoo", "Fish", []))
    assert len(anew(folder).index) == 1
    assert read(anew(folder)) == set()


def test_an_index_that_was_deleted_is_made_from_what_has_passages(folder):
    shutil.rmtree(folder / "index")
    searched = anew(folder)
    assert read(searched) == ALL - {SILENT.episode.id}
    assert len(searched.index) == 2


def test_what_another_process_took_from_the_index_is_put_back(folder):
    opened_search(folder).index.refresh([FISH])
    searched = anew(folder)
    assert read(searched) == {APES.episode.id}
    assert len(searched.index) == 2


def test_rows_of_an_episode_without_passages_do_not_stay(folder):
    index = opened_search(folder).index
    index.refresh([APES, FISH])
    change = index.refresh([APES, Unread(FISH.episode.id, "", lambda: None)])
    assert (change.removed, len(index)) == (1, 1)


def test_another_index_is_filled_whatever_was_kept(folder, tmp_path):
    searched = anew(folder, index_uri=str(tmp_path / "elsewhere"))
    assert len(searched.index) == 2
    assert read(anew(folder)) == set()


@pytest.mark.parametrize(
    "damage", [b"", b"[]", b'{"version": 0}', b'{"version": 1, "episodes": {"a": 3}}', b"\xff{"]
)
def test_a_damaged_cache_costs_time_alone(folder, damage):
    kept = folder / "cache" / "digests.json"
    whole = kept.read_bytes()
    kept.write_bytes(damage)
    searched = anew(folder)
    assert read(searched) == ALL
    assert len(searched.index) == 2
    assert kept.read_bytes() == whole
