"""How each kind of server is spoken to: one contract a row of the table, and how it is known."""

import base64
import io
import wave

import pytest

from qwen_audio_tools import Options, ask
from qwen_audio_tools.engines.server.dialects import DIALECTS, hosting, spoken_by
from qwen_audio_tools.errors import EngineUnsupported, SettingsError
from qwen_audio_tools.testing.server_reactions import says

SCHEMA = {"type": "object", "properties": {"sound": {"type": "string"}}}
COUNTS = {"include_usage": True}
EARLY = COUNTS | {"continuous_usage_stats": True}

# What a row adds to the body, how the audio begins, and whether a clip has a name.
CONTRACTS = {
    "vllm": ({"stream_options": EARLY, "max_tokens": 99}, "UklGR", True),
    "sglang": ({"stream_options": EARLY, "max_tokens": 99}, "UklGR", False),
    "transformers": ({"max_tokens": 99}, "UklGR", False),
    "llamacpp": ({"stream_options": COUNTS, "max_tokens": 99}, "UklGR", False),
    "qwa": ({"stream_options": COUNTS, "max_tokens": 99}, "UklGR", False),
    "dashscope": (
        {"stream_options": COUNTS, "max_tokens": 99, "modalities": ["text"]},
        "data:;base64,UklGR",
        False,
    ),
    "openai": (
        {"stream_options": COUNTS, "max_completion_tokens": 99, "modalities": ["text"]},
        "UklGR",
        False,
    ),
    "compatible": ({"stream_options": COUNTS, "max_tokens": 99}, "UklGR", False),
}


def test_every_row_has_a_contract():
    assert list(CONTRACTS) == list(DIALECTS)


@pytest.mark.parametrize("name", DIALECTS)
def test_a_request_has_the_shape_that_the_server_takes(name, serve, engine_of, alarm):
    added, beginning, named = CONTRACTS[name]
    server = serve()
    options = Options(max_tokens=99, temperature=0.0, top_p=0.5, seed=7, stop=("\n\n",))
    answer = ask(
        alarm, "What is heard?", engine=engine_of(server, server_dialect=name), options=options
    )
    assert answer.text == "A bell rings."
    body = dict(server.asked[0].body)
    (message,) = body.pop("messages")
    stops = {"stop": ["\n\n"]} if DIALECTS[name].stops else {}
    assert body == added | stops | {
        "model": "Qwen/Qwen2-Audio-7B-Instruct",
        "stream": True,
        "temperature": 0.0,
        "top_p": 0.5,
        "seed": 7,
    }
    audio, text = message["content"]
    assert message["role"] == "user"
    assert text == {"type": "text", "text": "What is heard?"}
    assert set(audio) == {"type", "input_audio"} | ({"uuid"} if named else set())
    assert audio["type"] == "input_audio"
    assert set(audio["input_audio"]) == {"data", "format"}
    assert audio["input_audio"]["format"] == "wav"
    assert audio["input_audio"]["data"].startswith(beginning)


def test_the_audio_is_a_wav_file_of_16_khz_mono_16_bit(serve, engine_of, alarm):
    server = serve()
    ask(alarm, "What is heard?", engine=engine_of(server))
    data = server.asked[0].clips[0].given["input_audio"]["data"]
    with wave.open(io.BytesIO(base64.b64decode(data))) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (16_000, 1, 2)
        assert file.getnframes() == 12 * 16_000


@pytest.mark.parametrize(
    ("listed", "name"),
    [
        ({"owned_by": "vllm"}, "vllm"),
        ({"owned_by": "sglang"}, "sglang"),
        ({"owned_by": "llamacpp", "status": {"value": "loaded"}}, "llamacpp"),
        ({"owned_by": "Qwen", "status": {"value": "unloaded"}}, "transformers"),
        ({"owned_by": "qwen-audio-tools"}, "qwa"),
        ({"owned_by": "somebody"}, "compatible"),
        ({}, "compatible"),
    ],
)
def test_a_server_is_known_by_what_it_lists(listed, name, serve, engine_of):
    assert spoken_by(str(listed.get("owned_by", "")), listed).name == name
    entry = {"id": "Qwen/Qwen2-Audio-7B-Instruct", **listed}
    (state,) = engine_of(serve(listing={"data": [entry]})).states()
    assert (state.dialect, state.ready) == (name, True)


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("dashscope.aliyuncs.com", "dashscope"),
        ("dashscope-intl.aliyuncs.com", "dashscope"),
        ("ws-1.maas.aliyuncs.com", "dashscope"),
        ("api.openai.com", "openai"),
        ("api.openai.com.example.org", None),
        ("notapi.openai.com", None),
        ("127.0.0.1", None),
    ],
)
def test_a_provider_is_known_by_its_host(host, name):
    row = hosting(host)
    assert (row.name if row else None) == name


def test_an_unknown_dialect_is_a_mistake_in_the_settings(engine_of):
    with pytest.raises(SettingsError, match="auto or one of vllm, sglang, transformers"):
        engine_of("http://127.0.0.1:1/v1", server_dialect="klingon")


@pytest.mark.parametrize("name", [name for name, row in DIALECTS.items() if row.schema])
def test_a_schema_is_sent_to_who_keeps_to_it(name, serve, engine_of, alarm):
    server = serve(otherwise=says('{"sound": "bell"}'))
    options = Options(schema=SCHEMA)
    engine = engine_of(server, server_dialect=name)
    assert ask(alarm, "What is heard?", engine=engine, options=options).text == '{"sound": "bell"}'
    form = server.asked[0].body["response_format"]
    assert form["type"] == "json_schema"
    assert form["json_schema"]["schema"] == SCHEMA
    assert ("fits this schema" in server.asked[0].texts[-1]) == (not DIALECTS[name].ours)


