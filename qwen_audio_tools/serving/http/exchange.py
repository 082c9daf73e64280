"""One request and its response, over ASGI: the body as it comes in, the answer as it goes out."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping

from starlette.types import Receive, Scope, Send

from qwen_audio_tools.serving.http.refusals import Refused

_DRAINED_SECONDS = 2.0
_JSON = "application/json"


class Gone(Exception):
    """The client left before it had its answer."""


class Exchange:
    """A request that is answered once: `reply`, or `begin` and then `send` piece by piece."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scope, self._receive, self._send = scope, receive, send
        self.headers = _headers(scope)
        self.route, self.argument = "other", ""
        """Which route it takes, and what the path names there."""
        self.began = time.monotonic()
        self.failure: Exception | None = None
        self.started = False
        self.whole = not ({"content-length", "transfer-encoding"} & self.headers.keys())
        """Whether the body was read to its end; there may be none."""

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield the body as it comes.

        Raises:
            Gone: the client left in the middle.
        """
        while not self.whole:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise Gone
            self.whole = not message.get("more_body", False)
            yield message.get("body", b"")

    async def until_gone(self) -> None:
        """Return when the client leaves; only once the body was read."""
        while (await self._receive())["type"] != "http.disconnect":
            pass

    async def reply(
        self,
        body: bytes,
        *,
        status: int = 200,
        media: str = _JSON,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Send a whole response."""
        told = {**(headers or {}), "content-length": str(len(body))}
        if not self.whole:
            told["connection"] = "close"
        await self._start(status, media, told)
        await self._send({"type": "http.response.body", "body": body, "more_body": not self.whole})
        if not self.whole:
            await self._drain()
            await self._send({"type": "http.response.body", "body": b""})

    async def refuse(self, refused: Refused) -> None:
        """Answer with an error, unless an answer has begun already."""
        if not self.started:
            await self.reply(refused.body, status=refused.status, headers=refused.headers)

    async def fail(self, error: Exception, piece: bytes) -> None:
        """Send what went wrong after the response began."""
        self.failure = error
        await self.send(piece)

    async def begin(self, media: str) -> None:
        """Send the head of a response that comes piece by piece."""
        await self._start(200, media, {"cache-control": "no-cache", "x-accel-buffering": "no"})

    async def send(self, piece: bytes) -> None:
        """Send a piece."""
        await self._send({"type": "http.response.body", "body": piece, "more_body": True})

    async def end(self) -> None:
        """Send the end."""
        await self._send({"type": "http.response.body", "body": b""})

    async def _start(self, status: int, media: str, headers: Mapping[str, str]) -> None:
        self.started = True
        told = {"content-type": media, **headers}
        raw = [(name.encode(), value.encode("latin-1")) for name, value in told.items()]
        await self._send({"type": "http.response.start", "status": status, "headers": raw})

    async def _drain(self) -> None:
        """Let the rest of the body come in for a moment, unread.

        A client that is cut off while it sends never reads why. One that waits to be told to go
        on is told nothing, and sends nothing.
        """
        if self.headers.get("expect", "").lower() == "100-continue":
            return
        try:
            async with asyncio.timeout(_DRAINED_SECONDS):
                async for _ in self.chunks():
                    pass
        except (TimeoutError, Gone):
            return


def _headers(scope: Scope) -> dict[str, str]:
    """Return the headers by their names, in lower case.

    Of two by one name nothing is taken: one could be looked at, and the other be used.
    """
    found: dict[str, str] = {}
    for name, value in scope["headers"]:
        key = name.decode("latin-1").lower()
        found[key] = "" if key in found else value.decode("latin-1")
    return found
