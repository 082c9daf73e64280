"""Servers in processes of their own on this machine: started, waited for, and surely stopped.

It knows no server in particular; conftest.py has the commands.
"""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx2

PATIENCE = 240.0
"""Seconds until a server must answer. vLLM needs 15 on two idle cores."""
GRACE = 10.0
"""Seconds that a server has to end by itself once it is told to."""
ALONE = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "DO_NOT_TRACK": "1",
    "VLLM_NO_USAGE_STATS": "1",
    "OMP_NUM_THREADS": "1",
    "PYTHONUNBUFFERED": "1",
    "no_proxy": "*",
}
"""The environment of every server: it asks no other machine, and leaves a core to the tests."""
_TIED = (
    *(sys.executable, "-S", "-c"),
    # PR_SET_PDEATHSIG: killed by the kernel when its parent dies, however that happens.
    "import ctypes, os, sys; ctypes.CDLL(None).prctl(1, 9); os.execv(sys.argv[1], sys.argv[1:])",
)


@dataclass(frozen=True, slots=True)
class Server:
    """A server that answers: its root without a path, the name of its model, and what it logs."""

    root: str
    model: str
    log: Path

    @property
    def base_url(self) -> str:
        """Where OpenAI's protocol begins, as its clients want it."""
        return f"{self.root}/v1"


class ServerFailedError(RuntimeError):
    """A server ended, or did not answer in time. The message has the end of its log."""


def free_port() -> int:
    """Return a port that was free a moment ago, for servers that can't say which one they took."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def running(
    command: list[str],
    *,
    port: int,
    model: str,
    log: Path,
    cwd: Path | None = None,
    environment: Mapping[str, str] = {},
    patience: float = PATIENCE,
) -> Iterator[Server]:
    """Run a server until the end of the block; inside, `GET /health` answers 200.

    Raises:
        ServerFailedError: it ended, or did not answer within `patience` seconds.
    """
    with log.open("wb") as written:
        process = subprocess.Popen(
            [*_TIED, *command] if sys.platform == "linux" else command,
            stdin=subprocess.DEVNULL,
            stdout=written,
            stderr=subprocess.STDOUT,
            cwd=cwd,
            env={**os.environ, **ALONE, **environment},
            start_new_session=True,  # its children stop with it
        )
    server = Server(root=f"http://127.0.0.1:{port}", model=model, log=log)
    try:
        _wait(server, process, patience)
        yield server
    finally:
        _stop(process)


def _wait(server: Server, process: "subprocess.Popen[bytes]", patience: float) -> None:
    deadline = time.monotonic() + patience
    with httpx2.Client(trust_env=False, verify=False, timeout=5.0) as client:
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise ServerFailedError(
                    f"the server ended with code {process.returncode}{_end_of(server.log)}"
                )
            with contextlib.suppress(httpx2.TransportError):
                if client.get(f"{server.root}/health").status_code == 200:
                    return
            time.sleep(0.1)
    raise ServerFailedError(f"the server did not answer in {patience:g} s{_end_of(server.log)}")


def _stop(process: "subprocess.Popen[bytes]") -> None:
    """End the server and all that it started: kindly first, and what is left by force."""
    _tell(process, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(GRACE)
    _tell(process, signal.SIGKILL)
    process.wait()
    deadline = time.monotonic() + GRACE  # for a machine on which nobody collects the dead
    while _tell(process, 0) and time.monotonic() < deadline:
        time.sleep(0.02)


def _tell(process: "subprocess.Popen[bytes]", what: int) -> bool:
    """Send a signal to the process and its children; return whether there are any left."""
    try:
        os.killpg(process.pid, what)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def _end_of(log: Path, lines: int = 60) -> str:
    text = log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:]
    return "; the end of its log:\n" + "\n".join(text)
