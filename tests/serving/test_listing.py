"""What there is, how it is, and what was counted."""

from contextlib import closing

import openai
import pytest
from prometheus_client.parser import text_string_to_metric_families

from qwen_audio_tools import Clip, ask, open_engine
from qwen_audio_tools.testing import tone
from qwen_audio_tools.testing.scripted_engine import ScriptedEngine


def _counted(running) -> dict[tuple[str, ...], float]:
    """Return the samples of /metrics, by name and labels."""
    with running.client() as client:
        reply = client.get("/metrics")
    assert reply.headers["content-type"].startswith("text/plain; version=0.0.4")
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(reply.text)
        for sample in family.samples
    }


def test_models_are_listed_and_found_by_any_of_their_names(serve, telling):
    running = serve(ScriptedEngine([]), telling(), aliases=["org/model:1"])
    with openai.OpenAI(base_url=f"{running.url}/v1", api_key="x") as client:
        listed = list(client.models.list())
        assert [model.id for model in listed] == ["scripted:script", "telling:telling-1"]
        assert listed[0].qwa["window_seconds"] == 30.0
        assert "chat" in listed[0].qwa["abilities"]
        assert listed[0].aliases == ["org/model:1", "script", "scripted"]
        for name in ("scripted:script", "scripted", "org/model:1"):
            found = client.models.retrieve(name)
            assert (found.id, found.qwa["engine"]) == (name, "scripted:script")
        with pytest.raises(openai.NotFoundError, match="there is no model 'gpt'"):
            client.models.retrieve("gpt")


def test_another_qwa_names_an_engine_in_any_of_these_ways(serve, telling):
    running = serve(ScriptedEngine(["a bell"] * 3), aliases=["org/model:1"])
    clip = Clip((tone(seconds=1.0), 16_000))
    for name in ("scripted:script", "scripted", "org/model:1"):
        with closing(open_engine(f"server:{name}@{running.url}/v1")) as engine:
            assert ask(clip, "what rings?", engine=engine).text == "a bell"


def test_requests_seconds_and_tokens_are_counted(serve, beep, block):
    running = serve(ScriptedEngine(["one two", "three"]))
    running.ask([block(beep), {"type": "text", "text": "?"}])
    running.ask("hi", stream=True)
    running.ask("hi", n=2)
    with running.client() as client:
        client.get("/v1/models/scripted")
        client.get("/robots.txt")
    counted = _counted(running)
    chat = "/v1/chat/completions"
    assert counted["qwa_requests_total", chat, "200"] == 2
    assert counted["qwa_requests_total", chat, "400"] == 1
    assert counted["qwa_requests_total", "/v1/models/{id}", "200"] == 1
    assert counted["qwa_requests_total", "other", "404"] == 1
    assert counted["qwa_request_seconds_count", chat] == 3
    assert counted["qwa_audio_seconds_heard_total",] == pytest.approx(1.0)
    assert counted["qwa_tokens_total", "audio"] == 25
    assert counted["qwa_tokens_total", "completion"] == 3
    assert counted["qwa_batch_requests_count",] == 2
    assert counted["qwa_engine_info", "scripted:script"] == 1
    assert counted["process_resident_memory_bytes",] > 0


def test_what_waits_and_runs_is_told(serve, held, soon):
    import threading

    running = serve(held, concurrency=1)
    threads = [threading.Thread(target=running.ask, args=("hi",), daemon=True) for _ in range(3)]
    for each in threads:
        each.start()
    soon(lambda: running.desk.waiting == 2)
    counted = _counted(running)
    assert counted["qwa_requests_waiting",] == 2
    assert counted["qwa_requests_running",] == 1
    assert counted["qwa_body_bytes_held",] > 0
    with running.client() as client:
        health = client.get("/health").json()
    assert (health["running"], health["waiting"]) == (1, 2)
    held.let_go.set()
    for each in threads:
        each.join(30)


def test_a_client_that_left_is_counted_as_such(serve, held, soon):
    running = serve(held)
    body = b'{"messages": [{"role": "user", "content": "hi"}]}'
    head = b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n"
    head += b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
    with running.raw(head + body):
        assert held.begun.acquire(timeout=30)
    soon(lambda: ("qwa_requests_total", "/v1/chat/completions", "499") in _counted(running))


def test_it_is_not_ready_while_models_load(serve):
    from qwen_audio_tools.serving.http.warming import warm

    engine = ScriptedEngine(["warm"])
    running = serve(engine)
    running.desk.ready = False
    with running.client() as client:
        before = client.get("/health/ready")
        assert client.get("/health/live").status_code == 200
        warm(running.desk)
        after = client.get("/health/ready")
    assert (before.status_code, before.json()["status"]) == (503, "loading")
    assert (after.status_code, after.json()["status"]) == (200, "ready")
    assert engine.heard[0][0].clips[0].duration == pytest.approx(1.0)


def test_every_response_has_an_id(serve):
    running = serve(ScriptedEngine(["a", "b"]))
    ids = {running.ask("hi").headers["x-request-id"] for _ in range(2)}
    assert len(ids) == 2


def test_two_engines_of_one_name_are_refused():
    from qwen_audio_tools.content_blocks import Origin
    from qwen_audio_tools.engines.base import Options
    from qwen_audio_tools.errors import SettingsError
    from qwen_audio_tools.serving.http.limits import ServerLimits
    from qwen_audio_tools.serving.http.queueing.desk import Desk

    given = {"limits": ServerLimits(), "origin": Origin(), "defaults": Options()}
    with pytest.raises(SettingsError, match="same name"):
        Desk([ScriptedEngine([]), ScriptedEngine([])], **given)
    with pytest.raises(SettingsError, match="no engine"):
        Desk([], **given)
