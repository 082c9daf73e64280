"""A reply comes as it is made, is whole at its end, and its work stops when nobody wants it."""

import asyncio
import threading

import pytest
from langchain_core.callbacks import BaseCallbackHandler

from langchain_qwen_audio import ChatQwenAudio
from qwen_audio_tools.engines.base import Delta
from qwen_audio_tools.testing import tone
from qwen_audio_tools.testing.scripted_engine import ScriptedEngine

TONE = (tone(seconds=2.0), 16_000)


class Endless(ScriptedEngine):
    """Talks for ever, and knows when it was stopped."""

    def __init__(self) -> None:
        super().__init__([])
        self.stopped = threading.Event()

    def reply(self, conversation, options):
        try:
            while True:
                yield Delta(text="la ")
        finally:
            self.stopped.set()


class Waiting(ScriptedEngine):
    """Waits natively, as engines of servers do, and knows when it was stopped."""

    stopped = False

    async def areply(self, conversation, options):
        try:
            for _ in range(1000):
                await asyncio.sleep(0)
                yield Delta(text="la ")
        finally:
            self.stopped = True


def whole(chunks):
    first, *rest = chunks
    for chunk in rest:
        first = first + chunk
    return first


def test_words_come_one_by_one_and_what_is_known_comes_last():
    model = ChatQwenAudio(engine=ScriptedEngine(["a tone of 440 Hz"]), audio=[TONE])
    chunks = list(model.stream("what is it?"))
    assert [chunk.text for chunk in chunks] == ["a", " tone", " of", " 440", " Hz", ""]
    assert [bool(chunk.usage_metadata) for chunk in chunks] == [False] * 5 + [True]
    assert [bool(chunk.response_metadata) for chunk in chunks] == [False] * 5 + [True]
    assert [chunk.chunk_position for chunk in chunks] == [None] * 5 + ["last"]
    assert whole(chunks).usage_metadata["input_token_details"]["audio"] == 50


def test_a_stream_and_an_answer_say_the_same():
    model = ChatQwenAudio(engine=ScriptedEngine(["one two"] * 2), audio=[TONE])
    told, streamed = model.invoke("what?"), whole(model.stream("what?"))
    assert streamed.content == told.content
    assert streamed.response_metadata == told.response_metadata
    assert streamed.usage_metadata == told.usage_metadata


async def test_in_asyncio_it_is_the_same():
    model = ChatQwenAudio(engine=ScriptedEngine(["one two"] * 2), audio=[TONE])
    streamed = whole([chunk async for chunk in model.astream("what?")])
    told = await model.ainvoke("what?")
    assert (streamed.content, streamed.usage_metadata) == (told.content, told.usage_metadata)


def test_breaking_out_of_a_stream_stops_the_work():
    engine = Endless()
    for _ in ChatQwenAudio(engine=engine).stream("sing"):
        break
    assert engine.stopped.wait(60)


async def test_breaking_out_of_an_async_stream_stops_the_work():
    engine = Endless()
    async for _ in ChatQwenAudio(engine=engine).astream("sing"):
        break
    assert await asyncio.to_thread(engine.stopped.wait, 60)


async def test_a_cancelled_call_stops_the_work():
    engine = Endless()
    task = asyncio.create_task(ChatQwenAudio(engine=engine).ainvoke("sing"))
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await asyncio.to_thread(engine.stopped.wait, 60)


async def test_an_engine_that_waits_natively_takes_no_thread_and_stops_when_left():
    engine = Waiting([])
    before = {thread.name for thread in threading.enumerate()}
    stream = ChatQwenAudio(engine=engine).astream("sing")
    async for _ in stream:
        assert {thread.name for thread in threading.enumerate()} <= before | {"asyncio_0"}
        break
    await stream.aclose()
    await asyncio.sleep(0)  # the loop closes what its consumer has left
    for _ in range(100):
        if engine.stopped:
            break
        await asyncio.sleep(0.01)
    assert engine.stopped


def test_callbacks_get_each_piece_once():
    class Hearing(BaseCallbackHandler):
        def __init__(self):
            self.tokens = []

        def on_llm_new_token(self, token, **kwargs):
            self.tokens.append(token)

    hearing = Hearing()
    model = ChatQwenAudio(engine=ScriptedEngine(["one two"] * 2), streaming=True)
    model.invoke("hi", config={"callbacks": [hearing]})
    assert "".join(hearing.tokens) == "one two"
    list(model.stream("hi", config={"callbacks": [hearing]}))
    assert "".join(hearing.tokens) == "one twoone two"


def test_tokens_of_a_real_model_stream(tiny):
    model = ChatQwenAudio(engine=tiny, audio=[TONE], max_tokens=8, temperature=0)
    chunks = list(model.stream("what is it?"))
    assert len(chunks) > 3
    assert whole(chunks).text == model.invoke("what is it?").text
    assert chunks[-1].usage_metadata["input_token_details"]["audio"] == 50
    assert chunks[-1].response_metadata["finish_reason"] == "length"
