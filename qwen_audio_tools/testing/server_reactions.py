"""What a ScriptedServer does with a request: it replies, fails, hangs, drops or writes nonsense."""

import json
from collections.abc import Callable

from qwen_audio_tools.testing.server_calls import Call

Reaction = Callable[[Call], None]


def says(text: str = "A bell rings.", *, finish: str = "stop", counts: bool = False) -> Reaction:
    """Return what replies with a text, word by word; it counts tokens if asked to, or anyway."""

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
        if counts or (call.body.get("stream_options") or {}).get("include_usage"):
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
