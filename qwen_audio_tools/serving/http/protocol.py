"""HTTP/1.1 by uvicorn, but not for ever: a request whose head does not come is hung up on."""

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol


class PatientProtocol(H11Protocol):
    """One connection. The head of a request has `seconds` to come, from its first byte on."""

    seconds = 60.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait: who connects has something to ask."""
        super().connection_made(transport)
        self._head: asyncio.TimerHandle | None = self.loop.call_later(self.seconds, self._hang_up)

    def data_received(self, data: bytes) -> None:
        """Take what came; between two requests uvicorn has a timer of its own."""
        super().data_received(data)
        busy = self.cycle is not None and not self.cycle.response_complete
        if busy and self._head is not None:
            self._head.cancel()
            self._head = None
        elif not busy and self._head is None:
            self._head = self.loop.call_later(self.seconds, self._hang_up)

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        if self._head is not None:
            self._head.cancel()
        super().connection_lost(exc)

    def _hang_up(self) -> None:
        self.transport.close()


def patient(seconds: float) -> type[asyncio.Protocol]:
    """Return the protocol with another time for heads, as uvicorn takes it."""
    made: Any = type("PatientProtocol", (PatientProtocol,), {"seconds": seconds})
    return made  # type: ignore[no-any-return]
