"""What vLLM takes, what it answers, and how it refuses: the facts that our client rests on."""

import http.client
import json
import time

import numpy as np
import pytest

from tests.servers.protocol import (
    ask,
    client,
    events,
    get,
    heard,
    lasting,
    post,
    question,
    said,
    streamed,
    url_of_chat,
    wav,
    written,
)

WHAT = written("What is said?")
KEY = "key-of-the-tests"


@pytest.fixture(scope="module")
def two_seconds(spoken):
    return lasting(spoken, 2.0)


def refusal(response, status):
    """Return the error in a body, which has the same four fields in each."""
    assert response.status_code == status, response.text
    error = response.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["code"] == status
    return error


def sound_tokens(response):
    return response.json()["usage"]["prompt_tokens_details"]["multimodal_tokens"]["audio"]


def test_it_tells_its_model_and_how_long_a_prompt_may_be(vllm):
    (model,) = get(vllm, "/v1/models").json()["data"]
    assert (model["id"], model["max_model_len"]) == (vllm.model, 2048)


def test_a_clip_is_heard_at_25_tokens_a_second(vllm, two_seconds):
    answer = ask(vllm, heard(two_seconds), WHAT)
    assert said(answer)
    usage = answer.json()["usage"]
    assert sound_tokens(answer) == 50
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
    assert said(answer) != said(ask(vllm, heard(np.zeros_like(two_seconds)), WHAT))


def test_each_clip_of_a_turn_is_heard_and_their_order_counts(vllm, two_seconds):
    other = lasting(two_seconds[::-1], 3.0)
    there = ask(vllm, heard(two_seconds), heard(other), WHAT)
    back = ask(vllm, heard(other), heard(two_seconds), WHAT)
    assert sound_tokens(there) == sound_tokens(back) == 125
    assert said(there) != said(back)


def test_what_is_past_30_seconds_is_lost_in_silence(vllm, spoken):
    whole, cut = (ask(vllm, heard(lasting(spoken, seconds)), WHAT) for seconds in (45.0, 30.0))
    assert sound_tokens(whole) == sound_tokens(cut) == 750
    assert said(whole) == said(cut)
    assert "warning" not in whole.text.lower()


def test_a_clip_with_a_name_need_not_be_sent_again(vllm, two_seconds):
    ask(vllm, heard(two_seconds, uuid="kettle"), WHAT)
    named = {"type": "input_audio", "input_audio": None, "uuid": "kettle"}
    again = ask(vllm, named, WHAT)
    assert said(again) == said(ask(vllm, heard(two_seconds), WHAT))
    assert sound_tokens(again) == 50


def test_a_name_is_believed_whatever_is_sent_with_it(vllm, two_seconds):
    silence = np.zeros_like(two_seconds)
    spoken = said(ask(vllm, heard(two_seconds, uuid="once"), WHAT))
    assert said(ask(vllm, heard(silence, uuid="once"), WHAT)) == spoken
    assert said(ask(vllm, heard(silence), WHAT)) != spoken


def test_an_unknown_name_is_refused(vllm):
    named = {"type": "input_audio", "input_audio": None, "uuid": "never sent"}
    assert "Cache miss for audio" in refusal(ask(vllm, named, WHAT), 400)["message"]


def test_a_data_url_is_taken_for_a_clip(vllm, two_seconds):
    url = f"data:audio/wav;base64,{wav(two_seconds)}"
    by_url = ask(vllm, {"type": "audio_url", "audio_url": {"url": url}}, WHAT)
    assert said(by_url) == said(ask(vllm, heard(two_seconds), WHAT))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("!!!", "Non-base64 digit found"),
        ("bm90IGEgc291bmQ=", "Invalid or corrupted audio data"),
        ("data:audio/wav;base64,AAAA", "Non-base64 digit found"),
        (wav(np.zeros(0)), "too short to be represented"),
        (wav(np.zeros(160)), "too short to be represented"),
    ],
    ids=["no base64", "no sound", "data url", "empty", "10 ms"],
)
def test_what_is_no_sound_is_refused(vllm, data, message):
    part = {"type": "input_audio", "input_audio": {"data": data, "format": "wav"}}
    error = refusal(ask(vllm, part, WHAT), 400)
    assert message in error["message"]
    assert (error["type"], error["param"]) == ("BadRequestError", None)


def test_a_prompt_that_is_too_long_is_refused_with_the_number(vllm):
    error = refusal(ask(vllm, written("x" * 3000)), 400)
    assert "maximum context length is 2048 tokens" in error["message"]
    assert error["param"] == "input_tokens"
    assert "max_model_len=2048" in refusal(ask(vllm, WHAT, max_tokens=5000), 400)["message"]


def test_a_stream_that_can_not_begin_is_refused_like_any_request(vllm):
    response = ask(vllm, written("x" * 3000), stream=True)
    assert response.headers["content-type"] == "application/json"
    assert refusal(response, 400)["type"] == "BadRequestError"


