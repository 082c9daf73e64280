"""`qwa serve` as a process: what it says, how it is stopped, and what it refuses to begin with."""

import os
import signal
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

STORIES = Path(__file__).parents[1] / "stories"


class Process:
    """A running `qwa serve`; its stderr is read until it says where it listens."""

    def __init__(self, child: subprocess.Popen, quiet: bool) -> None:
        self.child, self.lines = child, []
        while not quiet and not any("try: curl" in line for line in self.lines):
            line = child.stderr.readline()
            assert line, f"it ended: {self.lines}"
            self.lines.append(line.rstrip())
        where = [line for line in self.lines if "listening on" in line]
        self.url = where[0].rpartition(" ")[2].removesuffix("/v1") if where else ""

    def end(self, number: int) -> int:
        self.child.send_signal(number)
        return self.child.wait(60)

    def ask(self, text="hi", **fields):
        body = {"messages": [{"role": "user", "content": text}], **fields}
        return httpx.post(f"{self.url}/v1/chat/completions", json=body, timeout=60)


@contextmanager
def started(*arguments, quiet=False, **env):
    child = subprocess.Popen(
        [sys.executable, "-m", "qwa", "serve", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(STORIES / "installed"), **env},
    )
    try:
        yield Process(child, quiet)
    finally:
        child.kill()
        child.communicate()


@pytest.fixture
def refused():
    """Run `qwa serve` that doesn't begin, and return its exit code and what it said."""

    def run(*arguments, **env):
        done = subprocess.run(
            [sys.executable, "-m", "qwa", "serve", *map(str, arguments)],
            capture_output=True,
            text=True,
            timeout=60,
            env={**os.environ, "PYTHONPATH": str(STORIES / "installed"), **env},
            check=False,
        )
        assert done.stdout == ""
        assert "Traceback" not in done.stderr
        return done.returncode, done.stderr

    return run


def test_it_says_who_answers_where_and_how_to_ask(said):
    with started("--engine", "embedded", "--port", 0) as server:
        engine, listening, example = server.lines
        assert engine.startswith("engine: embedded:")
        assert listening.startswith("listening on http://127.0.0.1:")
        command = example.removeprefix("try: ").replace("clip.mp3", str(said))
        written = subprocess.run(command, shell=True, capture_output=True, text=True, check=True)
        assert "budget" in written.stdout
        assert server.end(signal.SIGTERM) == 0


def test_sigterm_lets_a_request_finish_and_exits_with_0(tmp_path, soon):
    with started("--engine", "echo:slow", "--port", 0, "--lazy", ECHO_SEEN=str(tmp_path)) as server:
        with httpx.stream(
            "POST",
            f"{server.url}/v1/chat/completions",
            json={"messages": [{"role": "user", "content": "hi"}], "stream": True},
            timeout=60,
        ) as reply:
            lines = reply.iter_lines()
            while "one" not in next(lines):
                pass
            server.child.send_signal(signal.SIGTERM)
            soon(lambda: not _is_up(server.url))  # nobody listens any more
            for word in ("one", "two", "three"):
                (tmp_path / word).touch()
            rest = "\n".join(lines)
        assert "three" in rest
        assert "data: [DONE]" in rest
        assert server.child.wait(60) == 0


def test_what_is_not_finished_in_the_time_of_grace_is_ended(tmp_path, soon):
    options = ("--engine", "echo:slow", "--port", 0, "--lazy", "--grace", 0.3)
    with started(*options, ECHO_SEEN=str(tmp_path)) as server:
        replies = []
        asking = threading.Thread(target=lambda: replies.append(server.ask()), daemon=True)
        asking.start()
        soon(lambda: "qwa_requests_running 1.0" in httpx.get(f"{server.url}/metrics").text)
        assert server.end(signal.SIGTERM) == 0
        asking.join(60)
        assert replies[0].status_code == 503


def test_a_second_signal_ends_what_the_first_let_go_on(tmp_path, soon):
    options = ("--engine", "echo:slow", "--port", 0, "--lazy", "--grace", 600)
    with started(*options, ECHO_SEEN=str(tmp_path)) as server:
        replies = []
        asking = threading.Thread(target=lambda: replies.append(server.ask()), daemon=True)
        asking.start()
        soon(lambda: "qwa_requests_running 1.0" in httpx.get(f"{server.url}/metrics").text)
        server.child.send_signal(signal.SIGTERM)
        soon(lambda: not _is_up(server.url))
        assert server.end(signal.SIGTERM) == 0
        asking.join(60)
        assert replies[0].status_code == 503


def test_ctrl_c_stops_it_in_the_same_way_and_exits_with_130():
    with started("--engine", "echo:fast", "--port", 0) as server:
        assert server.ask().status_code == 200
        assert server.end(signal.SIGINT) == 130
        assert "Traceback" not in server.child.stderr.read()


def _is_up(url):
    try:
        return httpx.get(f"{url}/health/live").status_code == 200
    except httpx.TransportError:
        return False


