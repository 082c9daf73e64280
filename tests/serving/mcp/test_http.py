"""Agents over HTTP: a token, the names of the server, and the same tools."""

import re
import signal
import subprocess
import sys
from concurrent.futures import CancelledError
from contextlib import asynccontextmanager, contextmanager

import httpx2
import pytest
from mcp.client.streamable_http import streamable_http_client

TOKEN = "a-token-for-tests-only-3f9c"
ERAS = ("auto", "legacy")


@contextmanager
def served(command, *words):
    """Run `qwa mcp --http` on a free port; yield its URL and process."""
    server = command("--http", "--port", "0", *words, QWA_MCP_TOKEN=TOKEN)
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    line = [server.command, *server.args]
    with subprocess.Popen(line, env=server.env, text=True, **pipes) as child:
        try:
            told = ""
            while not (found := re.search(r"MCP at (http\S+)", told)):
                told = child.stderr.readline()
                assert told, "the server ended before it listened"
            yield found[1], child
        finally:
            child.kill()


@pytest.fixture(scope="module")
def url(command, folder):
    with served(command, "--root", folder, "--engine", "embedded") as (found, _):
        yield found


@pytest.fixture
def through(connect):
    """Connect an agent to a URL with a token."""

    @asynccontextmanager
    async def streams(url, token):
        headers = {"Authorization": f"Bearer {token}"}
        async with (
            httpx2.AsyncClient(headers=headers, timeout=300) as client,
            streamable_http_client(url, http_client=client) as found,
        ):
            yield found

    return lambda url, era="auto", token=TOKEN: connect(streams(url, token), era)


@pytest.mark.parametrize("era", ERAS)
def test_an_agent_asks_over_http(through, url, folder, era):
    agent = through(url, era)
    tools = agent.do(agent.client.list_tools).tools
    assert len(tools) == 5
    assert all(str(folder) in tool.description for tool in tools)
    heard = []

    async def tell(done, total, words):
        heard.append(done)

    call = agent.begin("ask_audio", tell, question="what is the budget?", audio="said.wav")
    result = call.result(timeout=280)
    assert "budget" in agent.said(result)
    assert result.structured_content["coverage"]["gaps"] == []
    assert "outside the allowed folders" in agent.error("transcribe", audio="/etc/passwd")


@pytest.mark.parametrize("era", ERAS)
def test_an_archive_is_searched_and_heard_over_http(command, through, made, era):
    words = ("--root", made.archive.folder, "--archive", made.archive.folder)
    with served(command, *words, "--engine", "embedded") as (url, _):
        agent = through(url, era)
        found = agent.call("search_archive", query="noon in the village", count=1)
        (place,) = found.structured_content["found"]
        span = {"audio": place["audio"], "start_s": place["start"], "end_s": place["end"]}
        assert agent.text("ask_audio", question="does a bell ring?", **span).startswith("Yes")
        assert "Tomatoes" in agent.text("get_transcript", episode=place["episode"], end_s=2)
        assert "4 episodes" in agent.text("list_episodes")
        assert "no show is called" in agent.error("list_episodes", show="../..")


PING = {"jsonrpc": "2.0", "id": 1, "method": "ping"}


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"Authorization": f"Bearer {TOKEN}x"}, 401),
        ({"Authorization": f"Bearer {TOKEN[:-1]}"}, 401),
        ({"Authorization": "Bearer"}, 401),
        ({"Authorization": f"Basic {TOKEN}"}, 401),
        ({"Authorization": TOKEN}, 401),
        ({"Authorization": "Bearer é".encode("latin-1")}, 401),
        ({"Authorization": f"Bearer {TOKEN}", "Host": "evil.example"}, 421),
        ({"Authorization": f"Bearer {TOKEN}", "Host": "127.0.0.1.evil.example:80"}, 421),
        ({"Authorization": f"Bearer {TOKEN}", "Origin": "https://evil.example"}, 403),
        ({"Authorization": f"Bearer {TOKEN}", "Origin": "null"}, 403),
        ({"Authorization": f"Bearer {TOKEN}", "Origin": "file://127.0.0.1"}, 403),
    ],
)
def test_whoever_does_not_belong_here_is_refused(url, headers, status):
    answer = httpx2.post(url, json=PING, headers=headers)
    assert answer.status_code == status
    assert TOKEN not in answer.text
    assert ("www-authenticate" in answer.headers) == (status == 401)