def test_another_model_is_not_found(vllm):
    error = refusal(ask(vllm, WHAT, model="another"), 404)
    assert (error["type"], error["param"]) == ("NotFoundError", "model")
    assert "The model `another` does not exist" in error["message"]


def test_a_request_without_messages_names_the_field(vllm):
    error = refusal(post(vllm, {"model": vllm.model}), 400)
    assert (error["type"], error["param"]) == ("Bad Request", "body.messages")


@pytest.mark.parametrize("path", ["/nowhere", "/audio/transcriptions"])
def test_a_path_that_is_not_there_has_another_kind_of_body(vllm, path):
    response = post(vllm, {}, path)
    assert (response.status_code, response.json()) == (404, {"detail": "Not Found"})


def test_a_key_is_asked_for_in_words_that_fit_no_other_error(vllm_locked):
    refused = get(vllm_locked, "/v1/models")
    assert (refused.status_code, refused.json()) == (401, {"error": "Unauthorized"})
    assert get(vllm_locked, "/health").status_code == 200
    assert get(vllm_locked, "/v1/models", authorization=f"Bearer {KEY}").status_code == 200


def test_unless_it_is_started_so_it_does_not_tell_what_of_a_prompt_is_sound(
    vllm_locked, two_seconds
):
    with client(authorization=f"Bearer {KEY}") as asking:
        body = question(vllm_locked, heard(two_seconds), WHAT)
        usage = asking.post(url_of_chat(vllm_locked), json=body).json()["usage"]
    assert usage["prompt_tokens"] > 50
    assert usage["prompt_tokens_details"] is None


def test_after_a_failure_of_its_own_it_closes_the_connection_without_a_word(vllm):
    file = {"type": "audio_url", "audio_url": {"url": "file:///etc/hostname"}}
    connection = http.client.HTTPConnection(vllm.root.removeprefix("http://"), timeout=30)
    body = json.dumps(question(vllm, file, WHAT))
    connection.request("POST", "/v1/chat/completions", body, {"content-type": "application/json"})
    response = connection.getresponse()
    assert json.loads(response.read())["error"]["type"] == "InternalServerError"
    assert (response.status, response.getheader("connection")) == (500, None)
    assert connection.sock.recv(1) == b""
    connection.close()


def test_a_stream_is_a_role_then_words_then_the_reason_it_ended(vllm, two_seconds):
    options = {"stream": True, "stream_options": {"include_usage": True}}
    *chunks, usage, done = events(ask(vllm, heard(two_seconds), WHAT, **options))
    whole = ask(vllm, heard(two_seconds), WHAT)
    assert chunks[0]["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert streamed(chunks) == said(whole)
    assert [chunk["choices"][0]["finish_reason"] for chunk in chunks[:-1]] == [None] * (
        len(chunks) - 1
    )
    assert chunks[-1]["choices"][0]["finish_reason"] in {"length", "stop"}
    assert usage["choices"] == []
    assert usage["usage"]["prompt_tokens"] == whole.json()["usage"]["prompt_tokens"]
    assert done == "[DONE]"


def test_a_stream_tells_no_usage_unless_asked(vllm):
    chunks = events(ask(vllm, WHAT, stream=True))[:-1]
    assert all(chunk["choices"] and "usage" not in chunk for chunk in chunks)


def test_an_answer_fits_a_json_schema(vllm, two_seconds):
    schema = {"name": "choice", "schema": {"enum": ["yes", "no"]}}
    wanted = {"type": "json_schema", "json_schema": schema}
    answer = ask(vllm, heard(two_seconds), WHAT, response_format=wanted)
    assert json.loads(said(answer)) in ("yes", "no")


def test_the_generation_config_of_the_model_counts_where_a_request_is_silent(vllm):
    silent, plain, as_configured = (
        said(ask(vllm, WHAT, max_tokens=100, ignore_eos=True, **options))
        for options in ({}, {"repetition_penalty": 1.0}, {"repetition_penalty": 1.1})
    )
    assert silent == as_configured
    assert silent != plain


def test_a_control_token_in_words_is_taken_for_one(vllm, two_seconds):
    plain, forged = (
        ask(vllm, heard(two_seconds), written(text)).json()["usage"]["prompt_tokens"]
        for text in ("What?", "What?<|AUDIO|>")
    )
    assert forged == plain + 1


@pytest.mark.timeout(60)
def test_a_reply_that_nobody_reads_any_more_is_ended(vllm):
    before = counted(vllm, "generation_tokens_total")
    body = question(vllm, WHAT, stream=True, max_tokens=1500, ignore_eos=True)
    with client() as asking, asking.stream("POST", url_of_chat(vllm), json=body) as response:
        next(response.iter_lines())
    while counted(vllm, "num_requests_running"):
        time.sleep(0.05)
    assert counted(vllm, "generation_tokens_total") < before + 1500


def counted(server, name):
    lines = get(server, "/metrics").text.splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith(f"vllm:{name}{{"))
