"""How a voice goes on: measured stretch by stretch, in numbers that programs can use."""

import numpy as np
import pytest

from qwen_audio_tools import Clip, ask, open_engine
from qwen_audio_tools.answer import Evidence
from qwen_audio_tools.engines.base import Options
from qwen_audio_tools.engines.embedded.answers.voice_over_time import STRETCH, stretches
from qwen_audio_tools.spans import Span
from qwen_audio_tools.testing import silence, speech

LOW = "The committee will meet again on Thursday to discuss the new plan for the river."


@pytest.fixture(scope="module")
def low_then_high():
    low = speech(LOW * 4, voice="en-us", pitch=10)
    high = speech(LOW * 4, voice="en-us+f4", pitch=90)
    return Clip((np.concatenate([low, silence(3.0), high]), 16_000)), len(low) / 16_000


def test_each_stretch_has_its_own_measures_with_units_in_their_names(low_then_high):
    clip, change = low_then_high
    answer = ask(clip, engine=open_engine("embedded"), options=Options(task="voice"))
    assert [item.kind for item in answer.evidence] == ["voice"] * len(answer.evidence)
    before = [e.measures["pitch_hz"] for e in answer.evidence if e.end < change + 1]
    after = [e.measures["pitch_hz"] for e in answer.evidence if e.start > change]
    assert before
    assert after
    assert max(before) < min(after)
    for item in answer.evidence:
        assert {"activation", "speech_seconds", "level_db"} <= set(item.measures)
        assert 0 <= item.measures["activation"] <= 1
        assert item.to_dict()["measures"] == item.measures
    assert "Hz" in answer.text.splitlines()[0]


def test_a_part_keeps_the_times_of_the_recording(low_then_high):
    clip, change = low_then_high
    answer = ask(clip[change:], engine=open_engine("embedded"), options=Options(task="voice"))
    assert answer.evidence[0].start > change


def test_measures_are_in_json_only_where_there_are_any():
    assert "measures" not in Evidence(kind="speech", text="hi").to_dict()
    found = Evidence(kind="voice", text="high", measures={"pitch_hz": 300.0})
    assert Evidence(**found.to_dict()) == found
    assert len({found, found}) == 1


def test_stretches_hold_all_of_the_speech_and_none_is_long():
    speech_spans = [Span(0.0, 4.0), Span(5.0, 50.0), Span(51.0, 52.0), Span(90.0, 91.0)]
    found = list(stretches(speech_spans))
    assert sum(span.seconds for group in found for span in group) == pytest.approx(51.0)
    assert all(group[-1].end - group[0].start <= STRETCH for group in found)
