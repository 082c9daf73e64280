"""Requests that aren't what they should be: a clear 400 names the field, and the next one works."""

import json

import pytest

from qwen_audio_tools.testing.scripted_engine import ScriptedEngine

HI = {"role": "user", "content": "hi"}


@pytest.fixture
def running(serve, telling):
    server = serve(telling())
    yield server
    assert server.ask("hi").status_code == 200


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("n", 2),
        ("tools", [{"type": "function", "function": {"name": "f"}}]),
        ("tool_choice", "required"),
        ("functions", [{"name": "f"}]),
        ("modalities", ["text", "audio"]),
        ("audio", {"voice": "alloy", "format": "mp3"}),
        ("logprobs", True),
        ("top_logprobs", 3),
        ("logit_bias", {"50256": -100}),
        ("frequency_penalty", 0.5),
        ("presence_penalty", -1),
        ("web_search_options", {}),
        ("top_k", 20),
        ("max_tokens", 0),
        ("max_tokens", True),
        ("max_completion_tokens", 1.5),
        ("temperature", "hot"),
        ("temperature", 3),
        ("top_p", 0),
        ("seed", "one"),
        ("stop", [1]),
        ("stop", ["x"] * 17),
        ("stream", "yes"),
        ("model", 7),
        ("response_format", "json"),
        ("response_format", {"type": "yaml"}),
        ("response_format", {"type": "json_schema"}),
        ("stream_options", {"include_usage": True}),
        ("qwa", {"mood": "happy"}),
        ("qwa", {"lang": "fr"}),
    ],
)
def test_what_would_change_the_answer_and_is_not_taken_is_refused(running, error, field, value):
    reply = running.ask("hi", **{field: value})
    assert reply.status_code == 400
    told = error(reply)
    assert told["type"] == "invalid_request_error"
    assert (told["param"] or "").partition(".")[0] == field
    assert field in told["message"]


def test_what_changes_no_answer_is_let_be(running):
    reply = running.ask(
        "hi",
        user="ann",
        metadata={"a": "b"},
        store=False,
        service_tier="auto",
        prompt_cache_key="k",
        parallel_tool_calls=True,
        reasoning_effort="low",
        n=1,
        tools=[],
        tool_choice="none",
        logprobs=False,
        logit_bias={},
        frequency_penalty=0,
        presence_penalty=0.0,
        modalities=["text"],
        functions=None,
        response_format={"type": "text"},
        max_tokens=None,
    )
    assert reply.status_code == 200
    assert reply.json()["qwa"]["warnings"] == []


@pytest.mark.parametrize(
    ("messages", "says"),
    [
        (None, "at least one message"),
        ([], "at least one message"),
        ("hi", "at least one message"),
        (["hi"], "messages[0] is an object"),
        ([{"role": "tool", "content": "x", "tool_call_id": "1"}], "messages[0].role"),
        ([{"content": "x"}], "messages[0].role"),
        ([HI, {"role": "assistant", "content": "x"}], "the last message"),
        ([{"role": "user"}], "messages[0].content"),
        ([{"role": "user", "content": " "}], "empty"),
        ([{"role": "user", "content": 5}], "messages[0].content"),
        ([{"role": "assistant", "content": "", "tool_calls": [{"id": "1"}]}, HI], "tool_calls"),
        ([{"role": "assistant", "content": None, "audio": {"id": "a"}}, HI], "audio"),
        (
            [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}],
            "image",
        ),
        ([{"role": "user", "content": [{"type": "input_audio"}]}], "holds no audio"),
        ([{"role": "user", "content": [7]}], "a text or an object"),
    ],
)
def test_messages_that_cannot_be_are_refused(running, error, messages, says):
    with running.client() as client:
        reply = client.post("/v1/chat/completions", json={"messages": messages})
    assert reply.status_code == 400
    assert says in error(reply)["message"]


def test_audio_in_a_turn_that_hears_none_is_refused(running, error, beep, block):
    for role in ("system", "assistant"):
        reply = running.ask({"role": role, "content": [block(beep)]}, "hi")
        assert reply.status_code == 400
        assert "audio is heard in turns of the user" in error(reply)["message"]


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "no JSON"),
        (b"hello", "no JSON"),
        (b'{"messages": [', "no JSON"),
        (b"[1]", "a JSON object, not list"),
        (b'{"messages": [], "seed": NaN}', "NaN"),
        (b'{"messages": [], "seed": ' + b"1" * 5000 + b"}", "no JSON"),
        (b'{"messages": "\\ud800"}', "half a letter"),
        (b'{"messages": "\xff"}', "no JSON"),
    ],
)
def test_a_body_that_is_no_json_is_refused(running, error, body, says):
    with running.client() as client:
        json_type = {"content-type": "application/json"}
        reply = client.post("/v1/chat/completions", content=body, headers=json_type)
    assert reply.status_code == 400
    assert says in error(reply)["message"]


@pytest.mark.parametrize(
    ("headers", "says"),
    [
        ({"content-type": "application/x-www-form-urlencoded"}, "application/json is taken"),
        ({"content-type": "application/json", "content-encoding": "gzip"}, "'gzip'"),
    ],
)
def test_a_body_of_another_kind_is_refused(running, error, headers, says):
    with running.client() as client:
        body = json.dumps({"messages": [HI]})
        reply = client.post("/v1/chat/completions", content=body, headers=headers)
    assert reply.status_code == 415
    assert says in error(reply)["message"]


def test_audio_that_is_none_is_refused_with_a_reason(serve, error):
    running = serve(ScriptedEngine(["hello"]))
    named = "'messages[0].content[1]' is"
    for data, says in (("!!!", "not base64"), ("aGVsbG8gdGhlcmU=", named)):
        audio = {"type": "input_audio", "input_audio": {"data": data, "format": "wav"}}
        reply = running.ask([{"type": "text", "text": "?"}, audio])
        assert reply.status_code == 400
        assert says in error(reply)["message"]
    assert error(running.ask([{"type": "audio"}]))["param"] == "messages[0].content[0]"
    assert running.ask("hi").status_code == 200


def test_a_schema_is_refused_where_nothing_writes_freely(serve, error, said, block):
    from qwen_audio_tools import open_engine

    running = serve(open_engine("embedded"))
    reply = running.ask(
        [block(said), {"type": "text", "text": "what is said?"}],
        response_format={"type": "json_object"},
    )
    assert reply.status_code == 400
    assert error(reply)["code"] == "engine_unsupported"
    assert running.answers()


def test_what_no_route_takes_is_told_in_the_same_shape(running, error):
    with running.client() as client:
        missing = client.get("/v1/embeddings")
        wrong = client.get("/v1/chat/completions")
        large = client.post("/v1/embeddings", content=b"x" * 300_000)
    assert (missing.status_code, wrong.status_code, large.status_code) == (404, 405, 404)
    assert "POST /v1/chat/completions" in error(missing)["message"]
    assert wrong.headers["allow"] == "POST"
    assert error(wrong)["code"] == error(large)["code"] == "unknown_route"
