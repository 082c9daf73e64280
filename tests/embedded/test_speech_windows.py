"""Windows of speech: every second of speech is in exactly one, whatever the blocks."""

from itertools import pairwise

import numpy as np
import pytest

from qwen_audio_tools.engines.embedded.speech.speech_activity import speech_spans
from qwen_audio_tools.engines.embedded.speech.speech_windows import RATE, SpeechWindows
from qwen_audio_tools.spans import Span
from qwen_audio_tools.testing import silence, speech

SENTENCES = (
    "The train to the north leaves at nine in the morning.",
    "Please bring your own cup and a warm coat.",
    "We will be back before it gets dark outside.",
    "Nobody has seen the keys since yesterday evening.",
)


@pytest.fixture(scope="module")
def talk():
    parts = []
    for pause, sentence in zip((0.6, 5.0, 0.8, 0.5), SENTENCES, strict=True):
        parts += [speech(sentence), silence(pause)]
    return np.concatenate(parts)


def windows_of(samples, block, **options):
    cutter = SpeechWindows(**options)
    found = []
    for at in range(0, len(samples), block):
        found += cutter.feed(samples[at : at + block])
    return [*found, *cutter.finish()]


def spans_of(windows):
    return [Span(w.offset, w.offset + len(w.samples) / RATE) for w in windows]


def test_blocks_of_any_size_give_the_same_windows(talk):
    wanted = spans_of(windows_of(talk, len(talk)))
    for block in (1600, 16_000, 77_777):
        assert spans_of(windows_of(talk, block)) == wanted


def test_the_samples_of_a_window_are_those_of_the_recording(talk):
    for window in windows_of(talk, 16_000):
        first = round(window.offset * RATE)
        assert np.array_equal(window.samples, talk[first : first + len(window.samples)])


def test_all_speech_is_in_exactly_one_window(talk):
    windows = spans_of(windows_of(talk, 16_000, limit=6.0))
    for speech_span in speech_spans(talk):
        covered = sum(window.overlap(speech_span) for window in windows)
        assert covered == pytest.approx(speech_span.seconds, abs=0.01)


def test_a_long_silence_parts_windows_and_a_short_one_does_not(talk):
    windows = spans_of(windows_of(talk, 16_000))
    assert len(windows) == 2
    assert windows[1].start - windows[0].end > 3.0


def test_speech_without_a_pause_is_cut_within_the_limit(talk):
    dense = np.concatenate([speech(" ".join(SENTENCES * 3), rate_wpm=260)])
    windows = spans_of(windows_of(dense, 16_000, limit=8.0))
    assert max(window.seconds for window in windows) <= 8.0 + 0.1
    for one, other in pairwise(windows):
        assert other.start >= one.end - 1e-6


def test_silence_gives_no_window():
    assert windows_of(np.zeros(20 * RATE, np.float32), 16_000) == []
