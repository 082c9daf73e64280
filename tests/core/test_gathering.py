"""What is asked one by one goes to the engine at once, and fails alone."""

import asyncio
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from qwen_audio_tools import Answer, Clip, Options
from qwen_audio_tools.conversation import question, user
from qwen_audio_tools.engines.base import join
from qwen_audio_tools.errors import Cancelled, ClipMissing, EngineRefused
from qwen_audio_tools.gathering import Gathering
from qwen_audio_tools.testing import tone
from qwen_audio_tools.testing.scripted_engine import ScriptedEngine


class Together(ScriptedEngine):
    """Answers many at once with what they ask, and refuses what is bad."""

    def __init__(self) -> None:
        super().__init__([question] * 100)
        self.sizes: list[int] = []

    def replies(self, conversations: Sequence, options: Options) -> Iterator[tuple[int, Answer]]:
        self.sizes.append(len(conversations))
        for index, conversation in enumerate(conversations):
            if "bad" in question(conversation):
                raise EngineRefused("bad question")
            yield index, join(self.reply(conversation, options), self.info)

    def reply(self, conversation, options):
        if "bad" in question(conversation):
            raise EngineRefused("bad question")
        return super().reply(conversation, options)


def run(engine, questions, *, most=100, together=None):
    """Ask each question in a thread of its own; return texts and errors."""
    together = together or Gathering(len(questions), most)

    def ask(words: str) -> str | Exception:
        with together.part():
            if words == "-":
                return "asked nothing"
            try:
                return together.ask([user(words)], engine, Options()).result(60).text
            except Exception as error:
                return error

    with ThreadPoolExecutor(min(most, len(questions))) as pool:
        return list(pool.map(ask, questions))


def test_all_that_wait_are_answered_at_once():
    engine = Together()
    assert run(engine, ["a", "b", "c"]) == ["a", "b", "c"]
    assert engine.sizes == [3]


def test_no_more_than_may_be_at_work_are_waited_for():
    engine = Together()
    assert run(engine, list("abcde"), most=2) == list("abcde")
    assert sum(engine.sizes) == 5
    assert max(engine.sizes) <= 2


def test_who_asks_nothing_is_not_waited_for():
    engine = Together()
    assert run(engine, ["a", "-", "c"]) == ["a", "asked nothing", "c"]


def test_what_fails_fails_alone():
    engine = Together()
    found = run(engine, ["a", "bad", "c"])
    assert [found[0], found[2]] == ["a", "c"]
    assert isinstance(found[1], EngineRefused)


def test_a_clip_that_is_not_there_fails_before_the_others_are_asked(tmp_path):
    engine, together = Together(), Gathering(2, 2)
    lost = together.ask([user(Clip(tmp_path / "no.wav"), "what?")], engine, Options())
    fine = together.ask([user(Clip((tone(), 16_000)), "what?")], engine, Options())
    assert fine.result(60).text == "what?"
    with pytest.raises(ClipMissing):
        lost.result(60)
    assert engine.sizes == [1]


def test_a_long_clip_is_heard_in_windows_beside_the_others():
    engine, together = Together(), Gathering(2, 2)
    long = Clip((tone(seconds=70.0), 16_000))
    first = together.ask([user(long, "what is it?")], engine, Options())
    second = together.ask([user("hello")], engine, Options())
    assert second.result(60).text == "hello"
    assert first.result(60).coverage.total == pytest.approx(70.0)
    assert 1 in engine.sizes  # "hello" alone; the rest are the windows of the long one


def test_what_is_asked_otherwise_is_asked_apart():
    engine, together = Together(), Gathering(2, 2)
    one = together.ask([user("a")], engine, Options(seed=1))
    two = together.ask([user("b")], engine, Options(seed=2))
    assert (one.result(60).text, two.result(60).text) == ("a", "b")
    assert engine.sizes == [1, 1]


def test_a_stop_reaches_whoever_waits():
    reached = threading.Event()
    together = Gathering(1, 1)

    class Endless(ScriptedEngine):
        def reply(self, conversation, options):
            while True:
                reached.set()
                options.progress("listening", 0.0, 1.0)

    waiting = together.ask([user("a")], Endless([]), Options())
    assert reached.wait(60)
    together.stop()
    with pytest.raises(Cancelled):
        waiting.result(60)


def test_one_who_gave_up_takes_nothing_from_the_others():
    engine = Together()

    async def ask() -> str:
        together = Gathering(2, 2)
        gone = together.ask([user("a")], engine, Options())
        assert gone.cancel()
        kept = together.ask([user("b")], engine, Options())
        return (await asyncio.wrap_future(kept)).text

    assert asyncio.run(ask()) == "b"
