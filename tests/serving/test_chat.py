"""Chat completions through OpenAI's own client, unchanged, and what the engine was asked."""

import json

import openai
import pytest

from qwen_audio_tools import open_engine
from qwen_audio_tools.engines.base import Options
from qwen_audio_tools.tasks import Ability
from qwen_audio_tools.testing.scripted_engine import ScriptedEngine


@pytest.fixture
def client(request):
    """Return what makes OpenAI's client of a running server."""
    made: list[openai.OpenAI] = []

    def make(running, **options) -> openai.OpenAI:
        options = {"api_key": "unused", "max_retries": 0, **options}
        made.append(openai.OpenAI(base_url=f"{running.url}/v1", **options))
        return made[-1]

    yield make
    for each in made:
        each.close()


def _asks(text, *blocks):
    return [{"role": "user", "content": [*blocks, {"type": "text", "text": text}]}]


def test_a_question_about_audio_is_answered(serve, client, beep, block):
    engine = ScriptedEngine(["A tone of 440 Hz."])
    reply = client(serve(engine)).chat.completions.create(
        model="scripted", messages=_asks("what is heard?", block(beep)), max_tokens=50
    )
    assert reply.choices[0].message.content == "A tone of 440 Hz."
    assert reply.choices[0].finish_reason == "stop"
    assert reply.object == "chat.completion"
    assert reply.model == "scripted"
    assert reply.usage.prompt_tokens_details.audio_tokens == 25
    assert reply.usage.completion_tokens == 5
    assert reply.usage.total_tokens == 30
    (turn,) = engine.heard[0]
    assert turn.text == "what is heard?"
    assert turn.clips[0].duration == pytest.approx(1.0)


def test_what_an_answer_rests_on_comes_beside_it(serve, client, beep, block):
    engine = ScriptedEngine(["A tone."])
    reply = client(serve(engine)).chat.completions.create(
        model="scripted", messages=_asks("what is heard?", block(beep))
    )
    assert reply.qwa["engine"] == "scripted:script"
    assert reply.qwa["coverage"] == {"heard": 1.0, "total": 1.0, "gaps": []}
    assert reply.qwa["seconds_heard"] == 1.0
    assert reply.qwa["warnings"] == []


def test_an_answer_streams_word_by_word_and_ends_with_its_cost(serve, client, beep, block):
    engine = ScriptedEngine(["one two three"])
    stream = client(serve(engine)).chat.completions.create(
        model="scripted",
        messages=_asks("count", block(beep)),
        stream=True,
        stream_options={"include_usage": True},
    )
    chunks = list(stream)
    texts = [chunk.choices[0].delta.content for chunk in chunks if chunk.choices]
    assert "".join(filter(None, texts)) == "one two three"
    assert [text for text in texts if text] == ["one", " two", " three"]
    assert chunks[0].choices[0].delta.role == "assistant"
    assert [c.choices[0].finish_reason for c in chunks if c.choices][-1] == "stop"
    assert chunks[-2].qwa["coverage"]["heard"] == 1.0
    assert chunks[-1].choices == []
    assert chunks[-1].usage.prompt_tokens_details.audio_tokens == 25
    assert len({chunk.id for chunk in chunks}) == 1


def test_a_stream_ends_as_its_clients_expect(serve):
    with serve(ScriptedEngine(["hello"])).client() as client:
        body = {"messages": [{"role": "user", "content": "hi"}], "stream": True}
        with client.stream("POST", "/v1/chat/completions", json=body) as response:
            assert response.headers["content-type"].startswith("text/event-stream")
            lines = [line for line in response.iter_lines() if line]
    assert lines[-1] == "data: [DONE]"
    assert all(line.startswith("data: ") for line in lines)
    assert "usage" not in json.loads(lines[-2].removeprefix("data: "))


def test_turns_arrive_in_their_order_with_their_roles(serve, telling, beep, block):
    running = serve(telling())
    reply = running.ask(
        {"role": "developer", "content": "Be brief."},
        [block(beep), {"type": "text", "text": "what is heard?"}],
        {"role": "assistant", "content": "A tone."},
        {"role": "user", "content": [{"type": "text", "text": "how"}, "long?"], "name": "ann"},
    )
    told = json.loads(reply.json()["choices"][0]["message"]["content"])
    assert told["turns"] == [
        ["system", ["Be brief."]],
        ["user", ["<1.0 s>", "what is heard?"]],
        ["assistant", ["A tone."]],
        ["user", ["how", "long?"]],
    ]


def test_audio_alone_is_a_turn_of_voice_chat(serve, telling, beep, block):
    told = json.loads(
        serve(telling()).ask([block(beep)]).json()["choices"][0]["message"]["content"]
    )
    assert told["turns"] == [["user", ["<1.0 s>"]]]