@pytest.mark.parametrize("name", [name for name, row in DIALECTS.items() if not row.schema])
def test_who_keeps_to_no_schema_is_not_asked(name, serve, engine_of, alarm):
    server = serve()
    with pytest.raises(EngineUnsupported, match="JSON schema"):
        ask(
            alarm,
            "What?",
            engine=engine_of(server, server_dialect=name),
            options=Options(schema=SCHEMA),
        )
    assert server.asked == []


def test_a_second_question_does_not_send_the_clip_again(serve, engine_of, alarm):
    server = serve()
    engine = engine_of(server)
    for question in ("What is heard?", "Is it loud?", "How often?"):
        assert ask(alarm, question, engine=engine).usage.audio_tokens == 300
    sent = [call.clips[0].seconds for call in server.asked]
    assert sent == [12.0, None, None]
    (name,) = {call.clips[0].name for call in server.asked}
    assert {call.headers["x-session-id"] for call in server.asked} == {name}  # for a router


def test_a_clip_that_the_server_has_forgotten_is_sent_again(serve, engine_of, alarm):
    server = serve()
    engine = engine_of(server)
    ask(alarm, "What is heard?", engine=engine)
    server.forget()
    assert ask(alarm, "Is it loud?", engine=engine).text == "A bell rings."
    assert [call.clips[0].seconds for call in server.asked] == [12.0, None, 12.0]


def test_a_server_that_takes_a_name_for_silence_is_sent_the_clip_after_all(serve, engine_of, alarm):
    def deaf(call):
        call.head()
        call.piece("Nothing.", "stop", usage={"prompt_tokens": 25, "completion_tokens": 1})
        call.end()

    server = serve(says(), deaf)
    engine = engine_of(server)
    ask(alarm, "What is heard?", engine=engine)
    assert ask(alarm, "Is it loud?", engine=engine).text == "A bell rings."
    assert [call.clips[0].seconds for call in server.asked] == [12.0, None, 12.0]


def test_an_old_server_that_knows_no_names_gets_every_clip_whole(serve, engine_of, alarm):
    server = serve(answers={"/version": {"version": "0.10.1"}})
    engine = engine_of(server)
    for question in ("What is heard?", "Is it loud?"):
        ask(alarm, question, engine=engine)
    assert [call.clips[0].seconds for call in server.asked] == [12.0, 12.0]


def test_several_servers_behind_one_address_are_soon_sent_every_clip(serve, engine_of, alarm):
    def forgetful(call):
        call.server.forget()
        says()(call)

    server = serve(otherwise=forgetful)
    engine = engine_of(server)
    for number in range(8):
        ask(alarm, f"What is heard, {number}?", engine=engine)
    sent = [call.clips[0].seconds for call in server.asked]
    assert sent.count(None) == 3
    assert sent[-3:] == [12.0] * 3


def test_questions_about_one_clip_go_where_it_is_known(serve, engine_of, alarm):
    first, second = serve(), serve()
    engine = engine_of(first, second)
    for number in range(6):
        ask(alarm, f"What is heard, {number}?", engine=engine)
    assert sorted(len(server.asked) for server in (first, second)) == [0, 6]


def test_several_clips_and_turns_keep_their_order(serve, engine_of, alarm, talk):
    from qwen_audio_tools import converse
    from qwen_audio_tools.conversation import assistant, system, user

    server = serve()
    turns = [
        system("Be brief."),
        user(talk, "Who speaks?"),
        assistant("A woman."),
        user("And here?", alarm, talk),
    ]
    list(converse(turns, engine=engine_of(server)))
    messages = server.asked[0].body["messages"]
    assert [message["role"] for message in messages] == ["system", "user", "assistant", "user"]
    assert messages[0]["content"] == "Be brief."
    assert messages[2]["content"] == "A woman."
    assert [part["type"] for part in messages[3]["content"]] == [
        "text",
        "input_audio",
        "input_audio",
    ]
    lengths = [round(clip.seconds, 1) for clip in server.asked[0].clips]
    assert lengths == [round(talk.duration, 1), 12.0, round(talk.duration, 1)]


@pytest.mark.parametrize(
    ("stop", "text", "finish"),
    [
        (("ings",), "A bell r", "stop"),
        (("bell rings", "never"), "A ", "stop"),
        (("x",), "A bell rings.", "stop"),
        ((".", "bell"), "A ", "stop"),
        (("rings.!",), "A bell rings.", "stop"),
        (("A",), "", "stop"),
    ],
)
def test_stop_texts_are_kept_where_the_server_keeps_none(
    stop, text, finish, serve, engine_of, alarm
):
    server = serve(otherwise=says(counts=True))
    engine = engine_of(server, server_dialect="transformers")
    answer = ask(alarm, "What is heard?", engine=engine, options=Options(stop=stop))
    assert (answer.text, answer.finish, answer.warnings) == (text, finish, ())
    assert answer.usage.output_tokens == 3


def test_a_server_that_pads_clips_takes_as_many_tokens_for_any(serve, engine_of, alarm):
    engine = engine_of(serve(), server_dialect="llamacpp")
    assert ask(alarm, "What is heard?", engine=engine).usage.audio_tokens == 750
