"""A reply that must be whole in time, is, or its work is stopped and the caller told."""

import asyncio
import threading

import pytest

from qwen_audio_tools.deadlines import awithin, within
from qwen_audio_tools.errors import Cancelled, EngineTimeout
from qwen_audio_tools.stopping import Stop


class Endless:
    """Yields for ever, and knows when it was closed."""

    def __init__(self) -> None:
        self.closed = threading.Event()

    def items(self, stop: Stop):
        try:
            while True:
                yield 1
        finally:
            self.closed.set()

    async def aitems(self):
        try:
            while True:
                await asyncio.sleep(0)
                yield 1
        finally:
            self.closed.set()


def test_what_ends_in_time_is_whole():
    assert list(within(lambda stop: iter([1, 2]), 60.0)) == [1, 2]
    assert list(within(lambda stop: iter([1, 2]), None)) == [1, 2]


def test_what_does_not_is_stopped_and_told():
    endless = Endless()
    with pytest.raises(EngineTimeout, match=r"within 0\.05 s") as late:
        list(within(endless.items, 0.05))
    assert endless.closed.is_set()
    assert isinstance(late.value.__cause__, Cancelled)


def test_work_that_says_nothing_heeds_the_stop_itself():
    def silent(stop: Stop):
        while True:
            stop.check()
        yield

    with pytest.raises(EngineTimeout):
        list(within(silent, 0.05))


def test_someone_elses_stop_stays_what_it_is():
    def cancelled(stop: Stop):
        yield 1
        raise Cancelled("by the user")

    with pytest.raises(Cancelled, match="by the user"):
        list(within(cancelled, 60.0))


def test_in_asyncio_it_is_the_same():
    endless = Endless()

    async def run() -> None:
        async for _ in awithin(endless.aitems(), 0.05):
            pass

    with pytest.raises(EngineTimeout):
        asyncio.run(run())
    assert endless.closed.is_set()


def test_a_stream_that_waits_for_nothing_is_left_in_time():
    async def silent():
        await asyncio.Event().wait()
        yield 1

    async def run() -> list[int]:
        return [each async for each in awithin(silent(), 0.05)]

    with pytest.raises(EngineTimeout):
        asyncio.run(run())


def test_leaving_the_loop_closes_the_stream():
    endless = Endless()

    async def run() -> None:
        stream = awithin(endless.aitems(), None)
        async for _ in stream:
            break
        await stream.aclose()

    asyncio.run(run())
    assert endless.closed.is_set()
