"""A conversation in asyncio: pieces as they come, and no work left behind when it is left."""

import asyncio
import threading

import pytest

from qwen_audio_tools import Clip
from qwen_audio_tools.async_asking import aconverse
from qwen_audio_tools.conversation import user
from qwen_audio_tools.engines.base import Delta
from qwen_audio_tools.errors import EngineUnsupported
from qwen_audio_tools.tasks import Ability
from qwen_audio_tools.testing import tone
from qwen_audio_tools.testing.scripted_engine import ScriptedEngine

TURNS = [user(Clip((tone(seconds=2.0), 16_000)), "what is heard?")]


class Endless(ScriptedEngine):
    """Talks for ever, and knows when it was stopped."""

    closed = threading.Event()

    def reply(self, conversation, options):
        try:
            while True:
                yield Delta(text="la ")
        finally:
            self.closed.set()


class Waiting(ScriptedEngine):
    """Waits natively, as an engine of servers does."""

    async def areply(self, conversation, options):
        for word in ("a", "b"):
            await asyncio.sleep(0)
            yield Delta(text=word)


async def _text(engine) -> str:
    return "".join([delta.text async for delta in aconverse(TURNS, engine=engine)])


def test_the_pieces_are_those_of_the_sync_engine():
    assert asyncio.run(_text(ScriptedEngine(["a tone of 440 Hz"]))) == "a tone of 440 Hz"


def test_an_engine_that_waits_natively_needs_no_thread():
    before = {thread.name for thread in threading.enumerate()}
    assert asyncio.run(_text(Waiting([]))) == "ab"
    assert "qwa-iterate" not in {thread.name for thread in threading.enumerate()} - before


def test_leaving_the_loop_stops_the_engine():
    engine = Endless([])

    async def some() -> None:
        stream = aconverse(TURNS, engine=engine)
        async for _ in stream:
            break
        await stream.aclose()

    asyncio.run(some())
    assert engine.closed.wait(10)


def test_an_engine_that_does_not_converse_says_so():
    engine = ScriptedEngine(["x"], abilities=frozenset({Ability.TRANSCRIBE}))
    with pytest.raises(EngineUnsupported, match="no conversation"):
        asyncio.run(_text(engine))
