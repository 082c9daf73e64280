"""ScriptedServer: a server of chat completions on loopback that replies, or fails, as told.

It counts tokens as vLLM does for Qwen2-Audio, keeps what it was asked, and plays what real servers
do only on bad days. A reaction is a function of a `Call`, which it answers as it likes.
"""

import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from qwen_audio_tools.testing.server_calls import Call, SentClip
from qwen_audio_tools.testing.server_reactions import Reaction, says


@dataclass
class ScriptedServer:
    """Plays its script, a reaction a request, and then `otherwise`; use it in a `with` block.

    `listing` is what it tells of its models, `answers` what it gives at other paths (a value for
    JSON, or a status). `asked` keeps the calls that came and `connections` from where, `left` is
    set when a client left early.
    """

    script: Sequence[Reaction] = ()
    otherwise: Reaction = field(default_factory=says)
    model: str = "Qwen/Qwen2-Audio-7B-Instruct"
    owner: str = "vllm"
    listing: Any = None
    answers: dict[str, Any] = field(default_factory=dict)
    silent: bool = False  # whether it answers nothing but what it plays
    asked: list[Call] = field(default_factory=list)
    paths: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    connections: set[Any] = field(default_factory=set)
    left: threading.Event = field(default_factory=threading.Event)
    closing: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        if self.listing is None:
            entry = {"id": self.model, "object": "model", "owned_by": self.owner}
            self.listing = {"object": "list", "data": [entry | {"max_model_len": 8192}]}
        self.answers = {"/version": {"version": "0.32.0"}} | self.answers
        self._sounds: dict[str, float] = {}
        self._lock = threading.Lock()
        self._http = _Server(("127.0.0.1", 0), Handler)
        self._http.scripted = self
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True)

    @property
    def url(self) -> str:
        """Its base URL."""
        return f"http://127.0.0.1:{self._http.server_address[1]}/v1"

    def __enter__(self) -> "ScriptedServer":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """End it: nobody listens at its address then."""
        if not self.closing.is_set():
            self.closing.set()
            self._http.shutdown()
            self._http.server_close()
            self._thread.join()

    def seconds_of(self, clip: SentClip) -> float:
        """Return how long a clip is; 0 for the name of one that never came."""
        if clip.seconds is None:
            return self._sounds.get(clip.name, 0.0)
        if clip.name:
            self._sounds[clip.name] = clip.seconds
        return clip.seconds

    def forget(self) -> None:
        """Forget all clips, as a server does when it starts anew."""
        self._sounds.clear()

    def react(self, call: Call) -> None:
        """Answer a call as the script says."""
        with self._lock:
            number = len(self.asked)
            self.asked.append(call)
        (self.script[number] if number < len(self.script) else self.otherwise)(call)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    scripted: ScriptedServer

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: clients that leave are what is tested."""


class Handler(BaseHTTPRequestHandler):
    """Speaks HTTP for a ScriptedServer."""

    protocol_version = "HTTP/1.1"

    @property
    def scripted(self) -> ScriptedServer:
        """The server that this connection belongs to."""
        server = self.server
        assert isinstance(server, _Server)
        return server.scripted

    def do_GET(self) -> None:
        """Tell of the models, or what was prepared for a path."""
        self.scripted.connections.add(self.client_address)
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.scripted.paths.append((self.path, headers))
        if self.scripted.silent:
            self.scripted.closing.wait(20.0)
        found = self.scripted.answers.get(self.path)
        if found is None and self.path == "/v1/models":
            found = self.scripted.listing
        status = found if isinstance(found, int) else 200 if found is not None else 404
        self._send(status, b"" if status != 200 else json.dumps(found).encode())

    def do_POST(self) -> None:
        """Take a request for a reply, and react."""
        self.scripted.connections.add(self.client_address)
        data = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path != "/v1/chat/completions":
            self._send(404, b'{"detail":"Not Found"}')
            return
        self.scripted.react(Call(json.loads(data), self))

    def _send(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing."""
