"""A recording becomes passages while it is heard: words with times, sounds, warnings; all of it."""

from itertools import pairwise

import pytest

from qwen_audio_tools import Clip, open_engine
from qwen_audio_tools.passages import Grain, passages
from qwen_audio_tools.tasks import Ability
from qwen_audio_tools.testing import doorbell, sequence, silence, speech, write
from qwen_audio_tools.testing.scripted_engine import ScriptedEngine

SENTENCES = ("The budget is two hundred dollars.", "We meet again on Monday morning.")


@pytest.fixture(scope="module")
def meeting(tmp_path_factory):
    samples, spans = sequence([speech(SENTENCES[0]), doorbell(), speech(SENTENCES[1])])
    return write(tmp_path_factory.mktemp("meeting") / "meeting.flac", samples), spans


@pytest.fixture(scope="module")
def embedded():
    return open_engine("embedded")


def test_segments_carry_words_with_times_in_order(meeting, embedded):
    path, spans = meeting
    found = list(passages(Clip(path), engine=embedded))
    assert [each.index for each in found] == list(range(len(found)))
    assert all(a.end <= b.start + 0.05 for a, b in pairwise(found))
    assert "budget" in found[0].text.lower()
    assert "monday" in found[-1].text.lower()
    assert found[-1].start == pytest.approx(spans[2].start, abs=1.0)
    assert found[0].language == "en"
    assert found[0].model == embedded.info.label


def test_a_part_of_a_recording_keeps_the_times_of_the_whole(meeting, embedded):
    path, spans = meeting
    found = list(passages(Clip(path)[spans[2].start - 0.3 :], engine=embedded))
    assert found[0].start >= spans[2].start - 0.4
    assert "monday" in found[0].text.lower()


def test_a_window_tells_the_sounds_too(meeting, embedded):
    path, _ = meeting
    (window,) = passages(Clip(path), engine=embedded, grain=Grain.WINDOW)
    assert window.start == 0.0
    assert window.end == pytest.approx(Clip(path).duration)
    assert "budget" in window.text.lower()
    assert any("bell" in sound.lower() or "chime" in sound.lower() for sound in window.sounds)
    assert window.described.startswith(window.text)


def test_windows_hold_every_second_once(embedded):
    long = Clip((sequence([speech(SENTENCES[0])] * 6, gap=1.0)[0], 16_000))
    found = list(passages(long, engine=embedded, grain=Grain.WINDOW, window=8.0))
    assert len(found) > 2
    assert found[0].start == 0.0
    assert all(a.end == pytest.approx(b.start) for a, b in pairwise(found))
    assert found[-1].end == pytest.approx(long.duration)


def test_a_file_is_one_passage(meeting, embedded):
    path, _ = meeting
    (whole,) = passages(Clip(path), engine=embedded, grain=Grain.FILE)
    assert "budget" in whole.text.lower()
    assert "monday" in whole.text.lower()
    assert whole.end == pytest.approx(Clip(path).duration)


def test_silence_gives_no_words_that_nobody_said(embedded):
    found = list(passages(Clip((silence(3.0), 16_000)), engine=embedded))
    assert [each.text for each in found if each.text] == []


def test_an_engine_without_times_gives_the_bounds_of_what_it_heard(meeting):
    path, _ = meeting
    can = frozenset({Ability.CHAT, Ability.TRANSCRIBE})
    engine = ScriptedEngine(["The original content is: 'hello there'"], abilities=can)
    (only,) = passages(Clip(path), engine=engine)
    assert only.text == "hello there"
    assert (only.start, only.end) == (0.0, pytest.approx(Clip(path).duration))


def test_passages_come_before_the_recording_was_heard_to_its_end():
    can = frozenset({Ability.CHAT, Ability.TRANSCRIBE})
    long = Clip((sequence([speech(SENTENCES[0])] * 4, gap=1.0)[0], 16_000))
    engine = ScriptedEngine(["one.", "two.", "three.", "four.", "five."], window=6.0, abilities=can)
    stream = passages(long, engine=engine)
    first = next(stream)
    assert first.text == "one."
    assert len(engine.heard) < 4
    stream.close()
