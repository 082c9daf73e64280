"""What is written after "server:", and in the settings, read as a model and its servers."""

import pytest

from qwen_audio_tools import open_engine
from qwen_audio_tools.engines.server.addresses import parse
from qwen_audio_tools.errors import SettingsError
from qwen_audio_tools.settings import read

MODEL = "Qwen/Qwen2-Audio-7B-Instruct"


def parsed(rest: str, **settings: object) -> tuple[str, list[str]]:
    model, found = parse(rest, read(**settings))
    return model, [address.base for address in found]


@pytest.mark.parametrize(
    ("rest", "model", "bases"),
    [
        (f"{MODEL}@http://host:8000/v1", MODEL, ["http://host:8000/v1"]),
        (f"{MODEL}@http://host:8000", MODEL, ["http://host:8000/v1"]),
        (f"{MODEL}@http://host:8000/", MODEL, ["http://host:8000/v1"]),
        (f"{MODEL}@http://HOST:8000/v1/", MODEL, ["http://host:8000/v1"]),
        (f"{MODEL}@http://host/v1/chat/completions", MODEL, ["http://host/v1"]),
        (f"{MODEL}@https://host/api/v3", MODEL, ["https://host/api/v3"]),
        ("m@http://a/v1,http://b/v1", "m", ["http://a/v1", "http://b/v1"]),
        ("m@http://a/v1, http://b:80/v1 http://a:80", "m", ["http://a/v1", "http://b/v1"]),
        ("m@main@http://a", "m@main", ["http://a/v1"]),
        ("http://a/v1", "", ["http://a/v1"]),
        ("@http://a/v1", "", ["http://a/v1"]),
        ("m@http://[::1]:8000/v1", "m", ["http://[::1]:8000/v1"]),
        ("m@https://host:443/v1", "m", ["https://host/v1"]),
    ],
)
def test_a_spec_names_a_model_and_its_servers(rest, model, bases):
    assert parsed(rest) == (model, bases)


def test_what_the_spec_leaves_out_the_settings_say():
    settings = {"server_urls": "http://a/v1, http://b/v1", "server_model": "m"}
    assert parsed("", **settings) == ("m", ["http://a/v1", "http://b/v1"])
    assert parsed("other", **settings) == ("other", ["http://a/v1", "http://b/v1"])
    assert parsed("other@http://c", **settings) == ("other", ["http://c/v1"])


@pytest.mark.parametrize(
    ("rest", "words"),
    [
        ("m@http://", "names a host"),
        ("m@http://host:port/v1", "its port is no number"),
        ("m@http://host:99999/v1", "its port is no number"),
        ("m@http://host/v1?key=1", "nothing may follow its path"),
        ("m@http://host/v1#x", "nothing may follow its path"),
        ("m@http://[::1/v1", "can't be read as a URL"),
        ("m@http://a/v1,ftp://b/v1", "begins with http:// or https://"),
        ("m@http://a/v1,b:8000", "begins with http:// or https://"),
        ("m@http://host\\evil/v1", "no URL has such characters"),
        ("m@http://host/\x07v1", "no URL has such characters"),
        (MODEL, "no server is named"),
        ("", "no server is named"),
    ],
)
def test_what_is_no_address_is_refused_with_an_example(rest, words):
    with pytest.raises(SettingsError, match=words) as caught:
        parsed(rest)
    assert "server:Qwen/Qwen2-Audio-7B-Instruct@http://host:8000/v1" in caught.value.hint


def test_an_engine_is_opened_without_asking_anybody():
    engine = open_engine("server:m@http://127.0.0.1:1/v1", server_timeout=5)
    assert engine is not None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("server_timeout", "soon"),
        ("server_timeout", "-1"),
        ("server_timeout", "nan"),
        ("server_timeout", "1e9"),
        ("server_timeout", True),
        ("server_concurrency", "0"),
        ("server_concurrency", 2.5),
        ("server_urls", 7),
        ("server_key_file", ""),
        ("server_model", " "),
    ],
)
def test_a_setting_that_cannot_be_is_refused(name, value):
    with pytest.raises(SettingsError, match=f"{name} cannot be"):
        read(**{name: value})
