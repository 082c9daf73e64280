"""Servers of tests start, say why when they can't, and leave nothing behind."""

import subprocess
import sys
import time
from pathlib import Path

import httpx2
import pytest

from tests.servers.running import ServerFailedError, free_port, running

SERVES = """
import http.server, subprocess, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/health" else 404)
        self.end_headers()
        self.wfile.write(str(child.pid).encode())
stubborn = "import signal, time; signal.signal(15, signal.SIG_IGN); time.sleep(600)"
child = subprocess.Popen([sys.executable, "-c", stubborn])
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


def start(tmp_path, code, patience=60.0):
    port = free_port()
    command = [sys.executable, "-c", code, str(port)]
    return running(command, port=port, model="m", log=tmp_path / "log", patience=patience)


def is_alive(pid):
    """A process that has ended and waits to be collected counts as gone."""
    try:
        with open(f"/proc/{pid}/stat") as file:  # noqa: PTH123
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_server_answers_inside_the_block_and_is_gone_with_its_children_after_it(tmp_path):
    with start(tmp_path, SERVES) as server:
        child = int(httpx2.get(f"{server.root}/health").text)
        assert is_alive(child)
    assert not is_alive(child)
    with pytest.raises(httpx2.ConnectError):
        httpx2.get(f"{server.root}/health")


def test_a_server_is_gone_when_the_block_fails(tmp_path):
    children = []

    def fail():
        with start(tmp_path, SERVES) as server:
            children.append(int(httpx2.get(f"{server.root}/health").text))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert not is_alive(*children)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ties a process to its parent")
@pytest.mark.timeout(60)
def test_a_server_is_gone_when_the_tests_are_killed(tmp_path):
    (tmp_path / "health").touch()
    port = free_port()
    running_file = str(Path(__file__).with_name("running.py"))
    code = f"""
import runpy, pathlib, sys, time
start = runpy.run_path({running_file!r})["running"]
command = [sys.executable, "-m", "http.server", "--bind", "127.0.0.1", "{port}"]
here = pathlib.Path({str(tmp_path)!r})
with start(command, port={port}, model="m", log=here / "log", cwd=here):
    print("ready", flush=True)
    time.sleep(600)
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as tests:
        assert tests.stdout.readline() == b"ready\n"
        tests.kill()
    while answers(f"http://127.0.0.1:{port}/health"):
        time.sleep(0.05)


def answers(url):
    try:
        return httpx2.get(url).status_code == 200
    except httpx2.TransportError:
        return False


def test_a_server_that_ends_is_not_waited_for_and_its_log_is_told(tmp_path):
    with (
        pytest.raises(ServerFailedError, match=r"ended with code 3(?s:.*)no such model"),
        start(tmp_path, "import sys; print('no such model'); sys.exit(3)"),
    ):
        pass


def test_a_server_that_never_answers_is_given_up(tmp_path):
    code = "print('loading', flush=True); import time; time.sleep(600)"
    told = r"did not answer in 1 s(?s:.*)loading"
    with pytest.raises(ServerFailedError, match=told), start(tmp_path, code, patience=1.0):
        pass