def test_quiet_is_quiet_and_verbose_tells_of_requests(soon):
    with started("--engine", "echo:fast", "--port", 0, "--verbose") as server:
        assert server.ask("hello").status_code == 200
        assert server.end(signal.SIGTERM) == 0
        told = server.child.stderr.read()
        assert "POST /v1/chat/completions 200 " in told
        assert "hello" not in told
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with started("--engine", "echo:fast", "--port", port, "--quiet", quiet=True) as server:
        server.url = f"http://127.0.0.1:{port}"
        soon(lambda: _is_up(server.url))
        assert server.ask().status_code == 200
        assert server.end(signal.SIGTERM) == 0
        assert server.child.stderr.read() == server.child.stdout.read() == ""


def test_options_reach_the_server(tmp_path, beep):
    (tmp_path / "tokens").write_text("secret-of-the-test\n")
    options = ("--engine", "echo:fast", "--engine", "echo:terse", "--model-name", "gpt-4o")
    options += ("--port", 0, "--token-file", tmp_path / "tokens", "--root", beep.parent)
    options += ("--limit", "clips=1", "--max-tokens", 33, "--allow-host", "ears.example")
    with started(*options) as server:
        assert "warning: echo:terse knows no --max-tokens" in server.lines
        assert {"engine: echo:fast", "engine: echo:terse"} <= set(server.lines)
        assert "Authorization: Bearer $QWA_SERVE_TOKEN" in server.lines[-1]
        headers = {"authorization": "Bearer secret-of-the-test", "host": "ears.example"}
        with httpx.Client(base_url=server.url, headers=headers, timeout=60) as client:
            listed = [each["id"] for each in client.get("/v1/models").json()["data"]]
            audio = {"type": "audio_url", "audio_url": {"url": str(beep)}}
            asked = {"role": "user", "content": [audio, {"type": "text", "text": "?"}]}
            body = {"model": "gpt-4o", "messages": [asked]}
            one = client.post("/v1/chat/completions", json=body)
            asked["content"].append(audio)
            two = client.post("/v1/chat/completions", json=body)
            closed = client.get("/v1/models", headers={"authorization": ""})
    assert listed == ["echo:fast", "echo:terse"]
    assert '"max_tokens": 33' in one.json()["choices"][0]["message"]["content"]
    assert (one.status_code, two.status_code, closed.status_code) == (200, 413, 401)


def test_off_this_machine_a_token_is_demanded(refused):
    for host in ("0.0.0.0", "::", "192.0.2.1"):
        code, told = refused("--engine", "echo:fast", "--host", host, "--port", 0)
        assert code == 2
        assert "a token is demanded" in told
        assert "QWA_SERVE_TOKEN" in told
    code, told = refused("--engine", "echo:fast", "--host", "0.0.0.0", QWA_SERVE_TOKEN=" ")
    assert code == 2


def test_with_a_token_it_listens_to_all(tmp_path):
    options = ("--engine", "echo:fast", "--host", "0.0.0.0", "--port", 0)
    with started(*options, QWA_SERVE_TOKEN="secret-of-the-test") as server:
        url = server.url.replace("0.0.0.0", "127.0.0.1")
        assert httpx.get(f"{url}/v1/models").status_code == 401
        headers = {"authorization": "Bearer secret-of-the-test"}
        assert httpx.get(f"{url}/v1/models", headers=headers).status_code == 200
        assert not any("secret" in line for line in server.lines)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--limit", "body=3"), "no limit is called 'body'"),
        (("--limit", "clips=0"), "a whole number above 0"),
        (("--limit", "gather=soon"), "a number above 0"),
        (("--limit", "clips=1", "--limit", "clips=2"), "twice"),
        (("--root", "/nowhere/at/all"), "no folder"),
        (("--allow-private",), "--allow-url-host"),
        (("--token-file", "/nowhere/at/all"), "can't be read"),
        (("--engine", "nobody"), "no engine is called"),
        (("--engine", "echo", "--engine", "echo:"), "same name"),
        (("--port", "70000"), "70000"),
    ],
)
def test_what_cannot_be_is_said_before_it_begins(refused, options, says):
    code, told = refused(*options)
    assert code == 2
    assert says in told


def test_a_port_that_is_taken_is_told_in_two_lines(refused):
    with started("--engine", "echo:fast", "--port", 0) as server:
        port = server.url.rpartition(":")[2]
        code, told = refused("--engine", "echo:fast", "--port", port)
        assert code == 2
        assert told.splitlines() == [
            f"qwa: error: port {port} on '127.0.0.1' is in use by another program",
            "hint: --port 0 takes any that is free",
        ]
        assert server.ask().status_code == 200


def test_an_engine_that_cannot_answer_ends_the_server_at_its_start(refused, tmp_path):
    folder = tmp_path / "Broken-Audio-Instruct"
    from qwen_audio_tools.testing.made_checkpoints import write_checkpoint

    write_checkpoint(folder)
    weights = next(folder.glob("*.safetensors"))
    weights.write_bytes(weights.read_bytes()[:1000])
    code, told = refused("--engine", f"transformers:{folder}", "--port", 0, "--device", "cpu")
    assert code == 6
    assert "qwa: error:" in told
