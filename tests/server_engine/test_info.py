"""What an engine says of itself: learnt from its servers, known without them, never waited for."""

import pytest

from qwen_audio_tools import ask
from qwen_audio_tools.errors import ClipTooLong, EngineRefused, EngineUnsupported
from qwen_audio_tools.tasks import Ability
from qwen_audio_tools.testing.server_reactions import says

INSTRUCT = "Qwen/Qwen2-Audio-7B-Instruct"


def listing(*entries: dict) -> dict:
    return {"object": "list", "data": [{"object": "model", **entry} for entry in entries]}


def vllm(model: str, **more: object) -> dict:
    return {"id": model, "owned_by": "vllm", **more}


def test_a_server_tells_its_model_where_it_has_one(serve, engine_of):
    info = engine_of(serve(), model="").info
    assert info.label == f"server:{INSTRUCT}"
    assert (info.window, info.audio_tokens_per_second, info.prompting) == (30.0, 25.0, "chat")
    assert Ability.CHAT in info.abilities
    assert Ability.TIMES not in info.abilities


def test_of_several_models_the_one_that_hears_is_taken_and_adapters_are_not(serve, engine_of):
    server = serve(
        listing=listing(vllm("Qwen/Qwen3-8B"), vllm(INSTRUCT), vllm("lora", parent=INSTRUCT))
    )
    assert engine_of(server, model="").info.model == INSTRUCT


def test_where_it_is_not_clear_which_is_meant_all_are_named(serve, engine_of, alarm):
    server = serve(listing=listing(vllm("a"), vllm("b")))
    with pytest.raises(EngineRefused, match="has 'a', 'b': which one answers") as caught:
        ask(alarm, "What?", engine=engine_of(server, model=""))
    assert "server_model" in caught.value.hint
    assert server.asked == []


def test_a_model_that_is_not_there_is_told_with_those_that_are(serve, engine_of, alarm):
    server = serve()
    engine = engine_of(server, model="Qwen/Qwen2-Audio-7B")
    assert engine.info.model == "Qwen/Qwen2-Audio-7B"  # it doesn't raise
    with pytest.raises(
        EngineRefused, match=r"has no model 'Qwen/Qwen2-Audio-7B'; it has"
    ) as caught:
        ask(alarm, "What?", engine=engine)
    assert caught.value.hint == f"--engine server:{INSTRUCT}@{server.url}"


def test_a_model_is_known_by_an_alias_and_by_its_folder_too(serve, engine_of, alarm):
    entry = vllm("audio", root="/models/Qwen2-Audio-7B-Instruct", aliases=["ears"])
    server = serve(listing=listing(entry))
    for name in ("audio", "ears", "/models/Qwen2-Audio-7B-Instruct"):
        engine = engine_of(server, model=name)
        assert (engine.info.window, engine.info.audio_tokens_per_second) == (30.0, 25.0)
        ask(alarm, "What is heard?", engine=engine)
    assert {call.body["model"] for call in server.asked} == {"audio"}


@pytest.mark.parametrize(
    ("entry", "window"),
    [
        (vllm(INSTRUCT, max_model_len=8192), 30.0),
        (vllm(INSTRUCT, max_model_len=1024), 20.0),
        (vllm("Qwen/Qwen2.5-Omni-7B", max_model_len=32768), 300.0),
        (vllm("Qwen/Qwen3-Omni-30B-A3B-Instruct"), 600.0),  # what vLLM decodes at most
        (vllm("Qwen/Qwen3-Omni-30B-A3B-Instruct", max_model_len=4096), 236.0),
        (vllm("acme/ears-1b"), 30.0),
        (vllm("acme/ears-1b", max_model_len=64), 1.0),
        ({"id": INSTRUCT, "owned_by": "llamacpp", "meta": {"n_ctx": 1024}}, 20.0),
    ],
)
def test_the_window_is_what_model_server_and_context_all_hold(entry, window, serve, engine_of):
    assert engine_of(serve(listing=listing(entry)), model="").info.window == window


