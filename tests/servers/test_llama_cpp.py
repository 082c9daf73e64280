"""What llama.cpp's server takes, answers and refuses: the facts that our client rests on."""

import json

import numpy as np
import pytest

from tests.servers.protocol import (
    ask,
    events,
    get,
    heard,
    lasting,
    post,
    said,
    streamed,
    wav,
    written,
)

WHAT = written("What is said?")
KEY = "key-of-the-tests"


@pytest.fixture(scope="module")
def two_seconds(spoken):
    return lasting(spoken, 2.0)


def refusal(response, status):
    assert response.status_code == status, response.text
    error = response.json()["error"]
    assert error["code"] == status
    return error


def prompt_tokens(response):
    return response.json()["usage"]["prompt_tokens"]


@pytest.mark.parametrize(
    ("name", "takes"), [("llama_cpp", ["text", "audio"]), ("llama_cpp_deaf", ["text"])]
)
def test_it_tells_whether_its_model_hears_and_how_long_a_prompt_may_be(request, name, takes):
    server = request.getfixturevalue(name)
    (model,) = get(server, "/v1/models").json()["data"]
    assert (model["id"], model["owned_by"]) == (server.model, "llamacpp")
    assert model["architecture"]["input_modalities"] == takes
    assert model["meta"]["n_ctx"] == 4096


def test_a_clip_is_heard(llama_cpp, two_seconds):
    silence = np.zeros_like(two_seconds)
    assert said(ask(llama_cpp, heard(two_seconds), WHAT)) != said(
        ask(llama_cpp, heard(silence), WHAT)
    )


def test_a_model_without_ears_refuses_sound_as_a_failure_of_the_server(llama_cpp_deaf, two_seconds):
    assert said(ask(llama_cpp_deaf, WHAT))
    error = refusal(ask(llama_cpp_deaf, heard(two_seconds), WHAT), 500)
    assert error["message"].startswith("audio input is not supported")
    assert error["type"] == "server_error"


def test_each_30_seconds_that_begin_cost_750_tokens_and_the_whole_clip_is_heard(llama_cpp, spoken):
    silent = prompt_tokens(ask(llama_cpp, WHAT))
    cost = {
        seconds: prompt_tokens(ask(llama_cpp, heard(lasting(spoken, seconds)), WHAT)) - silent
        for seconds in (0.5, 29.9, 30.0, 45.0)
    }
    around = cost[0.5] - 750
    assert 0 < around < 20
    assert cost == {0.5: 750 + around, 29.9: 750 + around, 30.0: 1500 + around, 45.0: 1500 + around}


def test_a_clip_by_its_url_is_refused(llama_cpp, two_seconds):
    part = {"type": "audio_url", "audio_url": {"url": f"data:audio/wav;base64,{wav(two_seconds)}"}}
    error = refusal(ask(llama_cpp, part, WHAT), 400)
    assert error["message"] == "unsupported content[].type"
    assert error["type"] == "invalid_request_error"


@pytest.mark.parametrize(
    ("data", "status", "message"),
    [
        ("!!!", 500, "Invalid base64 value"),
        ("bm90IGEgc291bmQ=", 400, "Failed to load image or audio file"),
        (wav(np.zeros(0)), 400, "Failed to load image or audio file"),
    ],
    ids=["no base64", "no sound", "empty"],
)
def test_what_is_no_sound_is_refused(llama_cpp, data, status, message):
    part = {"type": "input_audio", "input_audio": {"data": data, "format": "wav"}}
    assert refusal(ask(llama_cpp, part, WHAT), status)["message"] == message


def test_a_prompt_that_is_too_long_is_refused_with_the_numbers(llama_cpp, spoken):
    error = refusal(ask(llama_cpp, heard(lasting(spoken, 200.0)), WHAT), 400)
    assert error["type"] == "exceed_context_size_error"
    assert error["n_prompt_tokens"] > error["n_ctx"] == 4096


def test_a_request_without_messages_is_refused(llama_cpp):
    error = refusal(post(llama_cpp, {"model": llama_cpp.model}), 400)
    assert error["message"] == "'messages' is required"


def test_the_name_of_the_model_is_not_looked_at(llama_cpp):
    assert said(ask(llama_cpp, WHAT, model="another")) == said(ask(llama_cpp, WHAT))


def test_a_path_that_is_not_there_has_an_error_like_any_other(llama_cpp):
    error = refusal(post(llama_cpp, {}, "/nowhere"), 404)
    assert (error["message"], error["type"]) == ("File Not Found", "not_found_error")


def test_a_key_is_asked_for_before_anything_but_health(llama_cpp_locked):
    assert get(llama_cpp_locked, "/health").status_code == 200
    error = refusal(ask(llama_cpp_locked, WHAT), 401)
    assert (error["message"], error["type"]) == ("Invalid API Key", "authentication_error")
    assert refusal(get(llama_cpp_locked, "/slots", authorization="Bearer wrong"), 401)
    assert get(llama_cpp_locked, "/slots", authorization=f"Bearer {KEY}").status_code == 200


def test_a_stream_is_a_role_then_words_then_the_reason_it_ended(llama_cpp, two_seconds):
    options = {"stream": True, "stream_options": {"include_usage": True}}
    *chunks, usage, done = events(ask(llama_cpp, heard(two_seconds), WHAT, **options))
    whole = ask(llama_cpp, heard(two_seconds), WHAT)
    assert chunks[0]["choices"][0]["delta"] == {"role": "assistant", "content": None}
    assert streamed(chunks) == said(whole)
    assert chunks[-1]["choices"][0]["delta"] == {}
    assert chunks[-1]["choices"][0]["finish_reason"] in {"length", "stop"}
    assert usage["choices"] == []
    assert usage["usage"]["prompt_tokens"] == prompt_tokens(whole)
    assert done == "[DONE]"


def test_an_answer_fits_a_json_schema(llama_cpp, two_seconds):
    schema = {"name": "choice", "schema": {"enum": ["yes", "no"]}}
    wanted = {"type": "json_schema", "json_schema": schema}
    # It may think of a fence around the JSON, which is taken away, but counts.
    answer = ask(llama_cpp, heard(two_seconds), WHAT, response_format=wanted, max_tokens=60)
    assert json.loads(said(answer)) in ("yes", "no")


def test_of_words_alone_it_says_what_vllm_says_without_a_penalty(llama_cpp_deaf, vllm):
    ours = ask(llama_cpp_deaf, WHAT)
    theirs = ask(vllm, WHAT, repetition_penalty=1.0)
    assert said(ours) == said(theirs)
    assert prompt_tokens(ours) == prompt_tokens(theirs)
