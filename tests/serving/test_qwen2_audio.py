"""A small Qwen2-Audio behind the server: tokens stream, and requests that wait share a batch."""

import threading

import openai
import pytest

from qwen_audio_tools import open_engine
from qwen_audio_tools.engines.base import BatchEngine

# What must have so many letters can't be said in the seconds that these tests leave.
ENDLESS = {
    "max_tokens": 8000,
    "response_format": {
        "type": "json_schema",
        "json_schema": {"name": "long", "schema": {"type": "string", "minLength": 7000}},
    },
}


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    from qwen_audio_tools.testing.made_checkpoints import write_checkpoint

    folder = write_checkpoint(tmp_path_factory.mktemp("served") / "Tiny-Audio-Instruct")
    engine = open_engine(f"transformers:{folder}", device="cpu")
    assert isinstance(engine, BatchEngine)
    return engine


@pytest.fixture
def ask(beep, block):
    """Return what asks through OpenAI's client, greedily, for a few tokens."""

    def ask(running, question, **options):
        with openai.OpenAI(base_url=f"{running.url}/v1", api_key="x", max_retries=0) as client:
            content = [block(beep), {"type": "text", "text": question}]
            options = {"temperature": 0, "max_tokens": 12, **options}
            reply = client.chat.completions.create(
                model="transformers", messages=[{"role": "user", "content": content}], **options
            )
            return list(reply) if options.get("stream") else reply

    return ask


def test_a_stream_says_what_a_whole_answer_says(serve, engine, ask):
    running = serve(engine)
    whole = ask(running, "what is heard?")
    chunks = ask(running, "what is heard?", stream=True, stream_options={"include_usage": True})
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == whole.choices[0].message.content
    assert len([chunk for chunk in chunks if chunk.choices]) > 5
    assert whole.choices[0].finish_reason == "length"
    assert chunks[-1].usage.completion_tokens == whole.usage.completion_tokens == 12
    assert whole.usage.prompt_tokens_details.audio_tokens == 25
    assert whole.qwa["coverage"]["heard"] == pytest.approx(1.0)


def test_what_is_asked_at_once_is_answered_as_it_is_alone(serve, engine, ask):
    questions = ["what is heard?", "how long is it?", "is somebody speaking?", "where is it?"]
    alone = [ask(serve(engine), each).choices[0].message.content for each in questions]
    running = serve(engine, gather=5.0, batch=len(questions))
    replies = {}

    def send(question):
        replies[question] = ask(running, question).choices[0].message.content

    threads = [threading.Thread(target=send, args=(each,), daemon=True) for each in questions]
    for each in threads:
        each.start()
    for each in threads:
        each.join(120)
    assert [replies[each] for each in questions] == alone
    with running.client() as client:
        assert 'qwa_batch_requests_bucket{le="2.0"} 0.0' in client.get("/metrics").text


def test_a_reply_keeps_to_a_schema(serve, engine, ask):
    import json

    schema = {
        "type": "object",
        "properties": {"mood": {"type": "string", "maxLength": 3}},
        "required": ["mood"],
        "additionalProperties": False,
    }
    form = {"type": "json_schema", "json_schema": {"name": "mood", "schema": schema}}
    reply = ask(serve(engine), "which mood?", response_format=form, max_tokens=64)
    assert set(json.loads(reply.choices[0].message.content)) == {"mood"}


@pytest.mark.parametrize("stream", [True, False])
def test_the_deadline_ends_a_generation_between_two_tokens(serve, engine, ask, soon, stream):
    running = serve(engine, deadline=1.0)
    with pytest.raises(openai.APIError, match="no answer within 1 s"):
        ask(running, "go on for ever", stream=stream, **ENDLESS)
    soon(lambda: running.desk.running == 0)


def test_a_batch_of_generations_that_nobody_waits_for_ends(serve, engine, ask, soon):
    running = serve(engine, gather=5.0, batch=2, deadline=6.0)
    failures = []

    def send(question):
        try:
            ask(running, question, **ENDLESS)
        except openai.APIError as error:
            failures.append(error.status_code)

    threads = [threading.Thread(target=send, args=(each,), daemon=True) for each in ("a?", "b?")]
    for each in threads:
        each.start()
    soon(lambda: running.desk.running == 2)
    for each in threads:
        each.join(60)
    assert failures == [504, 504]
    soon(lambda: running.desk.running == 0)
    assert ask(running, "still there?").choices
