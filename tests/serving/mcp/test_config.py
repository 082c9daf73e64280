"""How an agent is told of the server: what `--print-config` prints starts it."""

import json
import os
import subprocess
import sys

import pytest
from mcp.client.stdio import StdioServerParameters


def _qwa(*words, cwd, **environment):
    return subprocess.run(
        [sys.executable, "-m", "qwa", "mcp", *map(str, words)],
        cwd=cwd,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize("words", [(), ("--root", "."), ("--root=sub/..",)])
def test_the_printed_configuration_starts_the_server_from_anywhere(folder, connect, words):
    printed = _qwa(*words, "--engine", "embedded", "--print-config", cwd=folder)
    assert printed.stderr == ""
    entry = json.loads(printed.stdout)["mcpServers"]["qwa"]
    agent = connect(StdioServerParameters(**entry, cwd="/", env=dict(os.environ)))
    assert "16000 Hz" in agent.text("audio_info", audio="said.wav")


def test_the_configuration_for_http_names_the_token_but_does_not_hold_it(folder):
    secret = "a-token-for-tests-only-3f9c"
    run = _qwa("--http", "--port", "9000", "--print-config", cwd=folder, QWA_MCP_TOKEN=secret)
    entry = json.loads(run.stdout)["mcpServers"]["qwa"]
    assert entry["url"] == "http://127.0.0.1:9000/mcp"
    assert entry["headers"] == {"Authorization": "Bearer ${QWA_MCP_TOKEN}"}
    assert secret not in run.stdout + run.stderr


def test_the_folders_of_the_settings_hold_unless_others_are_named(folder, tmp_path):
    for words, found in (((), folder / "sub"), (("--root", tmp_path), tmp_path)):
        run = _qwa(*words, "--print-config", cwd=folder, QWA_ROOTS=str(folder / "sub"))
        args = json.loads(run.stdout)["mcpServers"]["qwa"]["args"]
        assert args[-2:] == ["--root", str(found)]


@pytest.mark.parametrize(
    ("words", "variables"),
    [
        (("--archive", "archive"), {}),
        (("--archive=archive",), {}),
        ((), {"QWA_ARCHIVE": "archive"}),
        (("--archive", "archive", "--root", "Made Radio"), {"QWA_ARCHIVE": "/no/such/archive"}),
    ],
)
def test_the_printed_configuration_names_the_archive_for_anywhere(made, connect, words, variables):
    cwd = made.archive.folder.parent
    printed = _qwa(*words, "--engine", "embedded", "--print-config", cwd=cwd, **variables)
    assert printed.stderr == ""
    entry = json.loads(printed.stdout)["mcpServers"]["qwa"]
    assert entry["args"][-2:] == ["--archive", str(made.archive.folder)]
    agent = connect(StdioServerParameters(**entry, cwd="/", env=dict(os.environ)))
    assert "4 episodes" in agent.text("list_episodes")


def test_with_an_archive_alone_a_server_may_be_started_in_the_root_folder(made, connect, command):
    server = command("--archive", made.archive.folder, "--engine", "embedded")
    server.cwd = "/"
    agent = connect(server)
    (tool, *_) = agent.do(agent.client.list_tools).tools
    assert f"a path in {made.archive.folder} or " in tool.description
    assert "outside the allowed folders" in agent.error("audio_info", audio="/etc/hostname")


def test_an_archive_of_the_settings_can_be_left_out_and_need_not_be_there_yet(made, folder):
    place = str(made.archive.folder)
    run = _qwa("--engine", "embedded", cwd=folder, QWA_ARCHIVE=place)
    assert f"archive {place}" in run.stderr
    run = _qwa("--engine", "embedded", "--no-archive", cwd=folder, QWA_ARCHIVE=place)
    assert (run.returncode, place in run.stderr) == (0, False)
    run = _qwa("--engine", "embedded", cwd=folder, QWA_ARCHIVE=str(folder / "none"))
    assert (run.returncode, run.stdout) == (0, "")
    assert "warning: without an archive: there is no archive in" in run.stderr


def test_an_archive_that_is_named_must_be_there(folder):
    run = _qwa("--archive", folder, cwd=folder)
    assert (run.returncode, run.stdout) == (3, "")
    assert "there is no archive in" in run.stderr.splitlines()[0]


@pytest.mark.parametrize(
    ("words", "cwd", "why"),
    [
        (("--archive", "a", "--no-archive"), "/tmp", "not for the same server"),
        ((), "/", "every file would be allowed"),
        (("--root", "/no/such/folder"), "/", "is no folder"),
        (("--port", "1"), "/tmp", "only together with --http"),
        (("--engine", "none-such"), "/tmp", "no engine is called"),
    ],
)
def test_what_cannot_be_served_ends_with_one_line_and_a_hint(words, cwd, why):
    run = _qwa(*words, cwd=cwd)
    assert run.returncode == 2
    assert run.stdout == ""
    (line, hint) = run.stderr.splitlines()
    assert why in line
    assert hint.startswith("hint: ")


def test_when_the_agent_leaves_the_server_ends(folder):
    run = _qwa("--engine", "embedded", cwd=folder)
    assert (run.returncode, run.stdout) == (0, "")
    assert str(folder) in run.stderr
