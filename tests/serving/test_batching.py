"""What waits goes to the engine together, where it can; and nobody pays for anybody else."""

import threading

import pytest

from qwen_audio_tools.testing import tone, write


@pytest.fixture
def asking():
    """Ask in a thread; the replies come into a list, by question."""
    replies = {}
    threads = []

    def ask(running, question, *more, **fields):
        def send():
            replies[question] = running.ask([*more, {"type": "text", "text": question}], **fields)

        threads.append(threading.Thread(target=send, daemon=True))
        threads[-1].start()

    def done():
        for each in threads:
            each.join(30)
        return replies

    ask.done, ask.replies = done, replies
    return ask


def _text(reply):
    return reply.json()["choices"][0]["message"]["content"]


def _busy(asking, running, engine):
    """Let the engine be at a first question, so that others gather."""
    asking(running, "first")
    assert engine.begun.acquire(timeout=30)


def test_what_waits_while_the_engine_is_busy_is_its_next_batch(serve, batches, asking, soon):
    running = serve(batches)
    _busy(asking, running, batches)
    for name in ("a", "b", "c"):
        asking(running, name)
    soon(lambda: running.desk.waiting == 3)
    batches.let_go.set()
    replies = asking.done()
    assert {name: _text(reply) for name, reply in replies.items() if name != "first"} == {
        name: f"{name}!" for name in "abc"
    }
    # One question alone is no batch: it is asked by `reply`.
    assert [sorted(batch) for batch in batches.batches] == [["a", "b", "c"]]


def test_only_equal_options_go_together(serve, batches, asking, soon):
    running = serve(batches)
    _busy(asking, running, batches)
    for name, seed in (("a", 1), ("b", 2), ("c", 1), ("d", 2)):
        asking(running, name, seed=seed)
    soon(lambda: running.desk.waiting == 4)
    batches.let_go.set()
    asking.done()
    assert sorted(sorted(batch) for batch in batches.batches) == [["a", "c"], ["b", "d"]]


def test_a_batch_has_a_limit(serve, batches, asking, soon):
    running = serve(batches, batch=2)
    _busy(asking, running, batches)
    for name in "abcd":
        asking(running, name)
    soon(lambda: running.desk.waiting == 4)
    batches.let_go.set()
    asking.done()
    assert [len(batch) for batch in batches.batches] == [2, 2]


def test_streams_do_not_wait_for_a_batch(serve, batches, asking):
    running = serve(batches, concurrency=2)
    _busy(asking, running, batches)
    asking(running, "stream", stream=True)
    assert batches.begun.acquire(timeout=30)
    assert batches.asked == ["first", "stream"]
    assert running.desk.running == 2
    batches.let_go.set()
    assert "two" in asking.done()["stream"].text


def test_one_that_fails_takes_nobody_with_it(serve, batches, asking, error, soon):
    running = serve(batches)
    _busy(asking, running, batches)
    for name in ("a", "wrong", "z"):
        asking(running, name)
    soon(lambda: running.desk.waiting == 3)
    batches.let_go.set()
    replies = asking.done()
    # Each that was not answered by then was asked again, alone.
    assert {name: reply.status_code for name, reply in replies.items()} == {
        "first": 200,
        "a": 200,
        "wrong": 500,
        "z": 200,
    }
    assert error(replies["wrong"])["code"] == "internal_error"


def test_broken_audio_is_its_own_request_s_fault(serve, batches, asking, error, beep, block, soon):
    running = serve(batches)
    _busy(asking, running, batches)
    broken = {"type": "input_audio", "input_audio": {"data": "UklGRgAAAAA=", "format": "wav"}}
    asking(running, "good", block(beep))
    asking(running, "broken", broken)
    asking(running, "fine", block(beep))
    soon(lambda: running.desk.waiting == 3)
    batches.let_go.set()
    replies = asking.done()
    assert replies["broken"].status_code == 400
    assert error(replies["broken"])["code"].startswith("clip_")
    assert _text(replies["good"]) == "good!"
    assert [sorted(batch) for batch in batches.batches] == [["fine", "good"]]


def test_a_long_recording_is_asked_alone_in_windows(
    serve, batches, asking, beep, block, tmp_path, soon
):
    write(tmp_path / "long.wav", tone(440, 70.0))
    running = serve(batches)
    _busy(asking, running, batches)
    asking(running, "short", block(beep))
    asking(running, "brief", block(beep))
    asking(running, "long", block(tmp_path / "long.wav"))
    soon(lambda: running.desk.waiting == 3)
    batches.let_go.set()
    replies = asking.done()
    assert sorted(batches.batches[0]) == ["brief", "short"]
    assert replies["long"].json()["qwa"]["coverage"] == {"heard": 70.0, "total": 70.0, "gaps": []}


def test_a_long_recording_holds_up_no_batch(serve, held, asking, beep, block, tmp_path, soon):
    from qwen_audio_tools.engines.base import Delta, join

    class Slow(type(held)):
        """Waits for the whole of a long recording, and answers all else at once."""

        def reply(self, conversation, options):
            if "long" in conversation[-1].text:
                yield from super().reply(conversation, options)
            else:
                yield Delta(text="at once")

        def replies(self, conversations, options):
            for index, _ in enumerate(conversations):
                yield index, join([Delta(text="at once")], self.info)

    engine = Slow()
    write(tmp_path / "long.wav", tone(440, 40.0))
    running = serve(engine, gather=1.0, batch=2, concurrency=2)
    asking(running, "long", block(tmp_path / "long.wav"))
    assert engine.begun.acquire(timeout=30)
    for name in ("a", "b"):
        asking(running, name, block(beep))
    soon(lambda: {"a", "b"} <= set(asking.replies))
    assert [_text(asking.replies[name]) for name in "ab"] == ["at once"] * 2
    assert "long" not in asking.replies
    engine.let_go.set()
    assert len(asking.done()) == 3


def test_a_batch_that_nobody_waits_for_any_more_is_stopped(serve, batches, asking):
    running = serve(batches, deadline=1.5, gather=30.0, batch=2)
    for name in ("a", "b"):
        asking(running, name)
    assert batches.begun.acquire(timeout=30)
    assert batches.stopped.wait(30)
    assert {reply.status_code for reply in asking.done().values()} == {504}
    assert sorted(batches.batches[0]) == ["a", "b"]


def test_an_engine_that_takes_one_at_a_time_gets_many_at_once_in_threads(serve, held, asking, soon):
    running = serve(held, concurrency=3)
    for name in "abcde":
        asking(running, name)
    soon(lambda: running.desk.running == 3 and running.desk.waiting == 2)
    assert len(held.asked) == 3
    held.let_go.set()
    assert len(asking.done()) == 5


def test_a_waiting_stream_begins_although_others_gather(serve, batches, asking, soon):
    running = serve(batches, gather=0.5, concurrency=2)
    asking(running, "a")
    soon(lambda: running.desk.waiting == 0)
    asking(running, "stream", stream=True)
    assert batches.begun.acquire(timeout=30)
    assert batches.begun.acquire(timeout=30)
    batches.let_go.set()
    assert len(asking.done()) == 2
