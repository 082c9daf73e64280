"""A recording longer than the model's window: heard in parts that end at pauses, many at once."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qwen_audio_tools import Clip, Conversation, Options, ask, converse, open_engine, transcribe
from qwen_audio_tools.asking import ask_questions
from qwen_audio_tools.conversation import user
from qwen_audio_tools.engines.base import Delta, Engine, EngineInfo
from qwen_audio_tools.testing import silence, speech

GREEDY = Options(temperature=0.0, max_tokens=8)
SENTENCES = (
    "Mister Quilter is the apostle of the middle classes.",
    "The train to the coast leaves at nine in the morning.",
    "Nobody had seen the keys since the day before.",
    "Please call me back when you have read the letter.",
)
SECONDS = 70


@pytest.fixture(scope="module")
def recording() -> np.ndarray:
    """Somebody says four sentences over and over, with pauses, for 70 s."""
    pause = np.asarray(silence(0.6), np.float32)
    said = np.concatenate([piece for each in SENTENCES for piece in (speech(each), pause)])
    return np.resize(said, SECONDS * 16_000)


@pytest.fixture(scope="module")
def opened(checkpoint: Path) -> Any:
    return open_engine(f"transformers:{checkpoint}", device="cpu")


@pytest.fixture
def engine(opened: Any) -> Any:
    """An engine that remembers nothing yet."""
    opened.forget()
    return opened


@pytest.fixture
def clip(recording: np.ndarray) -> Clip:
    return Clip((recording, 16_000), title="speech.wav")


class OneByOne:
    """The same model without its way to answer many at once."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @property
    def info(self) -> EngineInfo:
        return self._engine.info

    def reply(self, conversation: Conversation, options: Options) -> Iterator[Delta]:
        return self._engine.reply(conversation, options)


def test_a_question_is_answered_from_all_seconds_and_the_notes_have_their_times(engine, clip):
    found = ask(clip, "What is said?", engine=engine, options=GREEDY)
    assert found.coverage.complete
    assert found.coverage.total == found.coverage.heard == SECONDS
    assert found.usage.seconds_heard == SECONDS
    assert abs(found.usage.audio_tokens - SECONDS * 25) <= 3
    assert {item.kind for item in found.evidence} == {"note"}
    ends = [0.0, *(item.end for item in found.evidence)]
    assert [item.start for item in found.evidence] == ends[:-1]
    assert ends[-1] == SECONDS
    assert all(item.end - item.start <= 30 for item in found.evidence)


def test_windows_end_at_pauses(engine, clip, recording):
    found = ask(clip, "What is said?", engine=engine, options=GREEDY)
    for item in found.evidence[:-1]:
        at = round(item.end * 16_000)
        assert np.abs(recording[at - 800 : at + 800]).max() < 0.01


def test_windows_at_once_are_answered_as_one_by_one(engine, clip):
    together = ask(clip, "What is said?", engine=engine, options=GREEDY)
    engine.forget()
    assert ask(clip, "What is said?", engine=OneByOne(engine), options=GREEDY) == together


def test_windows_are_computed_together_and_each_is_encoded_once(engine, clip, work):
    found = ask(clip, "What is said?", engine=engine, options=GREEDY)
    count = len(found.evidence)
    together = len(work.read)
    assert work.encoded == count == 3
    engine.forget()
    work.clear()
    ask(clip, "What is said?", engine=OneByOne(engine), options=GREEDY)
    assert work.encoded == count
    assert together < len(work.read) * 2 / 3


def test_a_second_question_on_a_long_recording_encodes_nothing(engine, clip, work):
    ask(clip, "What is said?", engine=engine, options=GREEDY)
    work.clear()
    found = ask(clip, "Who is speaking?", engine=engine, options=GREEDY)
    assert work.encoded == 0
    # Every part was read up to its question.
    assert max(work.read) < found.usage.audio_tokens / 3


def test_questions_at_once_are_answered_as_one_after_the_other(engine, clip):
    questions = ["What is said?", "Who is speaking?"]
    together = ask_questions(clip, questions, engine=engine, options=GREEDY)
    engine.forget()
    assert together == [ask(clip, each, engine=engine, options=GREEDY) for each in questions]


def test_a_transcript_has_the_words_of_the_windows_at_their_times(engine, clip):
    transcript, answer = transcribe(clip, engine=engine, options=GREEDY)
    assert answer.coverage.complete
    assert answer.coverage.total == transcript.duration == SECONDS
    segments = transcript.segments  # a window that the model has no words for has none
    assert len(segments) > 1
    bounds = [bound for each in segments for bound in (each.start, each.end)]
    assert bounds == sorted(bounds)
    assert all(0 < each.end - each.start <= 30 for each in segments)
    assert transcript.text == answer.text == " ".join(each.text for each in segments)


def test_a_transcript_with_windows_at_once_is_that_of_one_by_one(engine, clip):
    together = transcribe(clip, engine=engine, options=GREEDY)
    engine.forget()
    assert transcribe(clip, engine=OneByOne(engine), options=GREEDY) == together


def test_a_part_of_a_long_recording_keeps_the_times_of_the_whole(engine, recording):
    part = Clip((recording, 16_000))[20.0:65.0]
    found = ask(part, "What is said?", engine=engine, options=GREEDY)
    assert found.coverage.total == 45.0
    assert (found.evidence[0].start, found.evidence[-1].end) == (20.0, 65.0)


def test_a_short_and_a_long_clip_are_both_heard_whole(engine, clip, made):
    both = [clip, Clip((made["tone"], 16_000), title="tone.wav")]
    found = ask(both, "What is said?", engine=engine, options=GREEDY)
    assert found.coverage.total == SECONDS + 3
    assert found.coverage.complete


def test_progress_counts_the_seconds_of_the_recording(engine, clip):
    told: list[tuple[str, float, float]] = []
    options = Options(
        temperature=0.0, max_tokens=4, progress=lambda *progress: told.append(progress)
    )
    ask(clip, "What is said?", engine=engine, options=options)
    listening = [done for what, done, total in told if what == "listening" and total == SECONDS]
    assert listening == sorted(listening)
    assert (listening[0], listening[-1]) == (0.0, SECONDS)


def test_closing_a_long_reply_stops_all_of_it(engine, clip, work):
    options = Options(temperature=0.0, max_tokens=200)
    pieces = converse([user(clip, "What is said?")], engine=engine, options=options)
    next(pieces)
    passes = len(work.read)
    pieces.close()
    assert len(work.read) == passes
    assert ask(clip, "What is said?", engine=engine, options=GREEDY).coverage.complete


def test_a_base_model_writes_down_a_long_recording_by_its_own_prompt(base_checkpoint, clip):
    engine = open_engine(f"transformers:{base_checkpoint}", device="cpu")
    transcript, answer = transcribe(clip, engine=engine, options=GREEDY)
    assert answer.coverage.complete
    assert answer.coverage.total == SECONDS
    assert transcript.text
