"""The server on its socket: it answers until it is told to stop, and then lets requests finish."""

import asyncio
import logging
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

import uvicorn
from starlette.types import ASGIApp

from qwen_audio_tools.serving.http.protocol import patient
from qwen_audio_tools.serving.http.queueing.desk import Desk

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_BACKSTOP_SECONDS = 5.0


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