def test_a_fleet_hears_what_each_of_its_servers_hears(serve, engine_of):
    large = serve(listing=listing(vllm(INSTRUCT, max_model_len=8192)))
    small = serve(listing=listing(vllm(INSTRUCT, max_model_len=1024)))
    assert engine_of(large, small).info.window == 20.0


def test_a_server_that_is_down_is_guessed_at_by_names(serve, engine_of):
    server = serve()
    server.stop()
    info = engine_of(server).info
    assert (info.model, info.window, info.audio_tokens_per_second) == (INSTRUCT, 30.0, 25.0)
    assert info.device == server.url.removesuffix("/v1")
    assert engine_of(server, model="").info.label == "server:"


def test_a_server_that_hangs_is_not_waited_for_twice(serve, engine_of):
    from qwen_audio_tools.engines.server.watching import Patience

    server = serve(silent=True)
    engine = engine_of(server, patience=Patience(glance=0.2))
    for _ in range(50):
        assert engine.info.window == 30.0
    assert len(server.paths) == 1


def test_a_server_that_lists_no_models_is_taken_at_our_word(serve, engine_of, alarm):
    server = serve(listing=404)
    assert ask(alarm, "What is heard?", engine=engine_of(server)).text == "A bell rings."
    with pytest.raises(EngineRefused, match="404"):
        ask(alarm, "What?", engine=engine_of(server, model=""))


@pytest.mark.parametrize("wrong", ["x", [], {"data": 7}, {"data": [7]}, {"object": "list"}])
def test_a_listing_that_is_none_is_refused(wrong, serve, engine_of, alarm):
    with pytest.raises(EngineRefused, match=r"lists no models|has no model .* it has none"):
        ask(alarm, "What?", engine=engine_of(serve(listing=wrong)))


def test_a_base_model_is_given_the_words_that_it_was_trained_on(serve, engine_of, alarm):
    from qwen_audio_tools import Options

    server = serve(model="Qwen/Qwen2-Audio-7B")
    engine = engine_of(server, model="Qwen/Qwen2-Audio-7B")
    assert (engine.info.prompting, Ability.CHAT in engine.info.abilities) == ("base", False)
    ask(alarm, engine=engine, options=Options(task="transcribe", language="de"))
    assert server.asked[0].texts == ["Detect the language and recognize the speech: <|de|>"]
    assert engine_of(server, model="Qwen/Qwen2-Audio-7B", prompting="chat").info.prompting == "chat"


def test_a_model_that_only_transcribes_is_asked_nothing_else(serve, engine_of, talk):
    from qwen_audio_tools import transcribe

    model = "Qwen/Qwen3-ASR-1.7B"
    server = serve(model=model, otherwise=says("language English<asr_text>Good morning."))
    engine = engine_of(server, model=model)
    assert engine.info.abilities == {Ability.TRANSCRIBE}
    transcript, answer = transcribe(talk, engine=engine)
    assert (answer.text, transcript.language) == ("Good morning.", "en")
    assert server.asked[0].texts == []
    with pytest.raises(EngineUnsupported, match="only transcribes"):
        ask(talk, "Who speaks?", engine=engine)


def test_more_clips_than_a_model_takes_are_refused_before_they_are_sent(serve, engine_of, talk):
    model = "nvidia/audio-flamingo-3-hf"
    server = serve(model=model)
    with pytest.raises(EngineUnsupported, match=r"2 clips in one conversation; .* takes 1 at most"):
        ask([talk, talk], "Which is louder?", engine=engine_of(server, model=model))
    assert server.asked == []


def test_a_server_that_cuts_at_30_seconds_never_gets_31(serve, engine_of, long_tone):
    from qwen_audio_tools import Options
    from qwen_audio_tools.conversation import user

    server = serve()
    engine = engine_of(server)
    with pytest.raises(ClipTooLong):
        list(engine.reply([user(long_tone[0:31], "What?")], Options()))
    list(engine.reply([user(long_tone[0:30], "What?")], Options()))
    assert [clip.seconds for call in server.asked for clip in call.clips] == [30.0]
