"""The ASGI application: routes, and what holds for every request whichever it takes."""

import time
import uuid
from collections.abc import Awaitable, Callable
from urllib.parse import quote

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from qwen_audio_tools.serving.http import listing
from qwen_audio_tools.serving.http.chats.endpoint import chat
from qwen_audio_tools.serving.http.exchange import Exchange, Gone
from qwen_audio_tools.serving.http.guarding import Guard
from qwen_audio_tools.serving.http.queueing.desk import Desk
from qwen_audio_tools.serving.http.refusals import INVALID, Kind, Refused, refusal_of
from qwen_audio_tools.serving.http.transcripts.endpoints import transcribe, translate

Handler = Callable[[Exchange, Desk], Awaitable[None]]
Log = Callable[[str, Exception | None], None]
"""Told a line for each request, and of what went wrong in a way that nobody thought of."""

ROUTES: dict[str, tuple[str, Handler]] = {
    "/v1/chat/completions": ("POST", chat),
    "/v1/audio/transcriptions": ("POST", transcribe),
    "/v1/audio/translations": ("POST", translate),
    "/v1/models": ("GET", listing.models),
    "/v1/models/{id}": ("GET", listing.model),
    "/health": ("GET", listing.ready),
    "/health/live": ("GET", listing.live),
    "/health/ready": ("GET", listing.ready),
    "/metrics": ("GET", listing.metrics),
}
_GONE = 499  # nginx's number for a client that left; it is counted, never sent


def create_app(desk: Desk, guard: Guard | None = None, log: Log | None = None) -> ASGIApp:
    """Return the application; any ASGI server can run it, `running.Server` does."""
    guard = guard or Guard()
    app: ASGIApp = _Site(desk, guard)
    if guard.origins:
        app = CORSMiddleware(
            app,
            allow_origins=guard.origins,
            allow_methods=["GET", "POST"],
            allow_headers=["*"],
            expose_headers=["retry-after", "x-request-id", "x-qwa-warnings"],
        )
    return _Front(app, desk, log)


class _Site:
    """Answers requests: what the guard, the routes and the handlers raise becomes the answer."""

    def __init__(self, desk: Desk, guard: Guard) -> None:
        self._desk, self._guard = desk, guard

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        exchange = Exchange(scope, receive, send)
        scope["state"]["exchange"] = exchange
        try:
            self._guard.check(scope["path"], exchange.headers)
            await _handler(exchange)(exchange, self._desk)
        except Gone:
            return
        except Exception as error:
            exchange.failure = error
            await exchange.refuse(refusal_of(error))

    async def _live(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.shutdown":
                self._desk.close()
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                return


def _handler(exchange: Exchange) -> Handler:
    """Return what answers a request, and note in the exchange which route it takes.

    Raises:
        Refused: no route takes it: 404, or 405 where another method would be right.
    """
    method, path = exchange.scope["method"], exchange.scope["path"].rstrip("/")
    exchange.route = path
    if path.startswith("/v1/models/"):
        exchange.route = "/v1/models/{id}"
        exchange.argument = path.removeprefix("/v1/models/")
    wanted, handler = ROUTES.get(exchange.route, ("", None))
    if handler is not None and method in (wanted, wanted.replace("GET", "HEAD")):
        return handler
    headers = {"allow": wanted} if handler else {}
    if handler is None:
        exchange.route = "other"
    raise Refused(
        Kind(405 if handler else 404, INVALID, "unknown_route"),
        f"{method} {path!r:.120} is not answered here",
        f"there is {', '.join(f'{method} {path}' for path, (method, _) in ROUTES.items())}",
        headers=headers,
    )


class _Front:
    """Gives each request an id, counts it, and tells of it."""

    def __init__(self, app: ASGIApp, desk: Desk, log: Log | None) -> None:
        self._app, self._desk, self._log = app, desk, log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, id, status = time.monotonic(), uuid.uuid4().hex, _GONE

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"].append((b"x-request-id", id.encode()))
            await send(message)

        scope.setdefault("state", {})
        try:
            await self._app(scope, receive, noting)
        finally:
            seconds = time.monotonic() - began
            exchange: Exchange | None = scope["state"].pop("exchange", None)
            self._desk.meters.request(exchange.route if exchange else "other", status, seconds)
            failure = exchange.failure if exchange else None
            if self._log:
                path = quote(scope["path"], safe="/:")  # no line of a log is to be made of it
                line = f"{scope['method']} {path} {status} {seconds:.3f} s {id}"
                self._log(line, failure if _is_foreign(failure) else None)
            if exchange is not None:
                exchange.failure = failure = None  # its traceback leads back here, by way of audio


def _is_foreign(error: Exception | None) -> bool:
    return error is not None and refusal_of(error).kind.code == "internal_error"
