from functools import partial
from itertools import pairwise
from pathlib import Path

import pytest

from qwen_audio_tools.engines.embedded.meaning.sentence_encoder import shared_encoder
from qwen_audio_tools.quoting import quotes as quoting
from qwen_audio_tools.quoting.sentences import sentences
from qwen_audio_tools.transcript import Segment

quotes = partial(quoting.quotes, encode=lambda texts: shared_encoder().encode(texts))
key_sentences = partial(quoting.key_sentences, encode=lambda texts: shared_encoder().encode(texts))

DATA = Path(__file__).parent / "data"
# The thresholds were tuned on "en" and "zh"; "fresh" was written afterwards.


def read(language: str) -> tuple[list[Segment], list[tuple[int, str]], list[str]]:
    rows = [
        line.split("\t")
        for line in (DATA / f"retrieval_{language}.tsv").read_text("utf-8").splitlines()
    ]
    said = [
        Segment(start=4.0 * int(at), end=4.0 * int(at) + 3.8, text=text, language=language)
        for kind, at, text in rows
        if kind == "say"
    ]
    asked = [(int(at), text) for kind, at, text in rows if kind == "ask"]
    return said, asked, [text for kind, _, text in rows if kind == "none"]


@pytest.mark.parametrize(
    ("language", "first", "among"), [("en", 0.7, 0.7), ("zh", 0.95, 0.95), ("fresh", 0.6, 0.6)]
)
def test_the_sentence_with_the_answer_is_quoted(language: str, first: float, among: float) -> None:
    said, asked, _ = read(language)
    found = [(said[at], [quote.segment for quote in quotes(text, said)]) for at, text in asked]
    assert sum(quoted[:1] == [gold] for gold, quoted in found) / len(found) >= first
    assert sum(gold in quoted for gold, quoted in found) / len(found) >= among


@pytest.mark.parametrize("language", ["en", "zh", "fresh"])
def test_what_was_not_said_is_not_quoted(language: str) -> None:
    said, _, absent = read(language)
    assert sum(not quotes(text, said) for text in absent) / len(absent) >= 0.9


def test_the_reply_counts_where_the_question_was_asked_in_the_recording() -> None:
    said, _, _ = read("en")
    found = quotes("How many people registered for the course on pruning?", said)
    assert found[0].text.startswith("Fourteen so far")


def test_quotes_are_ranked_limited_and_said_word_for_word() -> None:
    said, asked, _ = read("en")
    for _, question in asked:
        found = quotes(question, said, limit=2)
        assert len(found) <= 2
        assert [quote.score for quote in found] == sorted(
            (quote.score for quote in found), reverse=True
        )
        assert all(quote.text in quote.segment.text for quote in found)


def test_nothing_asked_or_nothing_said_gives_no_quote() -> None:
    said, _, _ = read("en")
    assert quotes("", said) == ()
    assert quotes("who?", ()) == ()
    assert quotes("who is the chair?", said, limit=0) == ()
    assert quotes("who?", [Segment(start=0, end=1, text=" ")]) == ()


def test_a_long_segment_is_cut_with_interpolated_times() -> None:
    text = "It costs five dollars. The shop closes at six. Dr. Lee pays 3.50 more!"
    found = sentences([Segment(start=10.0, end=20.0, text=text)])
    assert [sentence.text for sentence in found] == [
        "It costs five dollars.", "The shop closes at six.", "Dr. Lee pays 3.50 more!",
    ]  # fmt: skip
    assert found[0].start == 10.0
    assert found[-1].end == 20.0
    assert all(sentence.interpolated for sentence in found)
    assert all(a.end == pytest.approx(b.start) for a, b in pairwise(found))


def test_a_sentence_over_two_segments_is_one_with_exact_times() -> None:
    halves = [
        Segment(start=0.0, end=2.0, text="The train to Leeds,"),
        Segment(start=2.1, end=4.0, text="which is late, leaves at nine."),
    ]
    (found,) = sentences(halves)
    assert (found.start, found.end, found.interpolated) == (0.0, 4.0, False)
    assert found.text == "The train to Leeds, which is late, leaves at nine."


def test_chinese_is_cut_at_its_own_marks() -> None:
    found = sentences([Segment(start=0, end=6, text="今天开会。谁来？大家都来！")])
    assert [sentence.text for sentence in found] == ["今天开会。", "谁来？", "大家都来！"]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_key_sentences_open_close_and_do_not_repeat(language: str) -> None:
    said, _, _ = read(language)
    found = key_sentences(said, 5)
    assert len(found) == 5
    assert found[0].segment == said[0]
    assert found[-1].segment == said[-1]
    assert [quote.start for quote in found] == sorted(quote.start for quote in found)
    assert len({quote.text for quote in found}) == 5


def test_key_sentences_of_one_repeated_sentence_are_few() -> None:
    said = [Segment(start=i, end=i + 1, text="The meeting is at noon today.") for i in range(20)]
    assert len(key_sentences(said, 5)) <= 2
    assert key_sentences([], 5) == ()
