"""Servers in threads on loopback, engines that do what a test says, and what clients send."""

import base64
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from qwen_audio_tools.answer import Answer
from qwen_audio_tools.content_blocks import Origin
from qwen_audio_tools.conversation import Conversation, question
from qwen_audio_tools.decoding.limits import Limits
from qwen_audio_tools.engines.base import Delta, Engine, EngineInfo, Options, join
from qwen_audio_tools.errors import Cancelled
from qwen_audio_tools.serving.http.app import create_app
from qwen_audio_tools.serving.http.guarding import Guard
from qwen_audio_tools.serving.http.limits import ServerLimits
from qwen_audio_tools.serving.http.queueing.desk import Desk
from qwen_audio_tools.serving.http.running import Server
from qwen_audio_tools.serving.listening import listen
from qwen_audio_tools.sources.policy import SourcePolicy
from qwen_audio_tools.tasks import Ability
from qwen_audio_tools.testing import speech, tone, write

WAIT = 30.0
"""Seconds after which a test gives up on what should have happened at once."""


@dataclass(slots=True)
class Held:
    """An engine that says one word, waits until it is let go, and says another.

    It fails at a question with "wrong" in it. `begun` counts the replies that began, `closed` those
    that ended, however that was.
    """

    abilities: frozenset[Ability] = frozenset(Ability)
    let_go: threading.Event = field(default_factory=threading.Event)
    begun: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    closed: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    asked: list[str] = field(default_factory=list)

    @property
    def info(self) -> EngineInfo:
        return EngineInfo(name="held", model="held-1", abilities=self.abilities, window=30.0)

    def reply(self, conversation: Conversation, options: Options) -> Iterator[Delta]:
        asked = question(conversation)
        self.asked.append(asked)
        self.begun.release()
        try:
            if "wrong" in asked:
                raise ValueError("a secret of the engine's insides")
            yield Delta(text="one")
            while not self.let_go.wait(0.01):
                if options.progress:
                    options.progress("waiting", 0.0, 1.0)
            yield Delta(text=" two", finish="stop")
        finally:
            self.closed.release()


@dataclass(slots=True)
class Batches(Held):
    """The same, many at once; where one fails, those after it get no answer."""

    batches: list[list[str]] = field(default_factory=list)
    stopped: threading.Event = field(default_factory=threading.Event)

    def replies(
        self, conversations: Sequence[Conversation], options: Options
    ) -> Iterator[tuple[int, Answer]]:
        questions = [question(conversation) for conversation in conversations]
        self.batches.append(questions)
        self.begun.release()
        while not self.let_go.wait(0.01):
            try:
                options.progress("answering", 0, len(questions))  # type: ignore[misc]
            except Cancelled:
                self.stopped.set()
                raise
        for index, each in enumerate(questions):
            if "wrong" in each:
                raise ValueError("a secret of the engine's insides")
            yield index, join([Delta(text=f"{each}!")], self.info)


@dataclass(slots=True)
class Telling:
    """An engine that says how it was asked, as JSON."""

    abilities: frozenset[Ability] = frozenset(Ability)

    @property
    def info(self) -> EngineInfo:
        return EngineInfo(name="telling", model="telling-1", abilities=self.abilities, window=30.0)

    def reply(self, conversation: Conversation, options: Options) -> Iterator[Delta]:
        names = ("max_tokens", "temperature", "top_p", "stop", "seed", "schema", "task", "language")
        told = {name: getattr(options, name) for name in names}
        turns = [
            [turn.role, [p if isinstance(p, str) else f"<{p.duration:.1f} s>" for p in turn.parts]]
            for turn in conversation
        ]
        yield Delta(text=json.dumps({"turns": turns, **told}))


