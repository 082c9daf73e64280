"""ScriptedServer: a server of chat completions on loopback that replies, or fails, as told.

It counts tokens as vLLM does for Qwen2-Audio, keeps what it was asked, and plays what real servers
do only on bad days. A reaction is a function of a `Call`, which it answers as it likes.
"""

import base64
import io
import json
import threading
import wave
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

RATE_OF_TOKENS = 25
TEMPLATE_TOKENS = 20
"""What a chat template adds to a prompt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SentClip:
    """A clip as it came: seconds of sound, None where only its name was sent."""

    seconds: float | None
    name: str
    given: Mapping[str, Any]


class Call:
    """One request for a reply: what was asked, and the connection to answer on."""

    def __init__(self, body: dict[str, Any], handler: "_Handler") -> None:
        self.body, self._handler = body, handler
        self.headers = {name.lower(): value for name, value in handler.headers.items()}
        self.server: ScriptedServer = handler.scripted

    @property
    def texts(self) -> list[str]:
        """All texts of the conversation in their order."""
        return [part["text"] for part in self._parts() if part.get("type") == "text"]

    @property
    def clips(self) -> list[SentClip]:
        """The clips of the conversation in their order."""
        return [_clip(part) for part in self._parts() if part.get("type") == "input_audio"]

    def _parts(self) -> Iterator[dict[str, Any]]:
        for message in self.body["messages"]:
            content = message["content"]
            yield from [{"type": "text", "text": content}] if isinstance(content, str) else content

    @property
    def counts(self) -> dict[str, Any]:
        """What a server that hears all of it counts in this prompt."""
        seconds = [self.server.seconds_of(clip) for clip in self.clips]
        audio = sum(round(each * RATE_OF_TOKENS) for each in seconds)
        words = sum(len(text.encode()) // 4 for text in self.texts)
        return {"prompt_tokens": words + audio + TEMPLATE_TOKENS * len(self.body["messages"])}

    def head(self, status: int = 200, kind: str = "text/event-stream", **headers: str) -> None:
        """Send a status and headers; a body in chunks may follow by `write` and `end`."""
        self._handler.send_response(status)
        self._handler.send_header("Content-Type", kind)
        self._handler.send_header("Transfer-Encoding", "chunked")
        for name, value in headers.items():
            self._handler.send_header(name.replace("_", "-"), value)
        self._handler.end_headers()
        self._handler.wfile.flush()

    def write(self, data: bytes) -> None:
        """Send some of the body. OSError: the client is gone."""
        self._handler.wfile.write(b"%x\r\n%b\r\n" % (len(data), data))
        self._handler.wfile.flush()

    def event(self, value: object) -> None:
        """Send one event of a stream."""
        text = value if isinstance(value, str) else json.dumps(value)
        self.write(f"data: {text}\n\n".encode())

    def piece(self, text: str = "", finish: str | None = None, **more: object) -> None:
        """Send a piece of a reply; the counts come with each where that was asked for."""
        delta = {"content": text} if text else {}
        value = {"choices": [{"index": 0, "delta": delta, "finish_reason": finish}], **more}
        options = self.body.get("stream_options") or {}
        if options.get("continuous_usage_stats"):
            value.setdefault("usage", self.counts | {"completion_tokens": 1})
        self.event(value)

    def end(self) -> None:
        """End the body as it should end."""
        self._handler.wfile.write(b"0\r\n\r\n")
        self._handler.wfile.flush()

    def cut(self) -> None:
        """Close the connection in the middle."""
        self._handler.close_connection = True

    def until_left(self, seconds: float = 20.0) -> None:
        """Keep the connection open and silent until the client leaves, or for so long."""
        self._handler.connection.settimeout(seconds)
        try:
            gone = self._handler.connection.recv(1) == b""
        except OSError:
            gone = True
        if gone:
            self.server.left.set()
        self.cut()


Reaction = Callable[[Call], None]


def says(text: str = "A bell rings.", *, finish: str = "stop") -> Reaction:
    """Return what replies with a text, word by word."""

    def react(call: Call) -> None:
        unknown = [each for each in call.clips if call.server.seconds_of(each) <= 0]
        if unknown:
            message = "Cache miss for audio at index 0 but data is not provided."
            fails(400, {"error": {"message": message, "type": "BadRequestError", "code": 400}})(
                call
            )
            return
        words = text.split(" ")
        most = call.body.get("max_tokens") or call.body.get("max_completion_tokens") or len(words)
        call.head()
        call.event({"choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}}]})
        for number, word in enumerate(words[:most]):
            call.piece(word if number == 0 else f" {word}")
        call.piece(finish="length" if most < len(words) else finish)
        if (call.body.get("stream_options") or {}).get("include_usage"):
            output = min(most, len(words))
            call.event({"choices": [], "usage": call.counts | {"completion_tokens": output}})
        call.event("[DONE]")
        call.end()

    return react


def fails(status: int, body: object, kind: str = "application/json", **headers: str) -> Reaction:
    """Return what answers with an error; `body` is a text or a value for JSON."""

    def react(call: Call) -> None:
        call.head(status, kind, **headers)
        call.write((body if isinstance(body, str) else json.dumps(body)).encode() or b" ")
        call.end()

    return react


def drops(after: str = "") -> Reaction:
    """Return what closes the connection: at once, or after some text of a reply."""

    def react(call: Call) -> None:
        if after:
            call.head()
            call.piece(after)
        call.cut()

    return react


def hangs(after: str = "") -> Reaction:
    """Return what falls silent until the client leaves: before any header, or after some text."""

    def react(call: Call) -> None:
        if after:
            call.head()
            call.piece(after)
        call.until_left()

    return react


def trickles(word: str = "la ") -> Reaction:
    """Return what writes on without end, until the client leaves."""

    def react(call: Call) -> None:
        call.head()
        try:
            while not call.server.closing.wait(0.02):
                call.piece(word)
        except OSError:
            call.server.left.set()
            call.cut()

    return react


def streams(*payloads: bytes, whole: bool = True) -> Reaction:
    """Return what sends these bytes as the body of a stream."""

    def react(call: Call) -> None:
        call.head()
        for payload in payloads:
            call.write(payload)
        call.end() if whole else call.cut()

    return react


@dataclass
class ScriptedServer:
    """Plays its script, a reaction a request, and then `otherwise`; use it in a `with` block.

    `listing` is what it tells of its models, `answers` what it gives at other paths (a value for
    JSON, or a status). `asked` keeps the calls that came, `left` is set when a client left early.
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
    left: threading.Event = field(default_factory=threading.Event)
    closing: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        if self.listing is None:
            entry = {"id": self.model, "object": "model", "owned_by": self.owner}
            self.listing = {"object": "list", "data": [entry | {"max_model_len": 8192}]}
        self.answers = {"/version": {"version": "0.32.0"}} | self.answers
        self._sounds: dict[str, float] = {}
        self._lock = threading.Lock()
        self._http = _Server(("127.0.0.1", 0), _Handler)
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


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def scripted(self) -> ScriptedServer:
        """The server that this connection belongs to."""
        server = self.server
        assert isinstance(server, _Server)
        return server.scripted

    def do_GET(self) -> None:
        """Tell of the models, or what was prepared for a path."""
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


def _clip(part: Mapping[str, Any]) -> SentClip:
    audio = part["input_audio"]
    data = audio["data"].rpartition(",")[2]
    if not data:
        return SentClip(seconds=None, name=part.get("uuid", ""), given=part)
    with wave.open(io.BytesIO(base64.b64decode(data, validate=True))) as file:
        seconds = file.getnframes() / file.getframerate()
    return SentClip(seconds=seconds, name=part.get("uuid", ""), given=part)
