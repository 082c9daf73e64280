"""The connections to one server: what is sent where, and transport errors turned into faults."""

import asyncio
import json
import os
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx2

from qwen_audio_tools.engines.server.addresses import Address
from qwen_audio_tools.engines.server.faults import Fault, Where, of_status, unreadable
from qwen_audio_tools.engines.server.keys import Key
from qwen_audio_tools.engines.server.retrying import asked_wait
from qwen_audio_tools.engines.server.watching import Patience, Watch
from qwen_audio_tools.errors import EngineRefused, EngineUnreachable

_ERROR_BYTES, _ERROR_SECONDS = 64 * 1024, 5.0
_LISTING_BYTES = 4 * 1024 * 1024
_REPLY_BYTES = 32 * 1024 * 1024
"""A model's longest answer has a few hundred thousand letters, with some 200 bytes around each."""
_KEPT_SECONDS = 4.0  # uvicorn closes idle connections after 5


class Client:
    """HTTP to one address. It follows no redirect, and shows its key to nobody else."""

    def __init__(
        self, address: Address, key: Key, trust: ssl.SSLContext, patience: Patience
    ) -> None:
        self.address = address
        self._key = key
        headers = {"User-Agent": "qwen-audio-tools", "Accept-Encoding": "identity"}
        if key:
            headers["Authorization"] = f"Bearer {key.reveal()}"
        self._http = httpx2.AsyncClient(
            headers=headers,
            verify=trust,
            follow_redirects=False,
            # A proxy of the environment is for the world outside, not for this machine.
            trust_env=address.host not in ("localhost", "127.0.0.1", "::1"),
            timeout=httpx2.Timeout(None, connect=patience.connect),
            limits=httpx2.Limits(max_connections=None, keepalive_expiry=_KEPT_SECONDS),
        )

    @property
    def has_key(self) -> bool:
        """Whether a key is sent with each request."""
        return bool(self._key)

    async def close(self) -> None:
        """Close all connections."""
        await self._http.aclose()

    async def get(self, path: str, where: Where) -> Any:
        """Return the JSON at a path below the base, or at "/…" from the root of the API.

        Raises:
            Fault: there is none.
        """
        url = self.address.base.removesuffix("/v1") if path.startswith("/") else self.address.base
        request = self._http.build_request("GET", f"{url.rstrip('/')}/{path.lstrip('/')}")
        async with self._answer(request, where) as response:
            body = await self._read(response, _LISTING_BYTES, where)
        try:
            return json.loads(body)
        except (ValueError, RecursionError):
            raise unreadable(where, f"answers no JSON at {path!r}") from None

    @asynccontextmanager
    async def ask(
        self, body: bytes, watch: Watch, where: Where, *, session: str = ""
    ) -> AsyncIterator[tuple[bool, AsyncIterator[bytes]]]:
        """Post a request for a reply; give whether it is a stream of events, and its bytes.

        Leaving closes the request at once. A router that spreads requests over several servers
        sends those of one `session` to the same.

        Raises:
            Fault: the server can't be reached, refuses, breaks off, or writes without end.
        """
        request = self._http.build_request(
            "POST",
            f"{self.address.base}/chat/completions",
            content=body,
            headers={"Content-Type": "application/json", "Accept": "text/event-stream"}
            | ({"X-Session-ID": session} if session else {}),
        )
        async with self._answer(request, where, watch) as response:
            kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
            if kind not in ("text/event-stream", "application/json"):
                raise unreadable(where, f"answers with {kind or 'something'!r}, not with a reply")
            yield kind == "text/event-stream", self._pieces(response, watch, where)

    @asynccontextmanager
    async def _answer(
        self, request: httpx2.Request, where: Where, watch: Watch | None = None
    ) -> AsyncIterator[httpx2.Response]:
        with self.faults(where):
            sending = self._http.send(request, stream=True)
            response = await (watch.wait(sending) if watch else sending)
            try:
                if response.status_code != 200:
                    raise await self._refusal(response, where)
                if response.headers.get("Content-Encoding", "identity").lower() != "identity":
                    raise unreadable(where, "compresses its answers without being asked to")
                yield response
            finally:
                await response.aclose()

    async def _pieces(
        self, response: httpx2.Response, watch: Watch, where: Where
    ) -> AsyncIterator[bytes]:
        size, pieces = 0, response.aiter_raw()
        with self.faults(where):
            while True:
                try:
                    piece = await watch.wait(anext(pieces))
                except StopAsyncIteration:
                    return
                size += len(piece)
                if size > _REPLY_BYTES:
                    raise unreadable(where, f"wrote over {_REPLY_BYTES >> 20} MB", " ")
                yield piece

    async def _read(self, response: httpx2.Response, most: int, where: Where) -> bytes:
        body = b""
        async for piece in response.aiter_raw():
            body += piece
            if len(body) > most:
                raise unreadable(where, f"answers with more than {most} bytes")
        return body

    async def _refusal(self, response: httpx2.Response, where: Where) -> Fault:
        if 300 <= response.status_code < 400:
            return self._redirected(response, where)
        body = b""
        with suppress(TimeoutError):
            async with asyncio.timeout(_ERROR_SECONDS):
                async for piece in response.aiter_raw():
                    body += piece
                    if len(body) > _ERROR_BYTES:
                        break
        wait = asked_wait(response.headers.get("Retry-After"))
        return of_status(response.status_code, body, where, wait)

    @contextmanager
    def faults(self, where: Where) -> Iterator[None]:
        """Turn what the transport raises into faults; no fault tells the key, if a server does."""
        try:
            yield
        except Fault as fault:
            fault.hide(self._key.hidden_in)
            raise
        except httpx2.HTTPError as error:
            raise _fault(error, where) from error
        except (httpx2.StreamError, httpx2.InvalidURL) as error:
            raise unreadable(where, f"can't be spoken to: {_reason(error)}") from error

    def _redirected(self, response: httpx2.Response, where: Where) -> Fault:
        target = urlsplit(urljoin(self.address.base, response.headers.get("Location", "")))
        to = f"{target.scheme}://{target.hostname}" + (f":{target.port}" if target.port else "")
        error = EngineRefused(
            f"{where} redirects to {to!r}; neither question nor key is sent there",
            hint="name the address that answers itself",
        )
        return Fault(error, elsewhere=True)


