"""What a ScriptedServer was asked, and the connection to answer on."""

import base64
import io
import json
import wave
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from qwen_audio_tools.testing.scripted_server import Handler, ScriptedServer

RATE_OF_TOKENS = 25
TEMPLATE_TOKENS = 20
"""What a chat template adds to a turn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SentClip:
    """A clip as it came: seconds of sound, None where only its name was sent."""

    seconds: float | None
    name: str
    given: Mapping[str, Any]


class Call:
    """One request for a reply: what was asked, and the connection to answer on."""

    def __init__(self, body: dict[str, Any], handler: "Handler") -> None:
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


def _clip(part: Mapping[str, Any]) -> SentClip:
    audio = part["input_audio"]
    data = audio["data"].rpartition(",")[2]
    if not data:
        return SentClip(seconds=None, name=part.get("uuid", ""), given=part)
    with wave.open(io.BytesIO(base64.b64decode(data, validate=True))) as file:
        seconds = file.getnframes() / file.getframerate()
    return SentClip(seconds=seconds, name=part.get("uuid", ""), given=part)
