"""Windows: every second exactly once, none too long, each ending where it is quiet."""

import itertools

import numpy as np
import pytest

from qwen_audio_tools.clip import Clip
from qwen_audio_tools.errors import ClipError
from qwen_audio_tools.spans import Span
from qwen_audio_tools.windows import windows

RATE = 16_000


def bursts(seconds, every=2.3, pause=0.3, seed=0):
    """Return noise with pauses at every multiple of `every`."""
    rng = np.random.default_rng(seed)
    sound = rng.standard_normal(round(seconds * RATE)).astype(np.float32) * 0.1
    time = np.arange(len(sound)) / RATE
    sound[(time % every) < pause] *= 0.001
    return sound


@pytest.mark.parametrize("seconds", [0.005, 1, 9.99, 10.0, 10.01, 33.333, 61])
@pytest.mark.parametrize("step", [999, 16_000, 1_000_000])
def test_windows_cover_every_second_exactly_once(seconds, step):
    sound = bursts(seconds)
    blocks = (sound[at : at + step] for at in range(0, len(sound), step))
    found = list(windows(blocks, 10))
    assert found[0].start == 0
    assert found[-1].end == pytest.approx(len(sound) / RATE)
    assert all(a.end == b.start for a, b in itertools.pairwise(found))
    assert all(0 < window.end - window.start <= 10 + 1e-9 for window in found)
    assert all(window.end - window.start >= 20 / 3 - 0.1 for window in found[:-1])


def test_windows_end_in_pauses():
    found = list(windows(iter([bursts(60)]), 10))
    assert len(found) <= 8
    for window in found[:-1]:
        assert window.end % 2.3 < 0.3


def test_the_same_windows_come_from_any_blocks():
    sound = bursts(47)
    one = list(windows(iter([sound]), 10))
    assert list(windows(np.array_split(sound, 173), 10)) == one
    assert list(windows(Clip((sound, RATE)), 10)) == one


def test_given_speech_decides():
    speech = [Span(0, 7.9), Span(8.3, 17.0), Span(17.2, 25.0)]
    found = list(windows(iter([bursts(25)]), 10, speech=speech))
    assert [window.end for window in found] == pytest.approx([8.1, 17.1, 25.0])


def test_speech_without_a_pause_is_cut_at_the_quietest_place():
    found = list(windows(iter([bursts(25)]), 10, speech=[Span(0, 25)]))
    assert all(window.end % 2.3 < 0.3 for window in found[:-1])


def test_silence_is_cut_into_few_windows():
    found = list(windows(iter([np.zeros(60 * RATE, np.float32)]), 10))
    assert len(found) <= 7


def test_overlap_is_heard_twice_and_nothing_is_left_out():
    found = list(windows(iter([bursts(60)]), 10, overlap=2))
    assert found[-1].end == 60
    for a, b in itertools.pairwise(found):
        assert a.end - b.start == pytest.approx(2)
    assert all(window.end - window.start <= 10 + 1e-9 for window in found)


def test_a_short_clip_is_one_window_and_an_empty_stream_none():
    assert list(windows(Clip((bursts(3), RATE)), 10)) == [(0.0, 3.0)]
    assert list(windows(iter([]), 10)) == []


@pytest.mark.parametrize(
    ("most", "overlap"), [(0, 0), (-1, 0), (float("nan"), 0), (10, 5), (10, -1)]
)
def test_senseless_numbers_are_refused(most, overlap):
    with pytest.raises(ClipError):
        list(windows(iter([bursts(1)]), most, overlap=overlap))
