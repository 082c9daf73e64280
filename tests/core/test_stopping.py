"""Work can be stopped from another thread or an event loop, and then really ends."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from qwen_audio_tools import Answer, Clip, Options
from qwen_audio_tools.engines.base import BatchEngine, Delta
from qwen_audio_tools.errors import Cancelled, EngineRefused
from qwen_audio_tools.stopping import Stop, in_thread, iterate
from qwen_audio_tools.testing import RATE, tone
from qwen_audio_tools.testing.scripted_engine import ScriptedEngine


class Counting:
    """Counts up for ever, and knows when it was closed."""

    def __init__(self) -> None:
        self.closed = threading.Event()
        self.last = 0

    def items(self, stop: Stop):
        try:
            while True:
                self.last += 1
                yield self.last
        finally:
            self.closed.set()


async def _first(source: Counting, count: int) -> list[int]:
    found: list[int] = []
    stream = iterate(source.items)
    async for item in stream:
        found.append(item)
        if len(found) == count:
            break
    await stream.aclose()
    return found


def test_a_sync_iterator_comes_through_in_order_and_closes_when_left():
    source = Counting()
    assert asyncio.run(_first(source, 200)) == list(range(1, 201))
    assert source.closed.wait(10)


def test_a_slow_consumer_holds_the_work_back():
    source = Counting()

    async def slowly() -> None:
        stream = iterate(source.items)
        assert await anext(stream) == 1
        await asyncio.sleep(0.2)
        assert source.last < 200
        await stream.aclose()

    asyncio.run(slowly())
    assert source.closed.wait(10)


def test_an_error_reaches_the_one_who_waits():
    def failing(stop: Stop):
        yield 1
        raise EngineRefused("no")

    async def consume() -> list[int]:
        return [item async for item in iterate(failing)]

    with pytest.raises(EngineRefused, match="no"):
        asyncio.run(consume())


def test_a_cancelled_task_stops_what_runs_in_the_thread():
    begun, ended = threading.Event(), threading.Event()

    def work(stop: Stop) -> None:
        begun.set()
        stop.event.wait(30)
        ended.set()

    async def cancelled() -> None:
        task = asyncio.create_task(in_thread(work))
        await asyncio.to_thread(begun.wait, 30)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancelled())
    assert ended.wait(10)


def test_a_stop_reaches_long_listening_through_its_progress():
    told: list[float] = []
    stop = Stop()
    options = stop.options(Options(progress=lambda what, done, total: told.append(done)))
    options.progress("listening", 1.0, 2.0)
    stop.set()
    with pytest.raises(Cancelled):
        options.progress("listening", 2.0, 2.0)
    assert told == [1.0]


def test_the_embedded_engine_stops_listening_in_the_middle(tmp_path):
    from qwen_audio_tools import ask, open_engine

    stop = Stop()
    heard: list[float] = []

    def progress(what: str, done: float, total: float) -> None:
        heard.append(done)
        stop.set()

    clip = Clip((tone(440, 120.0), RATE))
    options = stop.options(Options(task="sound_events", progress=progress))
    with pytest.raises(Cancelled):
        ask(clip, engine=open_engine("embedded"), options=options)
    assert max(heard) < 120.0


@pytest.mark.parametrize("batches", [False, True])
def test_an_engine_that_tells_no_progress_is_stopped_at_its_next_word(batches):
    stop, source = Stop(), Counting()

    class Talker:
        info = ScriptedEngine([]).info

        def reply(self, conversation, options):
            return (Delta(text=str(item)) for item in source.items(stop))

    class Batches(Talker):
        def replies(self, conversations, options):
            return ((0, Answer(text=str(item))) for item in source.items(stop))

    engine = stop.engine(Batches() if batches else Talker())
    assert isinstance(engine, BatchEngine) == batches
    assert engine.info.name == "scripted"
    pieces = engine.replies([[]], Options()) if batches else engine.reply([], Options())
    next(pieces)
    stop.set()
    with pytest.raises(Cancelled):
        next(pieces)
    del pieces
    assert source.last == 2


def test_work_that_waits_for_a_thread_never_begins_once_it_is_given_up():
    begun: list[str] = []
    let_go = threading.Event()

    def work(name: str):
        def run(stop: Stop) -> str:
            begun.append(name)
            let_go.wait(60)
            return name

        return run

    async def story() -> str:
        with ThreadPoolExecutor(1) as executor:
            first = asyncio.create_task(in_thread(work("first"), executor))
            second = asyncio.create_task(in_thread(work("second"), executor))
            while not begun:
                await asyncio.sleep(0.001)
            second.cancel()
            await asyncio.gather(second, return_exceptions=True)
            let_go.set()
            return await first

    assert asyncio.run(story()) == "first"
    assert begun == ["first"]
