"""Transcripts with times and speakers, from models that note them or with a forced aligner."""

import pytest

from qwen_audio_tools import Clip, Options, open_engine, transcribe
from qwen_audio_tools.engines.families import FAMILIES
from qwen_audio_tools.engines.telling import evidence, reader, told
from qwen_audio_tools.engines.transformers.telling import phrases
from qwen_audio_tools.tasks import Ability
from qwen_audio_tools.testing.made_siblings import ALIGNER, write_sibling
from qwen_audio_tools.transcript import Segment

GREEDY = Options(temperature=0.0, max_tokens=24)
TURNS = '[{"Start": 0, "End": 2.5, "Speaker": 0, "Content": "Hello."}, {"Start": 2.5, "End": 4, '
TURNS += '"Speaker": 1, "Content": "Good evening."}]'


def word(text: str, start: float, end: float) -> Segment:
    return Segment(start=start, end=end, text=text)


def test_turns_that_a_model_notes_become_evidence_of_the_recording():
    read = reader(FAMILIES["vibevoice_asr"])
    assert read is not None
    segments = read(TURNS, 4.0)
    assert told(segments) == "S1: Hello.\nS2: Good evening."
    found = evidence(segments, start=60.0, model="m", clip="c")
    assert [(item.kind, item.text, item.start, item.end) for item in found] == [
        ("speech", "Hello.", 60.0, 62.5),
        ("speaker", "S1", 60.0, 62.5),
        ("speech", "Good evening.", 62.5, 64.0),
        ("speaker", "S2", 62.5, 64.0),
    ]


def test_a_family_without_a_notation_has_no_reader():
    assert reader(FAMILIES["qwen2_audio"]) is None


def test_words_with_times_become_phrases_with_their_punctuation():
    words = [word("Yes", 0.1, 0.3), word("we", 0.3, 0.5), word("can", 0.5, 0.9)]
    words += [word("Then", 1.0, 1.2), word("go", 2.2, 2.4)]
    found = phrases(words, "Yes, we can! Then … go.")
    assert [(phrase.text, phrase.start, phrase.end) for phrase in found] == [
        ("Yes, we can!", 0.1, 0.9),
        ("Then …", 1.0, 1.2),
        ("go.", 2.2, 2.4),
    ]


def test_phrases_lose_no_word_even_where_the_aligner_spells_it_otherwise():
    words = [word("ten", 0.0, 0.4), word("percent", 0.4, 1.0), word("more", 1.0, 1.2)]
    assert " ".join(phrase.text for phrase in phrases(words, "10 % more")) == "10 % more"
    assert phrases([], "") == ()


def test_long_speech_without_a_pause_is_told_in_pieces():
    words = [word(f"w{index}", index * 0.5, index * 0.5 + 0.5) for index in range(40)]
    found = phrases(words, " ".join(each.text for each in words))
    assert len(found) >= 3
    assert all(phrase.end - phrase.start <= 8.0 for phrase in found)


@pytest.mark.parametrize("family", ["vibevoice_asr", "moss_transcribe_diarize"])
def test_models_that_note_speakers_say_so_before_they_load(family, tmp_path, made):
    folder = write_sibling(tmp_path / family, family)
    engine = open_engine(f"transformers:{folder}", device="cpu")
    assert {Ability.TIMES, Ability.SPEAKERS} <= engine.info.abilities
    clip = Clip((made["speech"], 16_000))
    transcript, answer = transcribe(clip, engine=engine, options=GREEDY)
    said = " ".join(segment.text for segment in transcript.segments)
    assert said.split() == answer.text.split()
    assert all(0.0 <= s.start <= s.end <= clip.duration for s in transcript.segments)


def test_an_aligner_gives_the_words_of_qwen2_audio_times(checkpoint, tmp_path, made):
    aligner = write_sibling(tmp_path / "aligner", ALIGNER)
    engine = open_engine(f"transformers:{checkpoint}", device="cpu", aligner=str(aligner))
    assert Ability.TIMES in engine.info.abilities
    clip = Clip((made["speech"], 16_000))
    transcript, answer = transcribe(clip, engine=engine, options=GREEDY)
    plain = open_engine(f"transformers:{checkpoint}", device="cpu")
    _, bare = transcribe(clip, engine=plain, options=GREEDY)
    assert transcript.segments
    assert "".join(answer.text.split()) == "".join(bare.text.split())
    assert all(0.0 <= s.start <= s.end <= clip.duration for s in transcript.segments)
