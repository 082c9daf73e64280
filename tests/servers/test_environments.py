"""Environments for servers: built once, whole or not at all, and again when their pins change."""

import os
import subprocess
import threading
import time

import pytest

from tests.servers import environments
from tests.servers.environments import EnvironmentFailedError


@pytest.fixture
def pins(tmp_path, monkeypatch):
    """A folder of requirement files, and an empty folder for environments."""
    monkeypatch.setenv("QWA_TEST_SERVERS", str(tmp_path / "built"))
    folder = tmp_path / "pins"
    folder.mkdir()
    (folder / "tool.txt").write_text("# nothing\n")
    (folder / "tool-alone.txt").write_text("# nothing\n")
    return folder


def test_an_environment_is_built_once_for_all_who_ask_at_a_time(pins):
    pythons = []
    askers = [
        threading.Thread(target=lambda: pythons.append(environments.python_of("tool", pins)))
        for _ in range(2)
    ]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join()
    first, second = pythons
    assert first == second
    assert environments.is_built("tool", pins)
    mark = first.parent / "mark"
    mark.touch()
    environments.python_of("tool", pins)
    assert mark.exists()
    subprocess.run([first, "-c", "import pip"], check=True)


def test_other_pins_are_another_environment(pins):
    before = environments.folder_of("tool", pins)
    (pins / "tool.txt").write_text("# something else\n")
    assert environments.folder_of("tool", pins) != before


def test_what_an_interrupted_build_left_is_removed(pins):
    rest = environments.folder_of("tool", pins) / "half"
    rest.parent.mkdir(parents=True)
    rest.touch()
    assert not environments.is_built("tool", pins)
    environments.python_of("tool", pins)
    assert not rest.exists()


def test_environments_of_older_pins_go_when_nobody_uses_them_for_a_month(pins):
    old, recent = (environments.root() / f"tool-{name}" for name in ("old", "recent"))
    for folder, days in ((old, 31), (recent, 29)):
        folder.mkdir(parents=True)
        (folder / "made").touch()
        last_used = time.time() - days * 86_400
        os.utime(folder / "made", (last_used, last_used))
    environments.python_of("tool", pins)
    assert recent.exists()
    assert not old.exists()


def test_a_failure_tells_what_the_package_client_said_and_leaves_nothing_usable(pins):
    (pins / "tool-alone.txt").write_text("no-such-folder/wheel.whl\n")
    with pytest.raises(EnvironmentFailedError, match=r"no-such-folder"):
        environments.python_of("tool", pins)
    assert not environments.is_built("tool", pins)


def test_where_a_server_cannot_be_had_the_reason_is_told(monkeypatch):
    monkeypatch.setattr(environments.platform, "machine", lambda: "arm64")
    assert "arm64" in environments.why_not("vllm")
    monkeypatch.setattr(environments.platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(environments.sys, "platform", "linux")
    assert environments.why_not("vllm") == ""
