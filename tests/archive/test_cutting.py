"""Passages: all of the words, at pauses, some 30 to 60 s, never over the start of a chapter."""

import random
from itertools import pairwise

import pytest

from qwen_audio_tools.archive.cutting import LONGEST, SHORTEST, chapter_at, parts_of, passages_of
from qwen_audio_tools.archive.records import Chapter
from qwen_audio_tools.spans import Span
from qwen_audio_tools.transcript import Segment


def talk(seconds: float, seed: int = 0) -> list[Segment]:
    """Sentences and half sentences of 1 to 9 s, with pauses as in speech."""
    chance, at, found = random.Random(seed), 0.0, []
    while at < seconds:
        at += chance.choice([0.0, 0.1, 0.2, 0.3, 0.8, 1.5, 2.5])
        length = chance.uniform(1.0, 9.0)
        end = chance.choice([".", "?", ",", ""])
        found.append(Segment(start=at, end=at + length, text=f"words {len(found)}{end}"))
        at += length
    return found


def span(group):
    return Span(group[0].start, max(each.end for each in group))


@pytest.mark.parametrize("seed", range(5))
def test_every_word_is_in_one_passage_and_in_order(seed):
    segments = talk(900.0, seed)
    groups = passages_of(segments, ())
    assert [each for group in groups for each in group] == segments


@pytest.mark.parametrize("seed", range(5))
def test_passages_have_the_length_that_is_wanted(seed):
    lengths = [span(group).seconds for group in passages_of(talk(1800.0, seed), ())]
    assert max(lengths) <= LONGEST
    assert min(lengths[:-1]) >= SHORTEST - 5.0
    assert sum(length >= SHORTEST for length in lengths) >= 0.9 * len(lengths)


def test_cuts_lie_in_long_pauses_and_behind_sentences():
    segments = talk(3600.0)
    groups = passages_of(segments, ())
    between = [b.start - a.end for a, b in pairwise(segments)]
    cuts = [b[0].start - a[-1].end for a, b in pairwise(groups)]
    assert sum(cuts) / len(cuts) > 2 * sum(between) / len(between)
    ended = sum(group[-1].text.endswith((".", "?")) for group in groups)
    assert ended > 0.7 * len(groups)  # half of all segments end one


def test_no_passage_goes_on_over_the_start_of_a_chapter():
    starts = [0.0, 95.0, 100.0, 412.3, 700.0]
    chapters = [Chapter(start=start, title=str(start)) for start in starts]
    groups = passages_of(talk(900.0), chapters)
    for group in groups:
        here = span(group)
        assert not any(here.start < start < here.end for start in starts)
    assert sum(len(each.text) for g in groups for each in g) >= 0.95 * sum(
        len(each.text) for each in talk(900.0)
    )


def test_a_segment_over_a_chapters_start_shares_out_its_words():
    long = Segment(start=0.0, end=10.0, text="one two three four five six seven eight nine ten")
    first, second = passages_of([long], [Chapter(start=5.0, title="x")])
    assert first[0].text == "one two three four five"
    assert second[0].text == "six seven eight nine ten"
    assert (first[0].end, second[0].start) == (5.0, 5.0)


@pytest.mark.parametrize("text", ["One two. " * 150, "一二三四五六七八九十。" * 40, "a" * 500])
def test_a_segment_that_is_too_long_is_cut_and_loses_nothing(text):
    groups = passages_of([Segment(start=0.0, end=300.0, text=text)], ())
    assert max(span(group).seconds for group in groups) <= LONGEST
    kept = "".join(each.text for group in groups for each in group)
    assert kept.replace(" ", "") == text.replace(" ", "")


def test_nothing_said_is_no_passage():
    assert passages_of([], [Chapter(start=0.0, title="x")]) == []


def test_speech_far_apart_is_not_one_passage():
    two = [Segment(start=0.0, end=5.0, text="a"), Segment(start=300.0, end=305.0, text="b")]
    assert len(passages_of(two, ())) == 2


def test_a_stretch_is_shared_out_evenly_within_chapters():
    parts = list(parts_of(Span(10.0, 130.0), [Chapter(start=50.0, title="x")]))
    assert parts == [Span(10.0, 50.0), Span(50.0, 90.0), Span(90.0, 130.0)]


def test_the_chapter_of_a_second_is_the_last_that_has_begun():
    chapters = [Chapter(start=60.0, title="B"), Chapter(start=5.0, title="A")]
    assert [chapter_at(at, chapters) for at in (0.0, 5.0, 59.9, 60.0, 1e6)] == [
        "", "A", "A", "B", "B",
    ]  # fmt: skip
