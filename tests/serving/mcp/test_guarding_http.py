"""The guard before an HTTP server: what it asks for, down to what no honest client sends."""

import asyncio

import pytest

from qwen_audio_tools.errors import SettingsError
from qwen_audio_tools.serving.mcp.guarding import Door, Guard, hosts_of
from qwen_audio_tools.serving.tokens import Tokens

TOKEN = "a-token-for-tests-only-3f9c"
HERE = hosts_of("127.0.0.1")
GOOD = [("host", "localhost:1"), ("authorization", f"Bearer {TOKEN}")]


def _status(headers, *, kind="http", hosts=HERE):
    """Return the status of an answer, 200 where the guard lets the request in."""
    sent = []

    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200})

    async def receive():
        return {"type": f"{kind}.request"}

    async def send(message):
        sent.append(message)

    scope = {"type": kind, "headers": [(k.encode(), v.encode("latin-1")) for k, v in headers]}
    asyncio.run(Guard(app, Door(tokens=Tokens.of([TOKEN]), hosts=hosts))(scope, receive, send))
    return sent[0].get("status", sent[0]["type"])


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:80", "127.0.0.1:9", "[::1]:9", "[::1]"])
def test_every_way_to_write_this_host_comes_in(host):
    assert _status([("host", host), GOOD[1]]) == 200


@pytest.mark.parametrize("host", ["", "localhost.evil", "evil:127.0.0.1", "[::2]:9", "127.0.0.2"])
def test_no_other_host_does(host):
    assert _status([("host", host), GOOD[1]]) == 421


@pytest.mark.parametrize("name", ["host", "authorization"])
def test_a_header_that_is_there_twice_counts_as_none(name):
    extra = dict(GOOD)[name]
    assert _status([*GOOD, (name, extra)]) == {"host": 421, "authorization": 401}[name]


def test_only_http_comes_in():
    assert _status(GOOD) == 200
    assert _status(GOOD, kind="lifespan") == 200
    assert _status(GOOD, kind="websocket") == "websocket.close"
    assert _status([], kind="websocket") == "websocket.close"


def test_a_server_is_called_by_the_names_that_it_was_given():
    assert hosts_of("localhost") == {"127.0.0.1", "localhost", "::1"}
    assert hosts_of("192.168.1.5", ["Ears.Example"]) == {"192.168.1.5", "ears.example"}
    assert hosts_of("0.0.0.0", ["ears.example"]) == {"ears.example"}
    for anywhere in ("0.0.0.0", "::", ""):
        with pytest.raises(SettingsError, match="any name could lead here"):
            hosts_of(anywhere)
    origin = [("host", "ears.example"), GOOD[1], ("origin", "https://ears.example")]
    assert _status(origin, hosts=hosts_of("0.0.0.0", ["ears.example"])) == 200
