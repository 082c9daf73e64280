"""Agents that start a real `qwa mcp` and speak to it with the official client."""

import os
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio.from_thread
import pytest
from mcp import Client
from mcp.client.stdio import StdioServerParameters
from mcp_types import CallToolResult

from qwen_audio_tools.testing import doorbell, sequence, silence, speech, write
from qwen_audio_tools.testing.made_archives import MadeArchive, made_archive

INSTALLED = str(Path(__file__).parent / "installed")
ERAS = ("auto", "legacy")
"""How the client opens: by the protocol of 2026, or by the handshake of those before it."""


@dataclass(frozen=True, slots=True)
class Agent:
    """A connected client, to be used from synchronous tests."""

    client: Client
    portal: anyio.from_thread.BlockingPortal

    def do(self, request: Callable[..., Any], *arguments: Any) -> Any:
        return self.portal.call(request, *arguments)

    def call(self, name: str, **arguments: Any) -> CallToolResult:
        return self.portal.call(self.client.call_tool, name, arguments)

    def begin(self, name: str, tell: Any = None, **arguments: Any) -> "Future[CallToolResult]":
        """Start a call; cancelling the future cancels it."""

        async def run() -> CallToolResult:
            return await self.client.call_tool(name, arguments, progress_callback=tell)

        return self.portal.start_task_soon(run)

    def text(self, name: str, **arguments: Any) -> str:
        """Return the text of a call that went well."""
        return self.said(self.call(name, **arguments))

    def error(self, name: str, **arguments: Any) -> str:
        """Return the text of a call that failed."""
        return self.said(self.call(name, **arguments), failed=True)

    @staticmethod
    def said(result: CallToolResult, *, failed: bool = False) -> str:
        """Return the text of a result, beside which there are only links to recordings."""
        block, *links = result.content
        assert block.type == "text"
        assert {link.type for link in links} <= {"resource_link"}
        assert result.is_error == failed, block.text
        return block.text


@contextmanager
def connection(server: Any, era: str = "auto") -> Iterator[Agent]:
    """Connect an agent to a server: parameters of a command, a transport, or a Server."""
    with anyio.from_thread.start_blocking_portal() as portal, ExitStack() as stack:
        client = stack.enter_context(portal.wrap_async_context_manager(Client(server, mode=era)))
        yield Agent(client, portal)


def started_by(*words: object, **environment: str) -> StdioServerParameters:
    """Return how an agent starts `qwa mcp` with these words."""
    return StdioServerParameters(
        command=sys.executable,
        args=["-m", "qwa", "mcp", *map(str, words)],
        env={**os.environ, "PYTHONPATH": INSTALLED, **environment},
    )


@pytest.fixture(scope="session")
def command() -> Callable[..., StdioServerParameters]:
    return started_by


@pytest.fixture(scope="session")
def appears() -> Callable[[Path], bool]:
    """Wait for a file that another process writes."""

    def wait(path: Path) -> bool:
        deadline = time.monotonic() + 120
        while not path.exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        return path.exists()

    return wait


@pytest.fixture(scope="session")
def connected() -> Callable[..., Any]:
    return connection


@pytest.fixture
def connect() -> Iterator[Callable[..., Agent]]:
    """Connect agents to servers of any kind; they leave when the test ends."""
    with ExitStack() as stack:
        yield lambda server, era="auto": stack.enter_context(connection(server, era))


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of recordings: a spoken sentence, a doorbell, and eight minutes of both."""
    made = tmp_path_factory.mktemp("recordings")
    (made / "sub").mkdir()
    write(made / "said.wav", speech("The budget is two hundred dollars."))
    write(made / "sub" / "bell.wav", doorbell())
    long, _ = sequence([*(part for _ in range(8) for part in (doorbell(), silence(57.5)))])
    write(made / "long.wav", long)
    (made / "notes.txt").write_text("the safe is 1234")
    return made


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> MadeArchive:
    """A small archive with known words and sounds."""
    return made_archive(tmp_path_factory.mktemp("made"))


@pytest.fixture(scope="session")
def stored(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A user's data folder with a stored clip, and the clip's id."""
    from qwen_audio_tools import ClipStore

    data = tmp_path_factory.mktemp("data")
    return data, ClipStore(data / "clips").put(folder / "sub" / "bell.wav", name="front door.wav")


@pytest.fixture(scope="session", params=ERAS)
def agent(
    request: Any, folder: Path, stored: tuple[Path, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Agent]:
    """An agent with the embedded engine over one folder and the user's stored clips."""
    words = ("--root", folder, "--engine", "embedded")
    fresh = str(tmp_path_factory.mktemp("analyses"))
    server = started_by(*words, QWA_DATA=str(stored[0]), QWA_ANALYSES=fresh)
    with connection(server, request.param) as found:
        yield found


@pytest.fixture
def patient(connect: Callable[..., Agent], folder: Path, tmp_path: Path) -> Callable[..., Agent]:
    """Connect agents to a server whose engine works until `tmp_path` says that it may end."""

    def start(*words: object, era: str = "auto") -> Agent:
        given = ("--root", folder, "--engine", f"patient:{tmp_path}", *words)
        return connect(started_by(*given), era)

    return start