@dataclass(frozen=True, slots=True)
class Running:
    """A server that runs: where it is, and what it counts."""

    url: str
    port: int
    desk: Desk
    server: Server

    def client(self, **options: Any) -> httpx.Client:
        return httpx.Client(base_url=self.url, timeout=WAIT, trust_env=False, **options)

    def ask(self, *messages: Any, **fields: Any) -> httpx.Response:
        """Send a chat request; a text stands for a message of the user."""
        turns = [
            {"role": "user", "content": m} if isinstance(m, str | list) else m for m in messages
        ]
        with self.client() as client:
            return client.post("/v1/chat/completions", json={"messages": turns, **fields})

    def answers(self) -> bool:
        """Whether the next request is answered."""
        with self.client() as client:
            return client.get("/v1/models").status_code == 200

    def raw(self, request: bytes) -> socket.socket:
        """Send bytes of a request, and leave its end open."""
        ours = socket.create_connection(("127.0.0.1", self.port), timeout=WAIT)
        ours.sendall(request)
        return ours


@contextmanager
def running(
    *engines: Engine,
    policy: SourcePolicy | None = None,
    guard: Guard | None = None,
    defaults: Options | None = None,
    log: Callable[[str, Exception | None], None] | None = None,
    grace: float = 5.0,
    aliases: Sequence[str] = (),
    **limits: Any,
) -> Iterator[Running]:
    bounds = ServerLimits(**limits)
    allowed = policy or SourcePolicy(roots=(), allow_stdin=False)
    allowed = allowed.with_limits(
        Limits(max_bytes=bounds.clip_bytes, max_seconds=bounds.audio_seconds)
    )
    desk = Desk(
        engines,
        limits=bounds,
        origin=Origin(policy=allowed),
        defaults=defaults or Options(),
        aliases=aliases,
    )
    listening = listen("127.0.0.1", 0)
    port = listening.getsockname()[1]
    server = Server(create_app(desk, guard, log), desk, listening, grace=grace)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        yield Running(f"http://127.0.0.1:{port}", port, desk, server)
    finally:
        server.stop()
        thread.join(WAIT)
        assert not thread.is_alive(), "the server does not end"


@pytest.fixture
def serve() -> Iterator[Callable[..., Running]]:
    """Return what starts a server of engines; all of them are stopped at the end of the test."""
    with ExitStack() as stack:
        yield lambda *engines, **options: stack.enter_context(running(*engines, **options))


@pytest.fixture(scope="session")
def said(tmp_path_factory) -> Path:
    """A spoken sentence."""
    path = tmp_path_factory.mktemp("said") / "said.wav"
    write(path, speech("The budget is two hundred dollars."))
    return path


@pytest.fixture(scope="session")
def beep(tmp_path_factory) -> Path:
    """One second of a tone."""
    path = tmp_path_factory.mktemp("beep") / "beep.wav"
    write(path, tone(440, 1.0))
    return path


def block_of(path: Path) -> dict[str, Any]:
    data = base64.b64encode(path.read_bytes()).decode()
    return {"type": "input_audio", "input_audio": {"data": data, "format": "wav"}}


@pytest.fixture(scope="session")
def block() -> Callable[[Path], dict[str, Any]]:
    """Return what makes OpenAI's block of an audio file."""
    return block_of


@pytest.fixture
def held() -> Iterator[Held]:
    engine = Held()
    yield engine
    engine.let_go.set()


@pytest.fixture
def batches() -> Iterator[Batches]:
    engine = Batches()
    yield engine
    engine.let_go.set()


@pytest.fixture
def telling() -> Callable[..., Telling]:
    return Telling


@pytest.fixture(scope="session")
def soon() -> Callable[[Callable[[], object]], None]:
    """Return what waits until something is true, and fails if that takes too long."""

    def wait(true: Callable[[], object]) -> None:
        until = time.monotonic() + WAIT
        while not true():
            assert time.monotonic() < until, "it did not happen"
            time.sleep(0.005)

    return wait


def error_of(response: httpx.Response) -> dict[str, Any]:
    """Return the error of a response, which must have the shape that OpenAI's clients read."""
    error = response.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert isinstance(error["message"], str)
    assert "Traceback" not in response.text
    assert "secret" not in response.text
    return error


@pytest.fixture(scope="session")
def error() -> Callable[[httpx.Response], dict[str, Any]]:
    return error_of
