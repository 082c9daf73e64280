"""The index holds what the ledger says, whatever happened to it; filters can't be escaped."""

import shutil
import subprocess
import sys

import pytest

from qwen_audio_tools.archive.index.filters import Filters
from qwen_audio_tools.archive.index.lance_index import LanceIndex
from qwen_audio_tools.engines.embedding import GivenEmbedder, embedder_of, open_embedder
from qwen_audio_tools.errors import ArchiveError, SettingsError
from qwen_audio_tools.testing.made_records import text_record

ANN = text_record("Money", "One", ["Tariffs rise.", "Rates fall."], speakers=("Ann",))
BOB = text_record('Garden\'s "Best"', "Two", ["Roses bloom."], sounds=("Laughter", "Wind"))


def test_it_holds_the_records_and_no_others(index):
    assert len(index) == 0
    assert index.by_words("tariffs", Filters(), 5) == []
    assert index.refresh([ANN, BOB]).added == 3
    assert index.refresh([ANN, BOB]).added == 0
    change = index.refresh([BOB])
    assert (change.added, change.removed, len(index)) == (0, 2, 1)


def test_a_changed_episode_is_replaced_whole(index):
    index.refresh([ANN, BOB])
    shorter = text_record("Money", "One", ["Only inflation now."], speakers=("Ann",))
    index.refresh([shorter, BOB])
    assert len(index) == 2
    assert index.by_words("tariffs", Filters(), 5) == []
    assert index.by_words("inflation", Filters(), 5)[0].text == "Only inflation now."


def test_words_and_meaning_find_what_they_should(index):
    index.refresh([ANN, BOB])
    assert index.by_words("tariffs", Filters(), 1)[0].episode == ANN.episode.id
    assert index.by_words("laughter", Filters(), 1)[0].episode == BOB.episode.id
    nearest = index.by_meaning("What flowers are there?", Filters(), 1)
    assert nearest[0].episode == BOB.episode.id


@pytest.mark.parametrize(
    ("filters", "count"),
    [
        (Filters(), 3),
        (Filters(show="money"), 2),
        (Filters(show='garden\'s "best"'), 1),
        (Filters(speaker="ann"), 2),
        (Filters(speaker="An"), 0),
        (Filters(sound="laughter"), 1),
        (Filters(sound="laugh"), 0),
        (Filters(language="en"), 3),
        (Filters(since="2026-03-04"), 3),
        (Filters(since="2026-04"), 0),
        (Filters(until="2026-03"), 3),
        (Filters(until="2026-02-28"), 0),
        (Filters(show="x' OR '1'='1"), 0),
        (Filters(episode="x') OR (1=1) --"), 0),
        (Filters(speaker='Ann"; DROP TABLE passages; --'), 0),
    ],
)
def test_filters_let_through_what_fits_and_nothing_else(index, filters, count):
    index.refresh([ANN, BOB])
    assert len(index.by_meaning("anything", filters, 10)) == count


def test_a_date_that_is_none_is_refused():
    with pytest.raises(SettingsError, match="yesterday"):
        Filters(since="yesterday")


def test_an_index_that_was_deleted_is_made_anew(index, tmp_path):
    index.refresh([ANN, BOB])
    shutil.rmtree(tmp_path / "index")
    again = LanceIndex(index.uri, open_embedder(), tmp_path / "index.lock")
    assert again.by_words("tariffs", Filters(), 5) == []
    assert again.refresh([ANN, BOB]).added == 3


def test_an_index_that_is_damaged_says_how_to_mend_it(index, tmp_path):
    index.refresh([ANN, BOB])
    for path in (tmp_path / "index").rglob("*.lance"):
        if path.is_file():
            path.write_bytes(b"no data")
    again = LanceIndex(index.uri, open_embedder(), tmp_path / "index.lock")
    with pytest.raises(ArchiveError) as damaged:
        again.by_meaning("anything", Filters(), 5)
    assert "rebuild" in damaged.value.hint
    again.clear()
    assert again.refresh([ANN, BOB]).added == 3


def test_another_embedder_is_not_mixed_in(index, tmp_path):
    index.refresh([ANN])
    other = LanceIndex(
        index.uri,
        GivenEmbedder("other", lambda texts: [[1.0, 0.0]] * len(texts)),
        tmp_path / "index.lock",
    )
    with pytest.raises(ArchiveError, match="other"):
        other.by_meaning("anything", Filters(), 5)


def test_an_embedder_of_a_framework_is_taken():
    class Embeddings:
        model_name = "made"

        def embed_documents(self, texts):
            return [[3.0, 4.0] for _ in texts]

    embedder = embedder_of(Embeddings())
    assert embedder.name == "Embeddings:made"
    assert embedder.embed(["a"]).tolist() == [[pytest.approx(0.6), pytest.approx(0.8)]]
    with pytest.raises(SettingsError, match="no embedder"):
        embedder_of(3)


WRITER = """
import sys
from pathlib import Path
from qwen_audio_tools.archive.index.lance_index import LanceIndex
from qwen_audio_tools.engines.embedding import open_embedder
from qwen_audio_tools.testing.made_records import text_record
folder = Path(sys.argv[1])
index = LanceIndex(str(folder / "index"), open_embedder(), folder / "index.lock")
records = [text_record("Show", f"E{n}", [f"Words number {n}."]) for n in range(12)]
for count in range(1, 13):
    index.refresh(records[:count])
"""


def test_two_processes_leave_one_index(index, tmp_path):
    children = [subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)]) for _ in range(2)]
    assert [child.wait(120) for child in children] == [0, 0]
    found = index.by_words("words", Filters(), 100)
    assert len(found) == len(index) == 12
    assert len({(hit.episode, hit.index) for hit in found}) == 12


def test_words_that_mean_nothing_in_another_language_are_found(index):
    words = ("war", "dog", "man", "sea", "door", "son", "die", "era")
    index.refresh([text_record("Words", "Short", [f"It was about a {word}." for word in words])])
    for word in words:
        found = index.by_words(word, Filters(), 1)
        assert [word in hit.text for hit in found] == [True], word


def test_an_index_made_anew_by_another_is_seen_by_whoever_has_it_open(index):
    index.refresh([text_record("Zoo", str(number), ["Apes."]) for number in range(9)])
    other = LanceIndex(index.uri, index.embedder, index._lock)
    assert len(other) == 9
    index.clear()
    index.refresh([text_record("Zoo", "One", ["Gorillas eat leaves."])])
    assert len(other) == 1
    assert other.by_words("gorillas", Filters(), 3)[0].title == "One"
    assert other.by_meaning("apes", Filters(), 3)[0].title == "One"
