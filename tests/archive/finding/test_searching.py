"""A search gives the best first, tells neighbours as one, and takes any query for mere words."""

import pytest

from qwen_audio_tools.archive.index.filters import Filters
from qwen_audio_tools.archive.index.rows import Hit
from qwen_audio_tools.archive.searching import By, Query, fused, merged, search
from qwen_audio_tools.errors import SettingsError
from qwen_audio_tools.testing.made_records import text_record

MONEY = text_record(
    "Money",
    "Tariffs",
    [
        "Welcome to the show.",
        "The president changed his mind about tariffs on steel.",
        "Tariffs on steel would make cars dearer.",
        "Goodbye and thank you.",
    ],
)
ZOO = text_record("Zoo", "Apes", ["Gorillas eat leaves.", "The elephant drinks forty litres."])
BERLIN = text_record("Radio", "Wetter", ["Morgen regnet es in Berlin den ganzen Tag."])


@pytest.fixture
def filled(index):
    index.refresh([MONEY, ZOO, BERLIN])
    return index


def hit(episode: str, index: int, score: float = 0.0) -> Hit:
    return Hit(
        episode=episode,
        index=index,
        show="S",
        title="T",
        start=30.0 * index,
        end=30.0 * index + 30,
        text=f"text {index}",
        score=score,
    )


def test_words_and_meaning_together_find_the_place(filled):
    best = search(filled, Query(text="who changed his mind about tariffs?"))[0]
    assert best.title == "Tariffs"
    assert best.start <= 30.0
    assert best.end >= 60.0
    assert "changed his mind" in best.text
    assert search(filled, Query(text="how much water does an animal need?"))[0].show == "Zoo"


def test_a_question_in_another_language_finds_it_by_its_meaning(filled):
    found = search(filled, Query(text="Will it rain in the German capital?", by=By.MEANING))
    assert found[0].show == "Radio"


def test_neighbours_are_told_as_one(filled):
    apart = search(filled, Query(text="tariffs on steel", merge=False))
    joined = search(filled, Query(text="tariffs on steel"))
    assert len({(each.episode, each.index) for each in apart}) == len(apart)
    assert joined[0].end - joined[0].start >= 60.0
    assert len(joined) < len(apart)


def test_filters_hold_in_both_ways_of_searching(filled):
    for by in By:
        found = search(filled, Query(text="tariffs", filters=Filters(show="Zoo"), by=by))
        assert {each.show for each in found} <= {"Zoo"}


@pytest.mark.parametrize(
    "text",
    [
        'tariffs"',
        "tariffs' OR 1=1; DROP TABLE passages",
        "tariffs AND (steel",
        "tariffs:* ~ ^2 [a TO b]",
        "tariffs " * 1500,
        "tariffs\x00\n\t",
    ],
)
def test_any_query_is_taken_for_words(filled, text):
    found = search(filled, Query(text=text))
    assert found[0].title == "Tariffs"
    assert len(filled) == 7


def test_an_empty_query_is_refused(filled):
    for text in ("", " \n "):
        with pytest.raises(SettingsError, match="empty"):
            search(filled, Query(text=text))
    with pytest.raises(SettingsError, match="one at least"):
        search(filled, Query(text="x", count=0))


def test_ranks_are_fused_as_published():
    first, second = hit("a", 0), hit("b", 0)
    found = fused([[first, second], [second]])
    assert [each.episode for each in found] == ["b", "a"]
    assert found[0].score == pytest.approx(1 / 62 + 1 / 61)


def test_no_more_than_three_neighbours_become_one():
    found = merged([hit("a", 2), hit("a", 3), hit("a", 1), hit("a", 4), hit("b", 0)])
    assert [(each.episode, each.start, each.end) for each in found] == [
        ("a", 30.0, 120.0),
        ("a", 120.0, 150.0),
        ("b", 0.0, 30.0),
    ]


def test_a_reranker_decides_the_order_of_the_best(filled):
    def prefers_elephants(query: str, texts: list[str]) -> list[float]:
        return [float("elephant" in text) for text in texts]

    found = search(filled, Query(text="tariffs", rerank=prefers_elephants))
    assert "elephant" in found[0].text


def test_a_reranker_reads_what_sounds_too(index):
    index.refresh([text_record("Zoo", "Birds", ["Listen to this."], sounds=("Owl",)), MONEY])
    read: list[str] = []

    def reads(query: str, texts: list[str]) -> list[float]:
        read.extend(texts)
        return [float("Owl" in text) for text in texts]

    found = search(index, Query(text="listen to what the president said", rerank=reads))
    assert found[0].title == "Birds"
    assert "Listen to this.\nSounds: Owl." in read
