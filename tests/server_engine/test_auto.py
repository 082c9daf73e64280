"""Who answers when nobody is named: a server of the settings that answers comes before the rest."""

import pytest

from qwen_audio_tools import ask
from qwen_audio_tools.engines import choose, open_engine
from qwen_audio_tools.errors import SettingsError
from qwen_audio_tools.settings import read

INSTRUCT = "Qwen/Qwen2-Audio-7B-Instruct"


def test_a_server_of_the_settings_that_answers_is_taken(serve, monkeypatch, alarm):
    server = serve()
    monkeypatch.setenv("QWA_SERVER_URLS", server.url)
    choice = choose()
    assert choice.spec == f"server:{INSTRUCT}"
    assert choice.why == f"{server.url.removesuffix('/v1')} answers for {INSTRUCT}"
    engine = open_engine()
    assert ask(alarm, "What is heard?", engine=engine).engine == f"server:{INSTRUCT}"


def test_one_of_two_is_enough(serve):
    gone, well = serve(), serve()
    gone.stop()
    choice = choose(settings=read(server_urls=[gone.url, well.url]))
    assert choice.spec == f"server:{INSTRUCT}"
    assert "(1 of 2 servers)" in choice.why


def test_servers_that_do_not_answer_are_passed_over_and_told_of(serve):
    gone = serve()
    gone.stop()
    choice = choose(settings=read(server_urls=gone.url))
    assert choice.spec == "embedded"
    assert "can't be reached: Connection refused; for Qwen2-Audio itself" in choice.why


def test_a_server_without_the_model_that_the_settings_name_is_passed_over(serve):
    choice = choose(settings=read(server_urls=serve().url, server_model="other"))
    assert choice.spec == "embedded"
    assert "has no model 'other'" in choice.why


def test_a_server_that_hangs_holds_nobody_up_for_long(serve):
    server = serve(silent=True)
    choice = choose(settings=read(server_urls=server.url))
    assert choice.spec == "embedded"
    assert "does not answer within 2 s" in choice.why


def test_what_the_settings_name_as_the_engine_comes_first(serve):
    settings = read(server_urls=serve().url, engine="embedded")
    assert choose(settings=settings).spec == "embedded"


def test_an_address_that_is_none_is_a_mistake_and_not_passed_over():
    with pytest.raises(SettingsError, match="is no address of a server"):
        choose(settings=read(server_urls="host:8000"))
