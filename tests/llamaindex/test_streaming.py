"""A reply that is no longer wanted stops the engine, however it is left."""

import asyncio
import threading

import pytest
from llama_index.core.llms import AudioBlock, ChatMessage, TextBlock
from llama_index.llms.qwen_audio import QwenAudioLLM

from qwen_audio_tools.engines.base import Delta
from qwen_audio_tools.tasks import Ability
from qwen_audio_tools.testing.scripted_engine import ScriptedEngine


class Endless(ScriptedEngine):
    """Talks for ever, and knows when it was stopped."""

    def __init__(self, abilities=frozenset(Ability)):
        super().__init__([], abilities=abilities)
        self.closed = threading.Event()

    def __setattr__(self, name, value):
        object.__setattr__(self, name, value)

    def reply(self, conversation, options):
        try:
            while True:
                yield Delta(text="la ")
        finally:
            self.closed.set()


CONVERSES, ANSWERS = frozenset(Ability), frozenset(Ability) - {Ability.CHAT}


@pytest.fixture
def asked(audio):
    blocks = [AudioBlock(path=audio / "bell.wav"), TextBlock(text="what is heard?")]
    return [ChatMessage(blocks=blocks)]


@pytest.mark.parametrize("abilities", [CONVERSES, ANSWERS], ids=["converses", "answers"])
def test_closing_a_stream_stops_the_engine(asked, abilities):
    engine = Endless(abilities)
    stream = QwenAudioLLM(engine=engine).stream_chat(asked)
    assert next(stream).delta == "la "
    stream.close()
    assert engine.closed.is_set()


@pytest.mark.parametrize("abilities", [CONVERSES, ANSWERS], ids=["converses", "answers"])
def test_leaving_an_async_stream_stops_the_engine(asked, abilities):
    engine = Endless(abilities)

    async def some() -> None:
        async for response in await QwenAudioLLM(engine=engine).astream_chat(asked):
            assert response.delta == "la "
            break

    asyncio.run(some())
    assert engine.closed.wait(10)


@pytest.mark.parametrize("abilities", [CONVERSES, ANSWERS], ids=["converses", "answers"])
def test_cancelling_a_chat_stops_the_engine(asked, abilities):
    engine = Endless(abilities)

    async def cancelled() -> None:
        task = asyncio.ensure_future(QwenAudioLLM(engine=engine).achat(asked))
        await asyncio.sleep(0.2)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancelled())
    assert engine.closed.wait(10)


def test_an_event_loop_goes_on_while_the_engine_works(asked):
    begun, allowed = threading.Event(), threading.Event()

    def slow(_):
        begun.set()
        assert allowed.wait(10)
        return "a bell"

    async def both() -> str:
        task = asyncio.ensure_future(QwenAudioLLM(engine=ScriptedEngine([slow])).achat(asked))
        while not begun.is_set():
            await asyncio.sleep(0.01)
        allowed.set()  # only a loop that is free gets here
        return str((await task).message.content)

    assert asyncio.run(both()) == "a bell"
