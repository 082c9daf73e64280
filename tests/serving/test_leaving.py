"""Who leaves stops the work that was for them, and a server that stops lets requests finish."""

import json
import threading

import httpx
import pytest

HEAD = (
    "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n"
    "Content-Type: application/json\r\nContent-Length: {size}\r\n\r\n"
)


def _request(**fields) -> bytes:
    body = json.dumps({"messages": [{"role": "user", "content": "hi"}], **fields})
    return (HEAD.format(size=len(body)) + body).encode()


@pytest.mark.parametrize("stream", [True, False])
def test_a_client_that_leaves_stops_the_work(serve, held, stream, soon):
    running = serve(held)
    with running.raw(_request(stream=stream)) as ours:
        assert held.begun.acquire(timeout=30)
        if stream:
            assert ours.recv(100).startswith(b"HTTP/1.1 200")
    assert held.closed.acquire(timeout=30), "the work goes on"
    soon(lambda: running.desk.running == 0)
    assert not held.let_go.is_set()
    held.let_go.set()
    assert running.ask("hi").status_code == 200


def test_one_that_waited_and_left_is_never_asked(serve, held, soon):
    running = serve(held, concurrency=1)
    with running.raw(_request()):
        assert held.begun.acquire(timeout=30)
        with running.raw(_request()):
            soon(lambda: running.desk.waiting == 1)
        soon(lambda: running.desk.waiting == 0)
        held.let_go.set()
        assert held.closed.acquire(timeout=30)
    assert len(held.asked) == 1
    assert running.answers()


def test_a_client_that_leaves_in_the_middle_of_its_body_costs_nothing(serve, held, soon):
    running = serve(held)
    with running.raw(_request()[:-5]):
        soon(lambda: running.desk.holding.held > 0)
    soon(lambda: running.desk.holding.held == 0)
    assert held.asked == []
    assert running.answers()


def test_a_client_that_reads_nothing_holds_up_nobody(serve, soon):
    from qwen_audio_tools.engines.base import Delta
    from qwen_audio_tools.testing.scripted_engine import ScriptedEngine

    class Endless(ScriptedEngine):
        def reply(self, conversation, options):
            for _ in range(3000):
                yield Delta(text="x" * 10_000)

    running = serve(Endless([]), concurrency=1, deadline=3.0)
    with running.raw(_request(stream=True)):
        soon(lambda: running.desk.running == 0)  # it is said to its end, read or not
        assert running.ask("hi").status_code == 200


def test_a_server_that_stops_lets_a_request_finish_and_takes_no_other(serve, held, soon):
    running = serve(held)
    replies = []
    asking = threading.Thread(target=lambda: replies.append(running.ask("hi")), daemon=True)
    asking.start()
    assert held.begun.acquire(timeout=30)
    running.server.stop()
    soon(lambda: running.desk.closing)

    def refused() -> bool:
        try:
            return running.ask("another").status_code == 503
        except httpx.TransportError:
            return True

    soon(refused)
    assert held.asked == ["hi"]
    held.let_go.set()
    asking.join(30)
    assert replies[0].json()["choices"][0]["message"]["content"] == "one two"


@pytest.mark.parametrize("stream", [True, False])
def test_what_does_not_finish_in_the_time_of_grace_is_ended_with_a_word(serve, held, error, stream):
    running = serve(held, grace=0.2)
    replies = []
    asking = threading.Thread(
        target=lambda: replies.append(running.ask("hi", stream=stream)), daemon=True
    )
    asking.start()
    assert held.begun.acquire(timeout=30)
    running.server.stop()
    asking.join(30)
    assert held.closed.acquire(timeout=30)
    assert "shutting down" in replies[0].text
    if not stream:
        assert replies[0].status_code == 503
        assert error(replies[0])["code"] == "shutting_down"
        assert replies[0].headers["retry-after"]


def test_a_server_may_be_told_to_stop_whenever_and_more_than_once(serve, held):
    from qwen_audio_tools.serving.http.app import create_app
    from qwen_audio_tools.serving.http.running import Server
    from qwen_audio_tools.serving.listening import listen

    desk = serve(held).desk
    server = Server(create_app(desk), desk, listen("127.0.0.1", 0), grace=1.0)
    server.stop()
    server.run()  # ends at once
    server.stop()


def test_a_closing_server_says_that_it_is_not_ready(serve, held, soon):
    running = serve(held)
    with running.client() as client:
        assert client.get("/health").json()["status"] == "ready"
        with running.raw(_request()):
            assert held.begun.acquire(timeout=30)
            running.desk.closing = True
            reply = client.get("/health")
            assert client.get("/health/live").status_code == 200
            late = running.ask("hi")
            held.let_go.set()
    assert (reply.status_code, reply.json()["status"]) == (503, "closing")
    assert late.status_code == 503


@pytest.mark.parametrize("how", ["whole", "stream", "refused", "broken", "late", "left"])
def test_what_is_over_leaves_nothing_behind(serve, held, batches, how, beep, block, soon):
    """Not even until the garbage is collected: what an error holds on to may be audio."""
    import gc

    from qwen_audio_tools.serving.http.exchange import Exchange
    from qwen_audio_tools.serving.http.queueing.jobs import Job

    def alive():
        # By its type alone: isinstance would ask lazy modules of others for attributes.
        return [each for each in gc.get_objects() if type(each) in (Job, Exchange)]

    running = serve(held, deadline=0.3 if how == "late" else 60.0)
    if how != "late" and how != "left":
        held.let_go.set()
    gc.collect()
    before = {id(each) for each in alive()}
    gc.disable()
    try:
        for _ in range(3):
            if how == "left":
                with running.raw(_request()):
                    assert held.begun.acquire(timeout=30)
                continue
            question = {"type": "text", "text": "wrong?" if how == "broken" else "?"}
            fields = {"stream": how == "stream"} | ({"n": 2} if how == "refused" else {})
            running.ask([block(beep), question], **fields)
        soon(lambda: running.desk.running == 0 and not running.desk.jobs)
        soon(lambda: not [each for each in alive() if id(each) not in before])
    finally:
        gc.enable()
