"""The server on its socket: it answers until it is told to stop, and then lets requests finish."""

import asyncio
import errno
import ipaddress
import logging
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

import uvicorn
from starlette.types import ASGIApp

from qwen_audio_tools.errors import SettingsError
from qwen_audio_tools.serving.http.protocol import patient
from qwen_audio_tools.serving.http.queueing.desk import Desk

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_BACKSTOP_SECONDS = 5.0
_BACKLOG = 2048


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens; port 0 is any free one.

    Raises:
        SettingsError: the port is taken, or may not be used, or there is no such address here.
    """
    try:
        found = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        family, kind, _, _, address = found[0]
        # By its number: of a socket that doesn't say that it is TCP, asyncio leaves Nagle's
        # algorithm on, and every answer waits 40 ms for an acknowledgement.
        listening = socket.socket(family, kind, socket.IPPROTO_TCP)
        try:
            if os.name == "posix":
                listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind(address)
            listening.listen(_BACKLOG)
        except BaseException:
            listening.close()
            raise
        return listening
    except (OSError, OverflowError, UnicodeError) as error:
        raise _explained(error, host, port) from error


def is_loopback(host: str) -> bool:
    """Return whether only this machine reaches a server on that address."""
    try:
        found = socket.getaddrinfo(host or None, 0, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError):
        return False
    addresses = {str(entry[4][0]).partition("%")[0] for entry in found}
    return all(ipaddress.ip_address(address).is_loopback for address in addresses)


class Server:
    """One server on a socket. `run` it, and `stop` it from any thread or a signal.

    `grace` is for how many seconds requests that are here may go on once it stops.
    """

    def __init__(self, app: ASGIApp, desk: Desk, listening: socket.socket, *, grace: float) -> None:
        self._desk, self._socket, self._grace = desk, listening, grace
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping = threading.Event()
        self.signal = 0
        """The signal that stopped it, or 0."""
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            ws="none",
            http=patient(desk.limits.receive_seconds),
            proxy_headers=False,
            timeout_keep_alive=75,  # longer than proxies keep theirs: else they meet closed ones
            timeout_graceful_shutdown=grace + _BACKSTOP_SECONDS,  # type: ignore[arg-type]
        )
        self._uvicorn = _Uvicorn(config, self._take)
        # What it says of requests and of errors we say ourselves.
        logging.getLogger("uvicorn.error").addHandler(logging.NullHandler())
        logging.getLogger("uvicorn.error").propagate = False

    def run(self, begun: Callable[[], None] = lambda: None) -> None:
        """Answer until told to stop; `begun` is called once it listens."""
        with asyncio.Runner(loop_factory=self._uvicorn.config.get_loop_factory()) as runner:
            runner.run(self._serve(begun))

    def stop(self) -> None:
        """Take no more requests, let those that are here finish, and end `run`."""
        self._stopping.set()
        self._tell_loop(self._begin_to_stop)

    def _tell_loop(self, what: Callable[[], None]) -> None:
        if self._loop is not None:
            with suppress(RuntimeError):  # it is closed: the server has ended by itself
                self._loop.call_soon_threadsafe(what)

    async def _serve(self, begun: Callable[[], None]) -> None:
        self._loop = asyncio.get_running_loop()
        if self._stopping.is_set():
            self._begin_to_stop()
        self._loop.call_soon(begun)
        try:
            await self._uvicorn.serve(sockets=[self._socket])
        finally:
            self._desk.close()

    def _begin_to_stop(self) -> None:
        assert self._loop is not None
        if not self._desk.closing:
            self._desk.closing = True
            self._loop.call_later(self._grace, self._desk.end_all)
        self._uvicorn.should_exit = True

    def _take(self, number: int) -> None:
        """Heed a signal: the first lets requests finish, the second does not."""
        if self.signal:
            self._tell_loop(self._desk.end_all)
        self.signal = self.signal or number
        self.stop()


class _Uvicorn(uvicorn.Server):
    """A uvicorn whose signals go to us; its own way ends the process by the signal."""

    def __init__(self, config: uvicorn.Config, take: Callable[[int], None]) -> None:
        super().__init__(config)
        self._take = take

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def take(number: int, frame: FrameType | None) -> None:
            self._take(number)

        before = {each: signal.signal(each, take) for each in _SIGNALS}
        try:
            yield
        finally:
            for each, handler in before.items():
                signal.signal(each, handler)


def _explained(error: Exception, host: str, port: int) -> SettingsError:
    where = f"port {port} on {host!r}"
    code = getattr(error, "errno", None)
    if code == errno.EADDRINUSE:
        return SettingsError(
            f"{where} is in use by another program", hint="--port 0 takes any that is free"
        )
    if code in (errno.EACCES, errno.EPERM):
        return SettingsError(f"{where} may not be used", hint="take one above 1023: --port 8000")
    reason = getattr(error, "strerror", None) or error
    return SettingsError(f"nothing can listen to {where}: {reason}", hint="--host 127.0.0.1")
