"""What holds for every test: no network beyond this machine, and no touching of a user's files.

Model weights, and environments for servers, are what tests share with the user: they lie in the
cache, and are fetched into it by a package client in a process of its own, which the guard here
lets be.
"""

import ipaddress
import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

KEPT = {"QWA_CACHE", "QWA_OFFLINE", "QWA_TEST_SERVERS"}
session_folder = pytest.StashKey[Path]()


def pytest_configure(config: pytest.Config) -> None:
    """Set the environment before any test file is imported: ours and our children's."""
    folder = Path(tempfile.mkdtemp(prefix="qwa-tests-"))
    config.stash[session_folder] = folder
    for name in [name for name in os.environ if name.startswith("QWA_") and name not in KEPT]:
        del os.environ[name]
    hubs = ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_ENDPOINT", "HF_TOKEN")
    locale = ("LC_ALL", "LC_MESSAGES", "LANGUAGE")
    for name in ("FORCE_COLOR", "CLICOLOR_FORCE", *locale, *hubs):
        os.environ.pop(name, None)
    os.environ.update(
        QWA_CONFIG=str(folder / "config"),
        QWA_DATA=str(folder / "data"),
        QWA_ANALYSES=str(folder / "analyses"),
        HF_HOME=str(folder / "huggingface"),  # models of the user would change what `auto` picks
        MODELSCOPE_CACHE=str(folder / "modelscope"),
        HF_HUB_OFFLINE="1",
        OPENBLAS_NUM_THREADS="1",  # as the `qwa` command sets it
        HF_HUB_DISABLE_TELEMETRY="1",
        NO_COLOR="1",
        LANG="C.UTF-8",
        PYTHONUTF8="1",
        COLUMNS="100",
    )


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove what the tests kept for the session."""
    shutil.rmtree(config.stash[session_folder], ignore_errors=True)


class ConnectionBeyondLoopbackError(RuntimeError):
    """A test tried to reach another machine. No OSError: code that catches those can't hide it."""


def _stays_here(family: int, address: Any) -> bool:
    if family == getattr(socket, "AF_UNIX", None):
        return True
    host = str(address[0]).partition("%")[0]
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@pytest.fixture(autouse=True, scope="session")
def refuse_connections_beyond_loopback() -> Iterator[None]:
    """Make every way of connecting in this process refuse other machines."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("connect", "connect_ex"):
            patch.setattr(socket.socket, name, _guarded(getattr(socket.socket, name)))
        yield


def _guarded(connect: Any) -> Any:
    def guarded(self: socket.socket, address: Any) -> Any:
        if not _stays_here(self.family, address):
            raise ConnectionBeyondLoopbackError(f"a test tried to connect to {address!r}")
        return connect(self, address)

    return guarded
