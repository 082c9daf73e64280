"""Who may come in over HTTP: a token, and names of this server that a browser can't be led to.

A page that somebody visits may make a browser call addresses on one's own machine. It can't set the
token, and its Host or Origin gives it away.
"""

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from dataclasses import dataclass
from typing import Any

from qwen_audio_tools.errors import SettingsError
from qwen_audio_tools.serving.tokens import Tokens, host_named

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

LOOPBACK = ("127.0.0.1", "localhost", "::1")
ANYWHERE = ("", "0.0.0.0", "::")


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """What is asked of whoever comes in: one of the tokens, and a Host among these names."""

    tokens: Tokens
    hosts: frozenset[str]


def hosts_of(bound: str, others: Iterable[str] = ()) -> frozenset[str]:
    """Return the names by which a server on this address may be called.

    Raises:
        SettingsError: it listens on every address, and no name is given.
    """
    named = {other.lower().strip("[]") for other in others}
    if bound in ANYWHERE:
        if not named:
            raise SettingsError(
                f"on {bound!r} any name could lead here",
                hint="say by which name clients call it: --allow-host NAME",
            )
        return frozenset(named)
    own = LOOPBACK if bound.strip("[]") in LOOPBACK else (bound.lower().strip("[]"),)
    return frozenset({*own, *named})


class Guard:
    """An ASGI application in front of another, which only lets in what the door allows."""

    def __init__(self, app: App, door: Door) -> None:
        self._app, self._door = app, door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 421, 403 or 401, or let the application answer."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        refusal = self._refusal(_headers(scope))
        if refusal is None and scope["type"] == "http":
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await _answer(send, *(refusal or (403, "this is no HTTP request")))
        else:
            await send({"type": "websocket.close", "code": 1008})

    def _refusal(self, headers: dict[str, str]) -> tuple[int, str] | None:
        if host_named(headers.get("host", "")) not in self._door.hosts:
            return 421, "the Host of this request is none of the names of this server"
        origin = headers.get("origin")
        if origin is not None and not self._is_own(origin):
            return 403, "requests from pages of other origins are refused"
        if not self._door.tokens.open_to(headers.get("authorization", "")):
            return 401, "a token is needed: Authorization: Bearer TOKEN"
        return None

    def _is_own(self, origin: str) -> bool:
        scheme, _, rest = origin.partition("://")
        return scheme in ("http", "https") and host_named(rest) in self._door.hosts


def _headers(scope: Scope) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in scope.get("headers", ()):
        key = name.decode("latin-1").lower()
        # Two of a kind would let one be checked and the other be used.
        found[key] = "" if key in found else value.decode("latin-1")
    return found


async def _answer(send: Send, status: int, text: str) -> None:
    body = f"{text}\n".encode()
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
    ]
    if status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