def test_every_common_block_of_audio_is_taken(serve, telling, beep, block):
    data = block(beep)["input_audio"]["data"]
    uri = f"data:audio/wav;base64,{data}"
    running = serve(telling())
    for each in (
        {"type": "audio_url", "audio_url": {"url": uri}},
        {"type": "input_audio", "input_audio": {"data": uri, "format": "wav"}},
        {"type": "file", "file": {"file_data": uri, "filename": "beep.wav"}},
        {"type": "audio", "base64": data, "mime_type": "audio/wav"},
    ):
        told = running.ask([each, {"type": "text", "text": "?"}]).json()
        text = told["choices"][0]["message"]["content"]
        assert json.loads(text)["turns"] == [["user", ["<1.0 s>", "?"]]], each["type"]


def test_every_option_arrives(serve, telling):
    schema = {"type": "object", "properties": {"mood": {"type": "string"}}}
    reply = serve(telling()).ask(
        "hello",
        max_completion_tokens=7,
        temperature=0.5,
        top_p=0.9,
        stop=["\n", "END"],
        seed=3,
        response_format={"type": "json_schema", "json_schema": {"name": "m", "schema": schema}},
        qwa={"language": "de"},
    )
    told = json.loads(reply.json()["choices"][0]["message"]["content"])
    del told["turns"], told["task"]
    assert told == {
        "max_tokens": 7,
        "temperature": 0.5,
        "top_p": 0.9,
        "stop": ["\n", "END"],
        "seed": 3,
        "schema": schema,
        "language": "de",
    }


def test_what_a_request_leaves_out_is_as_the_server_was_told(serve, telling):
    running = serve(telling(), defaults=Options(max_tokens=9, temperature=0.1))
    told = json.loads(running.ask("hi").json()["choices"][0]["message"]["content"])
    assert (told["max_tokens"], told["temperature"]) == (9, 0.1)
    told = json.loads(
        running.ask("hi", max_tokens=4, response_format={"type": "json_object"}, stop="x").json()[
            "choices"
        ][0]["message"]["content"]
    )
    assert (told["max_tokens"], told["stop"]) == (4, ["x"])
    assert told["schema"] == {"type": "object"}


def test_a_cut_answer_says_so(serve, beep):
    from qwen_audio_tools.engines.base import Delta

    class Cut(ScriptedEngine):
        def reply(self, conversation, options):
            yield Delta(text="and so", finish="length")

    assert serve(Cut([])).ask("go on").json()["choices"][0]["finish_reason"] == "length"


def test_the_embedded_engine_answers_about_real_speech(serve, client, said, block):
    running = serve(open_engine("embedded"))
    messages = _asks("what is the budget?", block(said))
    reply = client(running).chat.completions.create(model="embedded", messages=messages)
    assert "200" in reply.choices[0].message.content or "two hundred" in str(reply)
    speech = next(item for item in reply.qwa["evidence"] if item["kind"] == "speech")
    assert speech["clip"] == "messages[0].content[0]"
    assert reply.qwa["coverage"]["gaps"] == []


def test_without_conversation_the_last_question_is_answered_about_the_last_audio(
    serve, telling, beep, block
):
    engine = telling(abilities=frozenset(Ability) - {Ability.CHAT})
    reply = (
        serve(engine)
        .ask(
            {"role": "system", "content": "Be brief."},
            [block(beep), {"type": "text", "text": "what is heard?"}],
            {"role": "assistant", "content": "A tone."},
            "and when?",
            temperature=0.5,
        )
        .json()
    )
    told = json.loads(reply["choices"][0]["message"]["content"])
    assert told["turns"] == [["user", ["<1.0 s>", "and when?"]]]
    unheard, alone = reply["qwa"]["warnings"]
    assert "temperature changed nothing" in unheard
    assert "the last question alone was answered, about the audio of messages[1]" in alone


def test_without_conversation_there_must_be_audio_and_a_question(
    serve, telling, beep, block, error
):
    running = serve(telling(abilities=frozenset(Ability) - {Ability.CHAT}))
    none = running.ask("what is said?")
    assert none.status_code == 400
    assert "the messages hold none" in error(none)["message"]
    assert "input_audio" in error(none)["message"]
    silent = running.ask([block(beep)])
    assert silent.status_code == 400
    assert "audio without a question" in error(silent)["message"]
    named = running.ask([block(beep)], qwa={"task": "caption"})
    assert json.loads(named.json()["choices"][0]["message"]["content"])["task"] == "caption"


def test_the_model_that_is_named_answers(serve, telling, error):
    running = serve(ScriptedEngine(["first", "second", "third"]), telling(), aliases=["gpt-4o"])
    for name in ("gpt-4o", "scripted:script", "script"):
        reply = running.ask("hi", model=name).json()
        assert reply["model"] == name
        assert reply["qwa"]["engine"] == "scripted:script"
    assert running.ask("hi", model="telling-1").json()["qwa"]["engine"] == "telling:telling-1"
    unknown = running.ask("hi", model="whisper-9")
    assert unknown.status_code == 404
    assert error(unknown)["code"] == "model_not_found"
    assert "scripted:script" in error(unknown)["message"]
