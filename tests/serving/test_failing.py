"""When an engine fails, the client learns what it may, and nothing of anybody's insides."""

import json

import openai
import pytest

from qwen_audio_tools import errors
from qwen_audio_tools.engines.base import Delta
from qwen_audio_tools.testing.scripted_engine import ScriptedEngine


class Breaking(ScriptedEngine):
    """Says a word, and then fails."""

    def reply(self, conversation, options):
        yield Delta(text="one")
        raise self.script[0]


@pytest.mark.parametrize(
    ("kind", "status", "code", "again"),
    [
        (errors.EngineUnreachable, 503, "engine_unreachable", True),
        (errors.EngineOutOfMemory, 503, "engine_out_of_memory", True),
        (errors.EngineRefused, 502, "engine_failed", False),
        (errors.EngineUnsupported, 400, "engine_unsupported", True),
        (errors.WeightsMissing, 500, "weights_missing", False),
        (errors.MissingExtra, 500, "engine_not_installed", False),
        (errors.SettingsError, 400, "invalid_value", True),
        (errors.ClipUnreadable, 400, "clip_unreadable", True),
    ],
)
def test_an_error_of_an_engine_has_a_status_a_message_and_a_hint(
    serve, error, kind, status, code, again
):
    running = serve(ScriptedEngine([kind("it went wrong", hint="qwa doctor"), "fine"]))
    reply = running.ask("hi")
    assert reply.status_code == status
    assert error(reply)["code"] == code
    assert error(reply)["message"] == "it went wrong. Hint: qwa doctor"
    assert (reply.headers.get("x-should-retry") != "false") is again
    assert running.ask("hi").status_code == 200


def test_what_is_not_ours_is_told_to_the_log_alone(serve, error):
    told = []
    running = serve(
        ScriptedEngine([ValueError("/home/ann/secret.key"), "fine"]),
        log=lambda line, failure: told.append((line, failure)),
    )
    reply = running.ask("hi")
    assert reply.status_code == 500
    assert error(reply)["code"] == "internal_error"
    assert running.ask("hi").status_code == 200
    (line, failure), *_ = told
    assert isinstance(failure, ValueError)
    assert reply.headers["x-request-id"] in line
    assert line.startswith("POST /v1/chat/completions 500 ")


@pytest.mark.parametrize("failure", [errors.EngineRefused("it stopped"), ValueError("secret")])
def test_a_stream_that_breaks_says_so_and_is_not_taken_for_whole(serve, failure):
    running = serve(Breaking([failure]))
    reply = running.ask("hi", stream=True)
    events = [line.removeprefix("data: ") for line in reply.text.split("\n\n") if line]
    assert json.loads(events[1])["choices"][0]["delta"]["content"] == "one"
    assert set(json.loads(events[-1])["error"]) == {"message", "type", "param", "code"}
    assert "[DONE]" not in events
    assert "secret" not in reply.text
    assert running.answers()


@pytest.mark.parametrize("failure", [TimeoutError("secret"), KeyboardInterrupt()])
@pytest.mark.parametrize("stream", [True, False])
def test_whatever_an_engine_raises_its_next_request_is_answered(serve, failure, stream):
    class Raising(ScriptedEngine):
        def reply(self, conversation, options):
            if not self.heard:
                self.heard.append(conversation)
                yield Delta(text="one")
                raise failure
            yield Delta(text="fine")

    running = serve(Raising([]), concurrency=1)
    broken = running.ask("hi", stream=stream)
    assert "something unexpected" in broken.text
    assert "secret" not in broken.text
    assert running.ask("hi").json()["choices"][0]["message"]["content"] == "fine"


def test_openai_s_client_raises_what_broke_its_stream(serve):
    running = serve(Breaking([errors.EngineRefused("it stopped")]))
    with openai.OpenAI(base_url=f"{running.url}/v1", api_key="x", max_retries=0) as client:
        stream = client.chat.completions.create(
            model="scripted", messages=[{"role": "user", "content": "hi"}], stream=True
        )
        with pytest.raises(openai.APIError, match="it stopped"):
            list(stream)


def test_an_error_before_the_first_word_of_a_stream_has_its_status(serve, error):
    reply = serve(ScriptedEngine([errors.EngineRefused("no")])).ask("hi", stream=True)
    assert reply.status_code == 502
    assert error(reply)["message"] == "no"


def test_a_stream_that_says_nothing_for_long_shows_that_it_lives(serve, held, monkeypatch):
    from qwen_audio_tools.serving.http import answering

    monkeypatch.setattr(answering, "BEAT_SECONDS", 0.05)
    running = serve(held)
    with running.client() as client:
        body = {"messages": [{"role": "user", "content": "hi"}], "stream": True}
        lines = []
        with client.stream("POST", "/v1/chat/completions", json=body) as response:
            for line in response.iter_lines():
                lines.append(line)
                if line.startswith(":"):
                    held.let_go.set()
    assert ": still at work" in lines
    assert lines[-2] == "data: [DONE]"


def test_openai_s_client_waits_as_long_as_it_is_told(serve, held, soon):
    running = serve(held, concurrency=1, queue=0)
    with openai.OpenAI(base_url=f"{running.url}/v1", api_key="x", max_retries=0) as client:
        messages = [{"role": "user", "content": "hi"}]
        stream = client.chat.completions.create(model="held", messages=messages, stream=True)
        with pytest.raises(openai.RateLimitError) as full:
            client.chat.completions.create(model="held", messages=messages)
        held.let_go.set()
        assert len(list(stream)) == 4
    assert full.value.response.headers["retry-after"] == "1"
    assert full.value.code == "queue_full"
