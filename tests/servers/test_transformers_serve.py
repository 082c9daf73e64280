"""What `transformers serve` takes, answers and drops: the facts that our client rests on."""

import http.client
import json

import numpy as np
import pytest

from tests.servers.protocol import (
    ask,
    events,
    get,
    heard,
    lasting,
    question,
    said,
    streamed,
    written,
)

WHAT = written("What is said?")


@pytest.fixture(scope="module")
def two_seconds(spoken):
    return lasting(spoken, 2.0)


def test_it_tells_its_model_but_not_how_long_a_prompt_may_be(transformers_serve):
    (model,) = get(transformers_serve, "/v1/models").json()["data"]
    assert model["id"] == transformers_serve.model
    assert set(model) == {"id", "object", "created", "owned_by", "status"}


def test_a_clip_is_heard_and_no_usage_tells_how_much_of_it(transformers_serve, two_seconds):
    answer = ask(transformers_serve, heard(two_seconds), WHAT)
    silent = ask(transformers_serve, heard(np.zeros_like(two_seconds)), WHAT)
    assert said(answer) != said(silent)
    assert set(answer.json()["usage"]) == {"prompt_tokens", "completion_tokens", "total_tokens"}


def test_what_is_past_30_seconds_is_lost_in_silence(transformers_serve, spoken):
    whole, cut = (
        ask(transformers_serve, heard(lasting(spoken, seconds)), WHAT) for seconds in (45.0, 30.0)
    )
    assert said(whole) == said(cut)
    assert whole.json()["usage"] == cut.json()["usage"]


def test_a_stream_ends_with_usage_unasked_and_without_the_word_done(
    transformers_serve, two_seconds
):
    chunks = events(ask(transformers_serve, heard(two_seconds), WHAT, stream=True))
    whole = ask(transformers_serve, heard(two_seconds), WHAT)
    assert chunks[0]["choices"][0]["delta"] == {"role": "assistant"}
    assert streamed(chunks) == said(whole)
    assert chunks[-1]["usage"] == whole.json()["usage"]
    assert chunks[-1]["choices"][0]["finish_reason"] in {"length", "stop"}


@pytest.mark.parametrize(
    "part",
    [
        {"type": "input_audio", "input_audio": {"data": "bm90IGEgc291bmQ=", "format": "wav"}},
        {"type": "input_audio", "input_audio": {"data": "!!!", "format": "wav"}},
        {"type": "input_audio", "input_audio": None, "uuid": "kettle"},
        {"type": "audio_url", "audio_url": {"url": "file:///etc/hostname"}},
        heard(np.zeros(0)),
        heard(np.zeros(160)),
    ],
    ids=["no sound", "no base64", "a name alone", "a file", "empty", "10 ms"],
)
def test_what_it_can_not_hear_is_a_failure_that_says_nothing(transformers_serve, part):
    assert_failed(ask(transformers_serve, part, WHAT))


@pytest.mark.parametrize("options", [{"stop": ["a"]}, {"temperature": -1}, {"messages": []}])
def test_so_are_words_that_end_a_reply_and_what_makes_no_sense(transformers_serve, options):
    assert_failed(ask(transformers_serve, WHAT, **options))


def assert_failed(response):
    assert (response.status_code, response.text) == (500, "Internal Server Error")
    assert response.headers["content-type"].startswith("text/plain")


def test_after_a_failure_it_closes_the_connection_without_a_word(transformers_serve):
    connection = http.client.HTTPConnection(transformers_serve.root.removeprefix("http://"))
    body = json.dumps(question(transformers_serve, messages=[]))
    connection.request("POST", "/v1/chat/completions", body, {"content-type": "application/json"})
    response = connection.getresponse()
    response.read()
    assert (response.status, response.getheader("connection")) == (500, None)
    assert connection.sock.recv(1) == b""
    connection.close()


def test_another_model_is_refused(transformers_serve):
    response = ask(transformers_serve, WHAT, model="another")
    assert response.status_code == 400
    pinned = f"Server is pinned to '{transformers_serve.model}'; requested 'another'."
    assert response.json() == {"detail": pinned}


@pytest.mark.parametrize("field", ["repetition_penalty", "top_k", "ignore_eos"])
def test_a_field_that_openai_does_not_have_is_refused(transformers_serve, field):
    response = ask(transformers_serve, WHAT, **{field: 1})
    assert response.status_code == 422
    assert response.json() == {"detail": f"Unexpected fields in the request: {{'{field}'}}"}


def test_a_json_schema_is_dropped_in_silence(transformers_serve):
    schema = {"name": "choice", "schema": {"enum": ["yes", "no"]}}
    wanted = {"type": "json_schema", "json_schema": schema}
    answer = said(ask(transformers_serve, WHAT, response_format=wanted))
    assert answer == said(ask(transformers_serve, WHAT))


def test_a_part_that_it_does_not_know_is_dropped_in_silence(transformers_serve):
    unknown = {"type": "audio", "audio": "AAAA"}
    answer = ask(transformers_serve, unknown, WHAT)
    assert said(answer) == said(ask(transformers_serve, WHAT))


def test_its_greedy_words_are_those_of_vllm(transformers_serve, vllm, spoken):
    for seconds in (1.0, 2.5, 29.0):
        clip = heard(lasting(spoken, seconds))
        ours, theirs = (
            ask(server, clip, WHAT, max_tokens=24) for server in (transformers_serve, vllm)
        )
        assert said(ours) == said(theirs)
        assert ours.json()["usage"]["prompt_tokens"] == theirs.json()["usage"]["prompt_tokens"]
