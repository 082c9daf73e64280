"""Each limit is crossed: the answer says which, and the next request is answered."""

import json
import threading

import pytest

from qwen_audio_tools.testing import tone, write

HI = {"messages": [{"role": "user", "content": "hi"}]}
CHAT = "/v1/chat/completions"
JSON = {"content-type": "application/json"}


def _padded(size: int) -> bytes:
    return json.dumps({**HI, "user": "x" * size}).encode()


def test_a_body_that_says_it_is_too_large_is_refused_unread(serve, telling, error):
    running = serve(telling(), body_bytes=100_000)
    with running.client() as client:
        reply = client.post(CHAT, content=_padded(400_000), headers=JSON)
    assert reply.status_code == 413
    assert error(reply)["code"] == "body_too_large"
    assert running.ask("hi").status_code == 200


def test_a_body_that_says_nothing_of_its_size_is_cut_off_where_it_is_too_large(
    serve, telling, error
):
    running = serve(telling(), body_bytes=100_000)
    with running.client() as client:
        body = _padded(400_000)
        chunks = (body[at : at + 10_000] for at in range(0, len(body), 10_000))
        reply = client.post(CHAT, content=chunks, headers=JSON)
        fits = client.post(CHAT, content=iter([json.dumps(HI).encode()]), headers=JSON)
    assert (reply.status_code, fits.status_code) == (413, 200)
    assert error(reply)["code"] == "body_too_large"


def test_a_form_is_bounded_too(serve, telling, error, said):
    running = serve(telling(), body_bytes=100_000)
    with running.client() as client:
        file = {"file": ("a.wav", said.read_bytes() * 10)}
        reply = client.post("/v1/audio/transcriptions", files=file)
        names = {f"x{n}": "y" for n in range(100)}
        many = client.post("/v1/audio/transcriptions", files={"file": ("a.wav", b"x")}, data=names)
    assert (reply.status_code, many.status_code) == (413, 400)
    assert error(reply)["code"] == "body_too_large"
    assert running.ask("hi").status_code == 200


def test_the_bodies_of_all_requests_together_are_bounded(serve, held, error, soon):
    running = serve(held, body_bytes=300_000, held_bytes=400_000)
    replies = []
    first = threading.Thread(
        target=lambda: replies.append(running.ask("hi", user="x" * 250_000)), daemon=True
    )
    first.start()
    assert held.begun.acquire(timeout=30)
    second = running.ask("hi", user="x" * 250_000)
    assert second.status_code == 429
    assert error(second)["code"] == "memory_full"
    assert second.headers["retry-after"]
    held.let_go.set()
    first.join(30)
    assert replies[0].status_code == 200
    assert running.ask("hi", user="x" * 250_000).status_code == 200
    soon(lambda: running.desk.holding.held == 0)


@pytest.mark.parametrize("form", [True, False])
def test_a_clip_of_too_many_bytes_is_refused(serve, telling, error, said, block, form):
    running = serve(telling(), clip_bytes=20_000)
    if form:
        with running.client() as client:
            file = {"file": ("said.wav", said.read_bytes())}
            reply = client.post("/v1/audio/transcriptions", files=file)
    else:
        reply = running.ask([block(said), {"type": "text", "text": "?"}])
    assert reply.status_code == 413
    assert error(reply)["code"] == "clip_too_long"
    assert running.ask("hi").status_code == 200


def test_more_seconds_than_allowed_are_refused_before_they_are_heard(
    serve, telling, error, beep, block
):
    running = serve(telling(), audio_seconds=2.5)
    question = {"type": "text", "text": "?"}
    assert running.ask([block(beep), block(beep), question]).status_code == 200
    reply = running.ask([block(beep), block(beep), block(beep), question])
    assert reply.status_code == 413
    assert error(reply)["code"] == "clip_too_long"
    assert "the audio lasts 3 s" in error(reply)["message"]
    assert running.ask("hi").status_code == 200


def test_a_recording_that_unpacks_to_more_than_it_says_is_refused(serve, said, error, tmp_path):
    from qwen_audio_tools import open_engine

    write(tmp_path / "long.opus", tone(440, 30.0))
    running = serve(open_engine("embedded"), audio_seconds=10.0)
    with running.client() as client:
        file = {"file": ("long.opus", (tmp_path / "long.opus").read_bytes())}
        reply = client.post("/v1/audio/transcriptions", files=file)
        fits = {"file": ("said.wav", said.read_bytes())}
        good = client.post("/v1/audio/transcriptions", files=fits)
    assert (reply.status_code, good.status_code) == (413, 200)
    assert error(reply)["code"] == "clip_too_long"


