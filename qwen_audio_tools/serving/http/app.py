"""The ASGI application: routes, and what holds for every request whichever it takes."""

import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.routing import Route
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

ROUTES: tuple[tuple[str, str, Handler], ...] = (
    ("POST", "/v1/chat/completions", chat),
    ("POST", "/v1/audio/transcriptions", transcribe),
    ("POST", "/v1/audio/translations", translate),
    ("GET", "/v1/models", listing.models),
    ("GET", "/v1/models/{name:path}", listing.model),
    ("GET", "/health", listing.ready),
    ("GET", "/health/live", listing.live),
    ("GET", "/health/ready", listing.ready),
    ("GET", "/metrics", listing.metrics),
)
_GONE = 499  # nginx's number for a client that left; it is counted, never sent


def create_app(
    desk: Desk, guard: Guard | None = None, log: Log = lambda line, error: None
) -> ASGIApp:
    """Return the application; any ASGI server can run it, `running.run` does."""
    guard = guard or Guard()

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        yield
        desk.close()

    routes = [
        Route(path, _Endpoint(handler, desk), methods=[method]) for method, path, handler in ROUTES
    ]
    app: ASGIApp = Starlette(
        routes=routes, lifespan=lifespan, exception_handlers={HTTPException: _refusing(desk)}
    )
    app = _Guarded(app, guard)
    if guard.origins:
        app = CORSMiddleware(
            app,
            allow_origins=guard.origins,
            allow_methods=["GET", "POST"],
            allow_headers=["*"],
            expose_headers=["retry-after", "x-request-id", "x-qwa-warnings"],
        )
    return _Front(app, desk, log)


def _refusing(desk: Desk) -> Callable[..., Awaitable[Any]]:
    """Return what answers requests that no route takes, in the shape that clients read."""
    there = ", ".join(f"{method} {path.replace(':path', '')}" for method, path, _ in ROUTES)

    async def unknown(request: Request, error: HTTPException) -> "_Endpoint":
        async def refuse(exchange: Exchange, desk: Desk) -> None:
            what = f"{request.method} {request.url.path!r:.120} is not answered here"
            kind = Kind(error.status_code, INVALID, "unknown_route")
            headers = dict(error.headers or {})
            raise Refused(kind, what, f"there is {there}", headers=headers)

        return _Endpoint(refuse, desk)

    return unknown


class _Endpoint:
    """A handler as an ASGI application: what it raises becomes the answer."""

    def __init__(self, handler: Handler, desk: Desk) -> None:
        self._handler, self._desk = handler, desk

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange = Exchange(scope, receive, send)
        scope["state"]["exchange"] = exchange
        try:
            await self._handler(exchange, self._desk)
        except Gone:
            return
        except Exception as error:
            exchange.failure = error
            await exchange.refuse(refusal_of(error))


class _Guarded:
    """Lets nothing be read of a request that the guard refuses."""

    def __init__(self, app: ASGIApp, guard: Guard) -> None:
        self._app, self._guard = app, guard

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            exchange = Exchange(scope, receive, send)
            try:
                self._guard.check(scope, exchange.headers)
            except Refused as refused:
                await exchange.refuse(refused)
                return
        await self._app(scope, receive, send)


class _Front:
    """Gives each request an id, counts it, and tells of it."""

    def __init__(self, app: ASGIApp, desk: Desk, log: Log) -> None:
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
            self._desk.meters.request(_route(scope["path"]), status, seconds)
            exchange = scope["state"].get("exchange")
            failure = exchange and exchange.failure
            line = f"{scope['method']} {scope['path']} {status} {seconds:.3f} s {id}"
            self._log(line, failure if _is_foreign(failure) else None)


def _is_foreign(error: Exception | None) -> bool:
    return error is not None and refusal_of(error).kind.code == "internal_error"


def _route(path: str) -> str:
    """Return the route of a path, so that there are as many in the metrics as there are routes."""
    if path.startswith("/v1/models/"):
        return "/v1/models/{id}"
    return path if any(path == route for _, route, _ in ROUTES) else "other"
