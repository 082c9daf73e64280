"""Any engine answers a conversation: whole, or its last question with a word about the rest."""

import asyncio

import pytest

from qwen_audio_tools import Clip, Options
from qwen_audio_tools.conversation import assistant, clips, system, user
from qwen_audio_tools.conversing import areply, reply
from qwen_audio_tools.engines.base import join
from qwen_audio_tools.errors import EngineUnsupported, SettingsError
from qwen_audio_tools.tasks import TASKS, Ability
from qwen_audio_tools.testing import tone
from qwen_audio_tools.testing.scripted_engine import ScriptedEngine

FIRST = Clip((tone(seconds=1.0), 16_000), title="first")
SECOND = Clip((tone(880.0, 2.0), 16_000), title="second")
SINGLE = frozenset(Ability) - {Ability.CHAT}


def single(*script: str) -> ScriptedEngine:
    """An engine that answers single questions."""
    return ScriptedEngine(script, abilities=SINGLE)


def answer(engine, conversation, **options):
    return join(reply(conversation, engine=engine, options=Options(**options)), engine.info)


def test_an_engine_that_converses_gets_all_of_it():
    engine = ScriptedEngine(["a tone"])
    turns = [system("be brief"), user(FIRST, "what?"), assistant("a beep"), user("how high?")]
    assert answer(engine, turns).warnings == ()
    assert engine.heard == [turns]


def test_one_that_does_not_gets_the_last_question_and_says_so():
    engine = single("440 Hz")
    turns = [system("be brief"), user(FIRST, "what?"), assistant("a beep"), user("how high?")]
    found = answer(engine, turns)
    assert engine.heard == [[user(FIRST, "how high?")]]
    assert "without the 3 messages before it" in found.warnings[0]
    assert found.text == "440 Hz"


def test_the_latest_clips_are_meant_where_the_question_has_none():
    engine = single("x")
    answer(engine, [user(FIRST, "what?"), assistant("a"), user(SECOND), assistant("b"), user("?")])
    assert clips(engine.heard[0]) == (SECOND,)


def test_several_messages_in_a_row_are_one_question():
    engine = single("x")
    found = answer(engine, [user("What do you hear?"), user(FIRST), user(SECOND)])
    assert engine.heard == [[user(FIRST, SECOND, "What do you hear?")]]
    assert found.warnings == ()


def test_a_conversation_without_clips_is_refused_by_an_engine_for_clips():
    engine = single("x")
    with pytest.raises(EngineUnsupported, match="holds none") as refused:
        answer(engine, [user("hello")])
    assert "attach audio" in refused.value.hint
    assert engine.heard == []


def test_a_clip_without_a_question_is_voice_chat_or_nothing():
    with pytest.raises(EngineUnsupported, match="needs a question") as refused:
        answer(single("x"), [user(FIRST)])
    assert "caption" in refused.value.hint
    assert answer(single("x"), [user(FIRST)], task="caption").text == "x"
    assert answer(ScriptedEngine(["hello"]), [user(FIRST)]).text == "hello"


@pytest.mark.parametrize("engine", [single("x"), ScriptedEngine(["x"])])
def test_nothing_to_answer_is_an_error(engine):
    with pytest.raises(SettingsError, match="turn of the user"):
        answer(engine, [user(FIRST, "what?"), assistant("a beep")])


def test_a_task_is_put_in_words_where_no_question_is():
    engine = ScriptedEngine(["x", "x"])
    answer(engine, [user(FIRST)], task="caption")
    answer(engine, [user(FIRST, "what?")], task="caption")
    assert [turns[-1].text for turns in engine.heard] == [TASKS["caption"].instruct, "what?"]


def test_a_task_beyond_an_engine_fails_before_anything_is_heard():
    engine = ScriptedEngine(["x"], abilities=frozenset({Ability.CHAT}))
    with pytest.raises(EngineUnsupported, match="music"):
        answer(engine, [user(FIRST)], task="music")


def test_stop_texts_without_effect_are_told():
    assert "no effect" in answer(single("x"), [user(FIRST, "what?")], stop=("a",)).warnings[0]
    assert answer(ScriptedEngine(["x"]), [user(FIRST, "what?")], stop=("a",)).warnings == ()


@pytest.mark.parametrize("engine", [single("a b c"), ScriptedEngine(["a b c"])])
def test_in_asyncio_it_is_the_same(engine):
    async def run() -> list[str]:
        found = areply([user(FIRST, "what?")], engine=engine)
        return [delta.text async for delta in found]

    assert "".join(asyncio.run(run())) == "a b c"
