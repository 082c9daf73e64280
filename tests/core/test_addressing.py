"""How engines are asked: base models as they were trained, others in words or by name."""

from dataclasses import dataclass, replace

import pytest

from qwen_audio_tools.addressing import unheeded
from qwen_audio_tools.asking import ask, transcribe
from qwen_audio_tools.clip import Clip
from qwen_audio_tools.conversation import question
from qwen_audio_tools.engines.base import EngineInfo, Options
from qwen_audio_tools.errors import EngineUnsupported
from qwen_audio_tools.tasks import TASKS, Ability
from qwen_audio_tools.testing import RATE, tone
from qwen_audio_tools.testing.scripted_engine import ScriptedEngine

CHATS = frozenset(Ability) - {Ability.TIMES}
HEARS = CHATS - {Ability.CHAT}
SCHEMA = {"type": "object"}


@dataclass
class Base(ScriptedEngine):
    """A base model: it only continues the prompts that it was trained on."""

    abilities: frozenset[Ability] = HEARS

    @property
    def info(self) -> EngineInfo:
        return replace(super().info, prompting="base")


def a_clip(seconds: float = 2.0) -> Clip:
    return Clip((tone(seconds=seconds), RATE))


def asked(engine: ScriptedEngine, **options: object) -> str:
    ask(a_clip(), engine=engine, options=Options(**options))
    return question(engine.heard[-1])


def test_a_base_model_is_asked_in_the_words_of_its_training():
    assert asked(Base(["hi"]), task="emotion") == TASKS["emotion"].base
    words = asked(Base(["hi"]), task="transcribe", language="zh")
    assert words == "Detect the language and recognize the speech: <|zh|>"


def test_a_base_model_that_is_not_told_the_language_says_what_it_took():
    answer = ask(a_clip(), engine=Base(["hi"]), options=Options(task="transcribe"))
    assert any("English" in warning for warning in answer.warnings)
    told = Options(task="transcribe", language="fr")
    assert ask(a_clip(), engine=Base(["hi"]), options=told).warnings == ()


def test_a_base_model_hears_each_part_of_a_long_recording_in_the_same_words():
    engine = Base(["one two"] * 9)
    ask(a_clip(70), engine=engine, options=Options(task="transcribe", language="en"))
    assert {question(each) for each in engine.heard} == {
        "Detect the language and recognize the speech: <|en|>"
    }


def test_a_base_model_does_one_task_at_a_time():
    with pytest.raises(EngineUnsupported, match="one task at a time"):
        ask(a_clip(), engine=Base([]), options=Options(task="transcribe+emotion"))


def test_a_model_that_chats_is_asked_in_words_and_others_by_the_name_of_the_task():
    assert (
        asked(ScriptedEngine(["hi"], abilities=CHATS), task="emotion") == TASKS["emotion"].instruct
    )
    assert asked(ScriptedEngine(["hi"], abilities=HEARS), task="emotion") == ""


@pytest.mark.parametrize("engine", [ScriptedEngine(["{}"], abilities=CHATS), Base(["{}"])])
def test_engines_that_write_freely_take_a_schema(engine):
    assert ask(a_clip(), "what?", engine=engine, options=Options(schema=SCHEMA)).text == "{}"


def test_an_engine_with_words_of_its_own_refuses_a_schema():
    engine = ScriptedEngine([], abilities=HEARS)
    with pytest.raises(EngineUnsupported, match="no JSON schema"):
        ask(a_clip(), "what?", engine=engine, options=Options(schema=SCHEMA))


def test_how_it_writes_can_be_told_to_whatever_writes_token_by_token():
    names = ("max_tokens", "seed", "schema")
    own_words = ScriptedEngine([], abilities=HEARS).info
    assert unheeded(own_words, names) == names
    assert unheeded(replace(own_words, samples=True), names) == ("schema",)
    assert unheeded(ScriptedEngine([], abilities=CHATS).info, names) == ()
    assert unheeded(Base([]).info, names) == ()


@pytest.mark.parametrize("seconds", [2.0, 50.0])
def test_the_words_of_a_model_that_chats_come_bare(seconds):
    reply = "The original content of this audio is: 'hello there'."
    engine = ScriptedEngine([reply] * 4, abilities=CHATS)
    transcript, answer = transcribe(a_clip(seconds), engine=engine)
    assert "original" not in answer.text + transcript.text
    assert answer.text.startswith("hello there")
    assert transcript.text == answer.text
    assert answer.usage.output_tokens > 0


def test_the_words_of_an_engine_that_only_writes_down_stay_as_they_are():
    said = '"The original content of this audio is: lost"'
    assert (
        ask(
            a_clip(),
            engine=ScriptedEngine([said], abilities=HEARS),
            options=Options(task="transcribe"),
        ).text
        == said
    )


def test_an_answer_that_is_no_transcript_keeps_its_opening():
    said = "The original content of this audio is: 'hello'"
    assert ask(a_clip(), "what?", engine=ScriptedEngine([said], abilities=CHATS)).text == said


def test_a_part_of_a_recording_is_a_segment_with_the_times_of_the_recording():
    engine = ScriptedEngine(["hello"], abilities=CHATS)
    transcript, _ = transcribe(a_clip(9.0)[4.0:6.0], engine=engine)
    assert [(s.start, s.end, s.text) for s in transcript.segments] == [(4.0, 6.0, "hello")]
