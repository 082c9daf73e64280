"""Who may come in over HTTP: a token, and names of this server that a browser can't be led to.

A page that somebody visits may make a browser call addresses on one's own machine. It can't set the
token, and its Host or Origin gives it away.
"""

import hmac
import os
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from qwen_audio_tools.errors import SettingsError

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

LOOPBACK = ("127.0.0.1", "localhost", "::1")
ANYWHERE = ("", "0.0.0.0", "::")
_SHORTEST = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """What is asked of whoever comes in: the token, and a Host among these names."""

    token: str = field(repr=False)
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


def token_from(variable: str, file: str | None) -> str:
    """Return the token that clients must send: from a file, else from an environment variable.

    Raises:
        SettingsError: there is none, or it can be guessed.
    """
    where = f"the file {file!r}" if file else variable
    try:
        found = Path(file).read_text("utf-8") if file else os.environ.get(variable, "")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        raise SettingsError(f"the token file {file!r} can't be read: {reason}") from error
    token = found.strip()
    make = f"export {variable}=$(python3 -c 'import secrets; print(secrets.token_urlsafe())')"
    if not token:
        raise SettingsError(f"over HTTP a token is needed, and {where} holds none", hint=make)
    if len(token) < _SHORTEST or not token.isascii() or not token.isprintable() or " " in token:
        raise SettingsError(
            f"the token in {where} is none that is safe: {_SHORTEST} characters or more are, "
            "letters, digits and signs without spaces",
            hint=make,
        )
    return token


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
        if _host_of(headers.get("host", "")) not in self._door.hosts:
            return 421, "the Host of this request is none of the names of this server"
        origin = headers.get("origin")
        if origin is not None and not self._is_own(origin):
            return 403, "requests from pages of other origins are refused"
        kind, _, given = headers.get("authorization", "").partition(" ")
        fits = hmac.compare_digest(given.strip().encode(), self._door.token.encode())
        if kind.lower() != "bearer" or not fits:
            return 401, "a token is needed: Authorization: Bearer TOKEN"
        return None

    def _is_own(self, origin: str) -> bool:
        scheme, _, rest = origin.partition("://")
        return scheme in ("http", "https") and _host_of(rest) in self._door.hosts


def _headers(scope: Scope) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in scope.get("headers", ()):
        key = name.decode("latin-1").lower()
        # Two of a kind would let one be checked and the other be used.
        found[key] = "" if key in found else value.decode("latin-1")
    return found


def _host_of(value: str) -> str:
    """Return the host of "host:port", in lower case, without the brackets of IPv6."""
    if value.startswith("["):
        return value[1:].partition("]")[0].lower()
    return value.partition(":")[0].lower()


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
