"""Who may ask: hosts, origins and tokens."""

import pytest

from qwen_audio_tools.errors import SettingsError
from qwen_audio_tools.serving.http.guarding import Guard
from qwen_audio_tools.serving.listening import is_loopback, listen
from qwen_audio_tools.serving.tokens import Tokens

SECRET, OTHER = "secret-of-the-test", "other-of-the-test"


def _get(running, path="/v1/models", **headers):
    with running.client() as client:
        return client.get(path, headers={name.replace("_", "-"): v for name, v in headers.items()})


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", 200),
        ("LOCALHOST:8000", 200),
        ("localhost.", 200),
        ("127.0.0.1:9", 200),
        ("[::1]:9", 200),
        ("192.168.1.7", 200),  # an address is no name that somebody else could lead here
        ("evil.example", 403),
        ("localhost.evil.example", 403),
        ("127.0.0.1.evil.example", 403),
        ("", 403),
    ],
)
def test_a_name_that_was_led_here_is_refused(serve, telling, error, host, status):
    reply = _get(serve(telling()), host=host)
    assert reply.status_code == status
    if status == 403:
        assert error(reply)["code"] == "host_refused"
        assert "--allow-host" in error(reply)["message"]


def test_a_host_that_is_allowed_is_answered(serve, telling):
    running = serve(telling(), guard=Guard(hosts=("localhost", "ears.example")))
    assert _get(running, host="ears.example:443").status_code == 200


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost:3000"])
def test_pages_of_others_may_not_ask(serve, telling, error, origin):
    running = serve(telling())
    reply = _get(running, origin=origin)
    assert reply.status_code == 403
    assert error(reply)["code"] == "origin_refused"
    assert "access-control-allow-origin" not in reply.headers
    with running.client() as client:
        asked = client.options(
            "/v1/chat/completions",
            headers={"origin": origin, "access-control-request-method": "POST"},
        )
    assert asked.status_code == 403
    assert running.answers()


def test_pages_that_are_allowed_may_ask_and_read_errors_too(serve, telling):
    guard = Guard(origins=("https://app.example",), tokens=Tokens.of([SECRET]))
    running = serve(telling(), guard=guard)
    origin = "https://app.example"
    with running.client() as client:
        asked = client.options(
            "/v1/chat/completions",
            headers={
                "origin": origin,
                "access-control-request-method": "POST",
                "access-control-request-headers": "authorization,content-type",
            },
        )
        refused = client.get("/v1/models", headers={"origin": origin})
        told = client.get(
            "/v1/models", headers={"origin": origin, "authorization": f"Bearer {SECRET}"}
        )
        other = client.get("/v1/models", headers={"origin": "https://b.example"})
    assert [r.status_code for r in (asked, refused, told, other)] == [200, 401, 200, 403]
    for reply in (asked, refused, told):
        assert reply.headers["access-control-allow-origin"] == origin
    assert "authorization" in asked.headers["access-control-allow-headers"]
    assert "access-control-allow-origin" not in other.headers


@pytest.mark.parametrize(
    "given",
    ["", "Bearer", "Bearer wrong", f"Basic {SECRET}", SECRET, f"Bearer {SECRET} x", "Bearer é"],
)
def test_without_the_token_nothing_is_answered(serve, telling, error, given):
    running = serve(telling(), guard=Guard(tokens=Tokens.of([SECRET, OTHER])))
    for path in ("/v1/models", "/metrics", "/v1/nothing"):
        with running.client() as client:
            reply = client.get(path, headers={"authorization": given.encode()})
        assert reply.status_code == 401
        assert reply.headers["www-authenticate"] == "Bearer"
        assert error(reply)["code"] == "invalid_api_key"


def test_any_of_the_tokens_opens_and_health_needs_none(serve, telling):
    running = serve(telling(), guard=Guard(tokens=Tokens.of([SECRET, OTHER])))
    for token in (SECRET, OTHER):
        assert _get(running, authorization=f"Bearer {token}").status_code == 200
    assert _get(running, "/health").status_code == 200
    assert _get(running, "/health/live").status_code == 200
    assert _get(running, "/healthy").status_code == 401


def test_openai_s_client_brings_the_token_as_its_key(serve, telling):
    import openai

    running = serve(telling(), guard=Guard(tokens=Tokens.of([SECRET])))
    with openai.OpenAI(base_url=f"{running.url}/v1", api_key=SECRET) as client:
        assert [model.id for model in client.models.list()] == ["telling:telling-1"]
    with (
        openai.OpenAI(base_url=f"{running.url}/v1", api_key="guess") as client,
        pytest.raises(openai.AuthenticationError),
    ):
        client.models.list()


@pytest.mark.parametrize(
    ("host", "here"),
    [
        ("127.0.0.1", True),
        ("localhost", True),
        ("::1", True),
        ("127.0.0.53", True),
        ("0.0.0.0", False),
        ("::", False),
        ("", False),
        ("192.0.2.1", False),
        ("no such host", False),
    ],
)
def test_it_is_known_who_reaches_an_address(host, here):
    assert is_loopback(host) is here


def test_small_answers_wait_for_no_acknowledgement():
    """asyncio turns Nagle's algorithm off for what says that it is TCP, and for nothing else."""
    import socket

    with listen("127.0.0.1", 0) as listening:
        assert listening.proto == socket.IPPROTO_TCP
        with (
            socket.create_connection(listening.getsockname()),
            listening.accept()[0] as accepted,
        ):
            assert accepted.proto == socket.IPPROTO_TCP


def test_a_port_that_is_taken_is_said(tmp_path):
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SettingsError, match=f"port {port} .* in use"):
            listen("127.0.0.1", port)
    with pytest.raises(SettingsError, match="nothing can listen"):
        listen("192.0.2.1", 0)
