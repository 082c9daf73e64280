"""Models that write times and speakers: what they wrote becomes Segments, malformed or not."""

from pathlib import Path

import pytest

from qwen_audio_tools import Clip, settings
from qwen_audio_tools.engines.notations import (
    read_json_turns,
    read_language,
    read_marked_turns,
)
from qwen_audio_tools.engines.transformers.hearing.listening import listen
from qwen_audio_tools.engines.transformers.siblings.alignment import load_aligner, word_segments
from qwen_audio_tools.errors import ClipTooLong, EngineRefused
from qwen_audio_tools.testing.made_siblings import ALIGNER, write_sibling
from qwen_audio_tools.transcript import Segment


def turn(start: float, end: float, text: str, speaker: str | None = None) -> Segment:
    return Segment(start=start, end=end, text=text, speaker=speaker)


def test_qwen3_asr_names_the_language():
    whole = Segment(start=0.0, end=4.0, text="Good morning.", language="en")
    assert read_language("language English<asr_text>Good morning.", 4.0) == (whole,)
    assert read_language("assistant\nlanguage English<asr_text> Good morning.\n", 4.0) == (whole,)


def test_qwen3_asr_hears_no_speech():
    assert read_language("language None<asr_text>", 4.0) == ()
    assert read_language("", 4.0) == ()


def test_qwen3_asr_keeps_words_without_a_language():
    assert read_language("Good morning.", 4.0) == (turn(0.0, 4.0, "Good morning."),)
    assert read_language("language Klingon<asr_text>Qapla'", 4.0) == (turn(0.0, 4.0, "Qapla'"),)
    words = "It said: language English, and no more."
    assert read_language(words, 4.0) == (turn(0.0, 4.0, words),)


def test_vibevoice_gives_turns_of_speakers():
    text = (
        'assistant\n[{"Start":0,"End":5.20,"Speaker":0,"Content":"Hello, \\"you\\"."},'
        '{"Start":5.2,"End":7.56,"Speaker":1,"Content":"你好"},'
        '{"Start":7.56,"End":9,"Content":"[Music]"}]\n'
    )
    assert read_json_turns(text, 9.0) == (
        turn(0.0, 5.2, 'Hello, "you".', "S1"),
        turn(5.2, 7.56, "你好", "S2"),
        turn(7.56, 9.0, "[Music]"),
    )


def test_vibevoice_cut_short_keeps_what_it_wrote():
    whole = '[{"Start":0,"End":2.5,"Speaker":0,"Content":"Hello."},'
    assert read_json_turns(whole, 9.0) == (turn(0.0, 2.5, "Hello.", "S1"),)
    cut = f'{whole}{{"Start":2.5,"End":4.0,"Speaker":1,"Content":"And good m'
    assert read_json_turns(cut, 9.0) == (
        turn(0.0, 2.5, "Hello.", "S1"),
        turn(2.5, 4.0, "And good m", "S2"),
    )
    assert read_json_turns(f'{whole}{{"Sta', 9.0) == (turn(0.0, 2.5, "Hello.", "S1"),)
    assert read_json_turns("[]", 9.0) == ()


@pytest.mark.parametrize("text", ["Hello there.", '{"Content": "Hello there."}'])
def test_vibevoice_that_forgets_its_notation_keeps_its_words(text):
    assert read_json_turns(text, 3.0) == (turn(0.0, 3.0, text),)


def test_vibevoice_with_impossible_times_stays_within_the_clip():
    text = (
        '[{"Start":-1,"End":2,"Speaker":0,"Content":"a"},'
        '{"Start":4,"End":3,"Speaker":0,"Content":"b"},'
        '{"Start":"x","End":null,"Speaker":"?","Content":"c"},'
        '{"Start":50,"End":60,"Speaker":0,"Content":"d"}, 7]'
    )
    assert read_json_turns(text, 10.0) == (
        turn(0.0, 2.0, "a", "S1"),
        turn(4.0, 4.0, "b", "S1"),
        turn(4.0, 10.0, "c"),
        turn(10.0, 10.0, "d", "S1"),
        turn(10.0, 10.0, "7"),
    )


def test_moss_gives_turns_of_speakers():
    text = "[0.00][S01]Hello there.[5.20][5.20][S02] And you?[1:02][01:01:02][S01]Fine.[01:01:04]"
    assert read_marked_turns(text, 4000.0) == (
        turn(0.0, 5.2, "Hello there.", "S1"),
        turn(5.2, 62.0, "And you?", "S2"),
        turn(3662.0, 3664.0, "Fine.", "S1"),
    )


def test_moss_cut_short_or_malformed_keeps_what_it_wrote():
    cut = "[0.0][S01]Hello there.[2.0][2.5][S02]And what do"
    assert read_marked_turns(cut, 9.0) == (
        turn(0.0, 2.0, "Hello there.", "S1"),
        turn(2.5, 9.0, "And what do", "S2"),
    )
    open_ended = "So: [1.0][S01]Hello [laughs] there. [3.0][S02]Yes.[1.2.3]"
    assert read_marked_turns(open_ended, 9.0) == (
        turn(0.0, 1.0, "So:"),
        turn(1.0, 3.0, "Hello [laughs] there.", "S1"),
        turn(3.0, 9.0, "Yes.", "S2"),
    )
    assert read_marked_turns("Hello there.", 3.0) == (turn(0.0, 3.0, "Hello there."),)
    assert read_marked_turns("", 3.0) == ()


def test_aligned_words_are_in_order_and_within_the_clip():
    words = [
        {"text": "one", "start_time": 0.08, "end_time": 0.4},
        {"text": "two", "start_time": 0.0, "end_time": 0.0},
        {"text": "three", "start_time": 9.0, "end_time": 9.5},
    ]
    assert word_segments(words, 2.0, "en") == (
        Segment(start=0.08, end=0.4, text="one", language="en"),
        Segment(start=0.08, end=0.08, text="two", language="en"),
        Segment(start=2.0, end=2.0, text="three", language="en"),
    )


def test_a_forced_aligner_gives_each_word_a_time(tmp_path: Path, made):
    folder = write_sibling(tmp_path / "aligner", ALIGNER)
    aligner = load_aligner(str(folder), settings.read(device="cpu", dtype="float32"))
    sound = listen(Clip((made["speech"], 16_000)), window=600.0)
    found = aligner.align(sound, "Mister Quilter, 中文 isn't <timestamp>!", "en")
    assert [s.text for s in found] == ["Mister", "Quilter", "中", "文", "isn't", "timestamp"]
    assert all(0.0 <= s.start <= s.end <= sound.seconds for s in found)
    assert found == tuple(sorted(found, key=lambda s: s.start))
    assert aligner.align(sound, " …", "en") == ()
    with pytest.raises(EngineRefused, match="cannot be aligned"):
        aligner.align(sound, "Hei maailma", "fi")
    long = listen(Clip((made["tone"].repeat(110), 16_000)), window=600.0)
    with pytest.raises(ClipTooLong, match="aligned in 300 s"):
        aligner.align(long, "one")
