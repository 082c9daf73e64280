"""An archive opened once finds what is new, tells where the audio is, and who may open it."""

import os
import shutil
import time
from pathlib import Path

import pytest

from qwen_audio_tools import Clip
from qwen_audio_tools.agents.references import References
from qwen_audio_tools.agents.searching import Searcher, search_audio
from qwen_audio_tools.archive.hit_metadata import id_of, metadata_of, text_of
from qwen_audio_tools.archive.index.filters import Filters
from qwen_audio_tools.archive.opened_search import ArchiveSearch, opened_search
from qwen_audio_tools.archive.searching import Query
from qwen_audio_tools.errors import ArchiveError, Cancelled, ClipRefused
from qwen_audio_tools.sources import agent, person
from qwen_audio_tools.testing.made_archives import MadeArchive, made_archive
from qwen_audio_tools.testing.made_records import text_record


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> MadeArchive:
    return made_archive(tmp_path_factory.mktemp("made"))


@pytest.fixture(scope="module")
def searched(made) -> ArchiveSearch:
    return opened_search(made.archive.folder)


@pytest.fixture
def small(tmp_path) -> ArchiveSearch:
    """An archive of one episode that may be changed."""
    from qwen_audio_tools.archive.archive import made

    archive = made(tmp_path / "archive")
    archive.ledger.put(text_record("Zoo", "Apes", ["Gorillas eat leaves."]))
    return opened_search(archive.folder)


def best(searched: ArchiveSearch, words: str, **filters: str):
    return searched.find(Query(text=words, filters=Filters(**filters), merge=False))[0]


def test_a_passage_that_was_found_can_be_opened_wherever_its_audio_lies(searched, made):
    references = References(policy=searched.allowed(agent([])))
    for words, record in (("interest rates", made.money), ("noon in the village", made.village)):
        hit = best(searched, words)
        assert hit.episode == record.episode.id
        clip = references.resolve(hit.source, start=hit.start, end=hit.end)
        assert clip.duration == pytest.approx(hit.end - hit.start, abs=0.05)
    away = best(searched, "tariffs on steel")
    assert away.source == made.tariffs.episode.enclosure.url
    with pytest.raises(ClipRefused, match="URLs are not opened here"):
        references.resolve(away.source).info  # noqa: B018


def test_audio_that_is_gone_is_named_by_its_address(made, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(made.archive.folder, copy)
    shutil.rmtree(copy / "audio")
    hit = best(opened_search(copy), "noon in the village")
    assert hit.source == "https://example.com/village.flac"


def test_the_folders_of_an_archive_are_allowed_beside_others_and_nothing_else(
    searched, made, tmp_path
):
    folder = made.archive.folder
    roots = searched.allowed(agent([tmp_path])).roots
    assert roots == (tmp_path, folder.resolve(), folder.parent.resolve() / "Made Radio")
    assert searched.allowed(person()).roots is None
    refused = References(policy=searched.allowed(agent([])))
    for named in (folder.parent / "x.wav", folder / ".." / "x.wav", "/etc/passwd"):
        with pytest.raises(ClipRefused, match="outside the allowed folders"):
            refused.resolve(str(named)).info  # noqa: B018


def test_it_is_a_searcher_for_the_tools_of_agents(searched, made):
    assert isinstance(searched, Searcher)
    text, found = search_audio(searched, "what happens at noon in the village?", 1)
    assert f"{found[0].source} [" in text
    assert "«Made Radio · In the village» S1, S2: Tomatoes" in text
    assert "And now listen to what happens at noon" in found[0].text
    assert "(sounds: Church bell, Bell)" in text
    assert Path(found[0].source).is_file()


def test_metadata_is_flat_and_names_the_recording_and_the_span(searched, made):
    hit = best(searched, "noon in the village")
    known = metadata_of(hit)
    assert all(type(value) in (str, int, float) for value in known.values())
    assert (known["start"], known["end"]) == (round(hit.start, 3), round(hit.end, 3))
    assert known["speakers"] == "S1, S2"
    assert known["sounds"] == "Church bell, Bell"
    assert known["chapter"] == "Noon"
    assert known["published"] == "2026-03-01"
    assert str(known["link"]).startswith("https://example.com/village.flac#t=")
    assert known["clip"] == made.village.episode.enclosure.sha256[:12]
    assert "chapter" not in metadata_of(best(searched, "interest rates"))


def test_the_clip_of_a_passage_is_what_a_store_calls_its_recording(searched, tmp_path):
    from qwen_audio_tools import ClipStore

    hit = best(searched, "interest rates")
    assert metadata_of(hit)["clip"] == ClipStore(tmp_path).put(Clip(hit.source))


def test_the_same_place_has_the_same_id_in_each_search(searched):
    first, second = (best(searched, words) for words in ("interest rates", "the central bank"))
    assert id_of(first) == id_of(second) != id_of(best(searched, "tomatoes"))


def test_a_passage_without_words_is_told_by_its_sounds(small):
    record = text_record("Zoo", "Night", [""], sounds=("Owl", "Hoot"))
    small.archive.ledger.put(record)
    hit = best(small, "owl")
    assert text_of(hit) == "Sounds: Owl, Hoot."


def test_what_is_heard_later_is_found_by_the_next_search(small):
    assert best(small, "gorillas").title == "Apes"
    later = text_record("Zoo", "Fish", ["Sharks never sleep."])
    small.archive.ledger.put(later)
    assert best(small, "sharks").title == "Fish"
    small.archive.ledger.remove(later.episode.id)
    assert {hit.title for hit in small.find(Query(text="sharks"))} == {"Apes"}


def test_a_ledger_that_did_not_change_is_not_read_again(small):
    best(small, "gorillas")
    long_ago = time.time() - 3600
    folders = [small.archive.folder / "episodes"]
    for each in [*folders, *folders[0].iterdir()]:
        os.utime(each, (long_ago, long_ago))
    best(small, "gorillas")
    read = []
    small.find(Query(text="gorillas"), lambda *told: read.append(told))
    assert read == []
    small.archive.ledger.put(text_record("Zoo", "Fish", ["Sharks never sleep."]))
    small.find(Query(text="sharks"), lambda *told: read.append(told))
    assert [told[0] for told in read] == ["indexing", "indexing"]


def test_an_index_that_somebody_deleted_is_made_anew(small):
    assert best(small, "gorillas")
    shutil.rmtree(small.archive.folder / "index")
    assert best(small, "gorillas").title == "Apes"


def test_another_process_may_make_the_index_anew_meanwhile(small):
    assert best(small, "gorillas")
    other = opened_search(small.archive.folder)
    other.index.clear()
    assert best(other, "gorillas")
    assert best(small, "gorillas").title == "Apes"


def test_without_fresh_the_index_is_searched_as_it_is(small):
    still = opened_search(small.archive.folder, fresh=False)
    assert still.find(Query(text="gorillas")) == []
    best(small, "gorillas")
    assert best(still, "gorillas").title == "Apes"


def test_bringing_it_up_to_date_can_be_stopped_and_goes_on_the_next_time(small):
    def stop(what: str, done: float, total: float) -> None:
        raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        small.find(Query(text="gorillas"), stop)
    assert best(small, "gorillas").title == "Apes"


def test_where_there_is_no_archive_nothing_is_opened(tmp_path):
    with pytest.raises(ArchiveError, match="there is no archive in"):
        opened_search(tmp_path)