def test_messages_clips_and_letters_are_counted(serve, telling, error, beep, block):
    running = serve(telling(), messages=3, clips=2, text=1000)
    few = running.ask("a", {"role": "assistant", "content": "b"}, "c")
    many = running.ask("a", "b", "c", "d")
    clips = running.ask([block(beep), block(beep), block(beep)])
    long = running.ask("x" * 1001)
    assert [r.status_code for r in (few, many, clips, long)] == [200, 413, 413, 413]
    assert error(many)["code"] == "too_many_messages"
    assert error(clips)["code"] == "too_many_clips"
    assert error(long)["code"] == "text_too_long"
    assert running.ask("hi").status_code == 200


@pytest.mark.parametrize(
    "bomb",
    [b"[" * 100_000, b'{"a":' * 50_000, b"[" * 90 + b"]" * 90, b'{"a":' * 70 + b"1" + b"}" * 70],
)
def test_json_that_is_nested_too_deep_is_refused(serve, telling, error, bomb):
    running = serve(telling())
    with running.client() as client:
        body = b'{"messages":' + bomb + b"}"
        reply = client.post(CHAT, content=body, headers=JSON)
    assert reply.status_code in (400, 413)
    error(reply)
    assert running.ask("hi").status_code == 200


def test_json_of_too_many_values_is_refused_before_it_is_unpacked(serve, telling, error):
    running = serve(telling(), values=1000)
    with running.client() as client:
        body = b'{"messages":[' + b"[]," * 600 + b"[]]}"
        reply = client.post(CHAT, content=body, headers=JSON)
    assert reply.status_code == 413
    assert error(reply)["code"] == "json_too_large"
    assert running.ask("hi").status_code == 200


def test_a_body_that_never_ends_is_not_waited_for(serve, telling):
    running = serve(telling(), receive_seconds=0.2)
    head = b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n"
    head += b"Content-Type: application/json\r\nContent-Length: 500\r\n\r\n{"
    with running.raw(head) as ours, ours.makefile("rb") as reply:
        assert reply.readline() == b"HTTP/1.1 408 Request Timeout\r\n"
    assert running.ask("hi").status_code == 200


def test_a_head_that_never_ends_is_hung_up_on(serve, telling):
    running = serve(telling(), receive_seconds=0.3)
    with running.raw(b"") as silent:
        assert silent.recv(1) == b""
    with running.raw(b"POST /v1/chat/completions HTTP/1.1\r\nHost: loc") as ours:
        assert ours.recv(1) == b""
    with running.raw(b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n") as again:
        said = b""
        while not said.endswith(b"}"):
            said += again.recv(1000)
        assert said.startswith(b"HTTP/1.1 200")
        again.sendall(b"GET /health")
        assert again.recv(1) == b""
    assert running.ask("hi").status_code == 200


def test_more_than_fit_are_told_when_to_come_again(serve, held, error, soon):
    running = serve(held, concurrency=1, queue=1)
    replies = []
    waiting = [
        threading.Thread(target=lambda: replies.append(running.ask("hi")), daemon=True)
        for _ in range(2)
    ]
    for each in waiting:
        each.start()
    assert held.begun.acquire(timeout=30)
    soon(lambda: running.desk.waiting == 1)
    full = running.ask("hi")
    assert full.status_code == 429
    assert int(full.headers["retry-after"]) >= 1
    assert error(full)["code"] == "queue_full"
    held.let_go.set()
    for each in waiting:
        each.join(30)
    assert [reply.status_code for reply in replies] == [200, 200]
    assert running.ask("hi").status_code == 200


def test_a_full_server_does_not_read_what_it_will_not_take(serve, held):
    running = serve(held, concurrency=1, queue=0)
    first = threading.Thread(target=lambda: running.ask("hi"), daemon=True)
    first.start()
    assert held.begun.acquire(timeout=30)
    head = b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n"
    head += b"Content-Type: application/json\r\nContent-Length: 5000000\r\n\r\n"
    with running.raw(head) as ours, ours.makefile("rb") as reply:
        assert reply.readline() == b"HTTP/1.1 429 Too Many Requests\r\n"
    held.let_go.set()
    first.join(30)
    assert running.ask("hi").status_code == 200


@pytest.mark.parametrize("stream", [True, False])
def test_the_deadline_ends_the_work_and_says_so(serve, held, stream):
    running = serve(held, deadline=0.3)
    reply = running.ask("hi", stream=stream)
    assert held.closed.acquire(timeout=30), "the work goes on"
    assert "no answer within 0.3 s" in reply.text
    if not stream:
        assert reply.status_code == 504
        assert reply.headers["x-should-retry"] == "false"
    held.let_go.set()
    assert running.ask("hi").status_code == 200


def test_the_deadline_counts_for_those_who_wait_too(serve, held, error):
    running = serve(held, deadline=0.5, concurrency=1)
    replies = []
    threads = [
        threading.Thread(target=lambda: replies.append(running.ask("hi")), daemon=True)
        for _ in range(3)
    ]
    for each in threads:
        each.start()
    for each in threads:
        each.join(30)
    assert [error(reply)["code"] for reply in replies] == ["deadline_passed"] * 3
    assert running.desk.waiting == 0
    held.let_go.set()
    assert running.ask("hi").status_code == 200