def test_a_page_of_this_server_and_other_names_of_loopback_come_in(url):
    port = url.rpartition(":")[2].partition("/")[0]
    for headers in ({"Origin": f"http://localhost:{port}"}, {"Host": f"localhost:{port}"}):
        allowed = {"Authorization": f"bearer {TOKEN}", "Accept": "application/json", **headers}
        assert httpx2.post(url, json=PING, headers=allowed).status_code not in (401, 403, 421)


def test_a_body_that_is_too_large_is_refused_and_the_next_call_answered(url, through):
    headers = {"Authorization": f"Bearer {TOKEN}"}
    answer = httpx2.post(url, content=b"[" * (5 * 2**20), headers=headers)
    assert answer.status_code == 413
    assert "16000 Hz" in through(url).text("audio_info", audio="said.wav")


@pytest.mark.parametrize("era", ERAS)
def test_a_call_that_is_given_up_stops_its_listening(
    command, through, folder, tmp_path, appears, era
):
    words = ("--root", folder, "--engine", f"patient:{tmp_path}", "--at-once", "1")
    with served(command, *words) as (url, _):
        agent = through(url, era)
        call = agent.begin("ask_audio", question="a", audio="said.wav")
        assert appears(tmp_path / "begun a")
        call.cancel()
        assert appears(tmp_path / "ended a: stopped")
        with pytest.raises(CancelledError):
            call.result(timeout=60)
        (tmp_path / "let go b").touch()
        assert "b: done" in agent.text("ask_audio", question="b", audio="said.wav")


def test_a_signal_ends_the_server_in_the_middle_of_a_call(command, folder, tmp_path, appears):
    words = ("--root", folder, "--engine", f"patient:{tmp_path}")
    accepted = "application/json, text/event-stream"
    headers = {"Authorization": f"Bearer {TOKEN}", "Accept": accepted}
    hello = {"protocolVersion": "2025-06-18", "capabilities": {}}
    hello["clientInfo"] = {"name": "test", "version": "1"}
    question = {"name": "ask_audio", "arguments": {"question": "a", "audio": "said.wav"}}
    with served(command, *words) as (url, child), httpx2.Client(headers=headers) as client:
        opened = client.post(url, json={**PING, "method": "initialize", "params": hello})
        client.headers["mcp-session-id"] = opened.headers["mcp-session-id"]
        call = {**PING, "method": "tools/call", "params": question}
        with client.stream("POST", url, json=call) as answer:
            assert answer.status_code == 200
            assert appears(tmp_path / "begun a")
            child.send_signal(signal.SIGTERM)
            assert child.wait(timeout=120) == -signal.SIGTERM


def _run(command, *words, **environment):
    server = command("--http", "--port", "0", *words, **environment)
    run = subprocess.run(
        [sys.executable, *server.args],
        env=server.env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return run.returncode, run.stderr


def test_without_a_token_that_is_safe_nothing_is_served(command, folder, tmp_path):
    words = ("--root", folder, "--engine", "embedded")
    code, said = _run(command, *words, QWA_MCP_TOKEN="")
    assert (code, "a token is needed" in said) == (2, True)
    code, said = _run(command, *words, QWA_MCP_TOKEN="short")
    assert (code, "no safe one" in said, "short" in said) == (2, True, False)
    code, said = _run(command, *words, "--token-file", tmp_path / "none", QWA_MCP_TOKEN=TOKEN)
    assert (code, "can't be read" in said) == (2, True)
    code, said = _run(command, *words, "--host", "0.0.0.0", QWA_MCP_TOKEN=TOKEN)
    assert (code, "--allow-host NAME" in said) == (2, True)


def test_the_token_of_the_environment_opens_and_those_of_a_file(command, through, folder, tmp_path):
    (tmp_path / "token").write_text("# of the team\nanother-token-in-a-file\n")
    words = ("--root", folder, "--engine", "embedded", "--token-file", tmp_path / "token")
    with served(command, *words) as (url, _):
        headers = {"Authorization": "Bearer a-token-that-nobody-gave"}
        assert httpx2.post(url, json=PING, headers=headers).status_code == 401
        for token in (TOKEN, "another-token-in-a-file"):
            agent = through(url, token=token)
            assert "16000 Hz" in agent.text("audio_info", audio="said.wav")