def _fault(error: httpx2.HTTPError, where: Where) -> Fault:
    unreached = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.ProxyError)
    if not isinstance(error, unreached):
        found = EngineUnreachable(
            f"{where} broke off the connection: {_reason(error)}",
            hint="look at the server's log; a proxy before it may have a time limit of its own",
        )
        return Fault(found, here=True, tries=3)
    if isinstance(_cause(error), ssl.SSLError):
        found = EngineUnreachable(
            f"{where} can't be reached safely: {_reason(error)}",
            hint="is it https? A certificate of your own: SSL_CERT_FILE=FILE",
        )
        return Fault(found, elsewhere=True)
    found = EngineUnreachable(
        f"{where} can't be reached: {_reason(error)}",
        hint=f"is it running, and is this its address? curl {where.shown}/v1/models",
    )
    return Fault(found, here=True, tries=3)


def _cause(error: BaseException) -> BaseException:
    """Return the error that all others came from: libraries wrap it several times."""
    seen = {id(error)}
    while (inner := error.__cause__ or error.__context__) is not None and id(inner) not in seen:
        seen.add(id(inner))
        error = inner
    return error


def _reason(error: BaseException) -> str:
    cause = _cause(error)
    known = isinstance(cause, OSError) and not isinstance(cause, ssl.SSLError | socket.gaierror)
    number = getattr(cause, "errno", None) if known else None
    text = os.strerror(number) if number else getattr(cause, "strerror", None) or str(cause)
    return " ".join(text.split()) or type(error).__name__
