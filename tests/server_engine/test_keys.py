"""Keys: where they come from, to whom they go, and that nobody else ever sees them."""

import json
import logging
import pickle
import traceback

import pytest

from qwen_audio_tools import ask
from qwen_audio_tools.engines.server.addresses import addresses
from qwen_audio_tools.engines.server.dialects import hosting
from qwen_audio_tools.engines.server.engine import open_server
from qwen_audio_tools.engines.server.keys import Key, key_of
from qwen_audio_tools.errors import EngineRefused, QwenAudioError, SettingsError
from qwen_audio_tools.settings import read
from qwen_audio_tools.testing.server_reactions import drops, fails, streams

SECRET = "sk-very-secret-8f3a9c2e"


@pytest.fixture
def secret(monkeypatch) -> str:
    monkeypatch.setenv("QWA_SERVER_KEY", SECRET)
    return SECRET


def key_for(url: str, **settings: object) -> str:
    (address,) = addresses([url])
    return key_of(address, hosting(address.host), read(**settings)).reveal()


def test_the_key_goes_with_every_request(secret, serve, engine_of, alarm):
    server = serve()
    ask(alarm, "What is heard?", engine=engine_of(server))
    assert server.asked[0].headers["authorization"] == f"Bearer {SECRET}"
    assert {headers["authorization"] for _, headers in server.paths} == {f"Bearer {SECRET}"}


def test_without_a_key_none_is_sent(serve, engine_of, alarm):
    server = serve()
    ask(alarm, "What is heard?", engine=engine_of(server))
    assert "authorization" not in server.asked[0].headers


def test_a_key_is_read_from_a_file_and_the_environment_comes_first(tmp_path, monkeypatch):
    file = tmp_path / "key"
    file.write_text(f"  {SECRET}\n")
    assert key_for("http://10.0.0.1/v1", server_key_file=str(file)) == SECRET
    monkeypatch.setenv("QWA_SERVER_KEY", "another")
    assert key_for("http://10.0.0.1/v1", server_key_file=str(file)) == "another"


def test_the_key_of_a_provider_goes_to_that_provider_alone(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    assert key_for("https://api.openai.com/v1") == SECRET
    assert key_for("https://dashscope.aliyuncs.com/compatible-mode/v1") == ""
    assert key_for("http://127.0.0.1:8000/v1") == ""
    assert key_for("https://api.openai.com.example.org/v1") == ""


@pytest.mark.parametrize("value", ["two words", "schlüssel", "line\nline"])
def test_what_is_no_key_is_refused_without_being_shown(value, monkeypatch):
    monkeypatch.setenv("QWA_SERVER_KEY", value)
    with pytest.raises(SettingsError, match="QWA_SERVER_KEY holds no key") as caught:
        key_for("http://127.0.0.1:8000/v1")
    assert value not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b"a b"])
def test_a_file_without_a_key_is_refused(content, tmp_path):
    file = tmp_path / "key"
    file.write_bytes(content)
    with pytest.raises(SettingsError, match=r"holds no key|cannot be read: it is no text"):
        key_for("http://127.0.0.1/v1", server_key_file=str(file))


def test_a_key_file_that_is_not_there(tmp_path):
    with pytest.raises(SettingsError, match="cannot be read: No such file"):
        key_for("http://127.0.0.1/v1", server_key_file=str(tmp_path / "none"))


def test_a_key_shows_itself_nowhere():
    key = Key(SECRET)
    assert SECRET not in f"{key!r} {key} {vars(type(key))}"
    assert key.hidden_in(f"wrong key {SECRET}!") == "wrong key …!"
    with pytest.raises(TypeError):
        pickle.dumps(key)


TELLTALES = [
    fails(400, {"error": {"message": f"bad key {SECRET}"}}),
    fails(401, {"error": {"message": f"Incorrect API key provided: {SECRET}"}}),
    fails(403, f"<h1>{SECRET} is not welcome</h1>", "text/html"),
    fails(404, {"detail": SECRET}),
    fails(429, {"error": {"message": SECRET}}, Retry_After="0"),
    fails(500, SECRET),
    fails(503, SECRET, Retry_After="0"),
    streams(json.dumps({"error": {"message": SECRET}}).join(["data: ", "\n\n"]).encode()),
    streams(f"data: {SECRET}\n\n".encode()),
    fails(200, SECRET, "text/plain"),
    drops(),
]
# What stands in a server's headers its client logs at DEBUG; that is between the two.
IN_HEADERS = [
    fails(200, "", f"text/{SECRET}"),
    fails(307, "", Location=f"/v1/other?key={SECRET}"),
]


@pytest.mark.parametrize(
    ("telltale", "level"),
    [(each, logging.DEBUG) for each in TELLTALES] + [(each, logging.INFO) for each in IN_HEADERS],
)
def test_a_server_that_tells_the_key_makes_none_of_ours_tell_it(
    telltale, level, secret, serve, engine_of, alarm, caplog
):
    caplog.set_level(level)
    engine = engine_of(serve(otherwise=telltale), server_timeout=3.0)
    with pytest.raises(QwenAudioError) as caught:
        ask(alarm, "What is heard?", engine=engine)
    error = caught.value
    told = "".join(traceback.format_exception(error))
    assert SECRET not in f"{error} {error.hint} {error!r} {told} {engine.info} {vars(engine)}"
    assert SECRET not in caplog.text


def test_a_listing_that_tells_the_key_is_not_repeated(secret, serve, engine_of, alarm):
    listing = {"data": [{"id": f"model-{SECRET}"}]}
    engine = engine_of(serve(listing=listing))
    with pytest.raises(EngineRefused, match="has no model") as caught:
        ask(alarm, "What is heard?", engine=engine)
    assert SECRET not in f"{caught.value} {caught.value.hint} {engine.states()}"


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed(status, secret, serve, engine_of, alarm):
    other = serve()
    server = serve(otherwise=fails(status, "", Location=f"{other.url}/chat/completions"))
    with pytest.raises(EngineRefused, match="neither question nor key is sent there"):
        ask(alarm, "What is heard?", engine=engine_of(server))
    assert (other.asked, other.paths) == ([], [])
    assert len(server.asked) == 1


def test_a_key_is_not_sent_over_plain_http_to_a_public_address(secret, alarm, engine_of):
    with pytest.raises(EngineRefused, match=r"is not sent to http://8.8.8.8.* in the clear"):
        ask(alarm, "What is heard?", engine=engine_of("http://8.8.8.8/v1"))


@pytest.mark.parametrize(
    "url", ["http://user:hunter2@host/v1", "http://hunter2@host/v1", "https://:hunter2@host"]
)
def test_an_address_with_a_password_is_refused_without_being_shown(url, monkeypatch):
    for settings, rest in ((read(), f"m@{url}"), (read(server_urls=[url]), "")):
        with pytest.raises(SettingsError, match="name or a password") as caught:
            open_server(rest, settings)
        assert "hunter2" not in f"{caught.value} {caught.value.hint}"
        assert "QWA_SERVER_KEY" in caught.value.hint
