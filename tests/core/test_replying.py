"""A reply from any engine: those that converse do, the others answer the last question."""

import asyncio
import threading

import pytest

from qwen_audio_tools import Clip, Options
from qwen_audio_tools.conversation import assistant, system, user
from qwen_audio_tools.engines.base import Delta
from qwen_audio_tools.errors import EngineUnsupported
from qwen_audio_tools.replying import areply_to, reply_to
from qwen_audio_tools.tasks import Ability
from qwen_audio_tools.testing import tone
from qwen_audio_tools.testing.scripted_engine import ScriptedEngine

CLIP = Clip((tone(seconds=2.0), 16_000))
TURNS = [system("Be brief."), user(CLIP, "a tone?"), assistant("Yes."), user("how high?")]
ANSWERS = frozenset(Ability) - {Ability.CHAT}


def text(engine, turns=TURNS) -> str:
    return "".join(delta.text for delta in reply_to(turns, engine=engine))


async def atext(engine, turns=TURNS) -> str:
    return "".join([delta.text async for delta in areply_to(turns, engine=engine)])


def test_an_engine_that_converses_gets_the_conversation():
    engine = ScriptedEngine(["440 Hz", "440 Hz"])
    assert text(engine) == asyncio.run(atext(engine)) == "440 Hz"
    assert engine.heard == [TURNS, TURNS]


def test_another_gets_the_last_question_about_all_clips():
    engine = ScriptedEngine(["440 Hz", "440 Hz"], abilities=ANSWERS)
    assert text(engine) == asyncio.run(atext(engine)) == "440 Hz"
    assert engine.heard == [[user(CLIP, "how high?")]] * 2


def test_a_conversation_without_audio_is_not_for_such_an_engine():
    engine = ScriptedEngine(["x"], abilities=ANSWERS)
    for answer in (text, lambda *given: asyncio.run(atext(*given))):
        with pytest.raises(EngineUnsupported, match="there is none in this conversation"):
            answer(engine, [user("hello")])
    assert engine.heard == []


class Endless(ScriptedEngine):
    """Talks for ever, and knows when it was stopped."""

    closed = threading.Event()

    def reply(self, conversation, options):
        try:
            while True:
                yield Delta(text="la ")
        finally:
            self.closed.set()


@pytest.mark.parametrize("abilities", [frozenset(Ability), ANSWERS])
def test_leaving_an_async_reply_stops_the_engine(abilities):
    engine = Endless([], abilities=abilities)
    engine.closed.clear()

    async def some() -> None:
        stream = areply_to(TURNS, engine=engine, options=Options())
        async for _ in stream:
            break
        await stream.aclose()

    asyncio.run(some())
    assert engine.closed.wait(10)
