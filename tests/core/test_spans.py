"""Stretches of a recording and the arithmetic on them."""

import pytest

from qwen_audio_tools.spans import Span, clock, gaps, merge, total_seconds


def test_overlapping_and_touching_spans_become_one():
    assert merge([Span(4, 6), Span(0, 2), Span(2, 3), Span(5, 9)]) == (Span(0, 3), Span(4, 9))


def test_a_gap_joins_spans_that_lie_near():
    assert merge([Span(0, 1), Span(1.4, 2), Span(5, 6)], gap=0.5) == (Span(0, 2), Span(5, 6))


def test_spans_and_their_gaps_cover_the_whole_exactly_once():
    spans, whole = [Span(1, 2), Span(1.5, 4), Span(8, 12)], Span(0, 10)
    missing = gaps(spans, whole)
    assert missing == (Span(0, 1), Span(4, 8))
    assert total_seconds([*spans, *missing]) == 12


def test_nothing_heard_is_one_gap():
    assert gaps([], Span(0, 3)) == (Span(0, 3),)


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0, "0:00.0"), (3.24, "0:03.2"), (59.96, "1:00.0"), (751, "12:31.0"), (3723, "1:02:03.0")],
)
def test_a_time_is_written_as_people_write_it(seconds, shown):
    assert clock(seconds) == shown


def test_whole_seconds_are_cut_not_rounded():
    assert clock(59.9, tenths=False) == "0:59"
