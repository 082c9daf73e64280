"""Clients that ask an HTTP server over and over, and note how long each answer took."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(slots=True)
class Load:
    """What clients saw: seconds of each answer, in the order of their ends, and what went wrong."""

    seconds: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    wall: float = 0.0

    @property
    def rate(self) -> float:
        """Answers a second."""
        return len(self.seconds) / self.wall if self.wall else 0.0

    def percentile(self, share: float) -> float:
        """Return the seconds that this share of the answers did not exceed."""
        ordered = sorted(self.seconds)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


def request(port: int, path: str, body: bytes) -> bytes:
    """Return the bytes of a POST."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def run(port: int, requests: Sequence[bytes], *, clients: int, seconds: float) -> Load:
    """Let clients ask for so many seconds, each over a connection of its own, without a pause."""
    return asyncio.run(_run(port, requests, clients, seconds))


async def _run(port: int, requests: Sequence[bytes], clients: int, seconds: float) -> Load:
    load = Load()
    began = time.perf_counter()
    until = began + seconds
    await asyncio.gather(
        *(_client(port, requests[at % len(requests)], until, load) for at in range(clients))
    )
    load.wall = time.perf_counter() - began
    return load


async def _client(port: int, request: bytes, until: float, load: Load) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**20)
    try:
        while time.perf_counter() < until:
            began = time.perf_counter()
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            body = await _body(reader, head)
            load.seconds.append(time.perf_counter() - began)
            if not head.startswith(b"HTTP/1.1 200"):
                load.errors.append((head[:40] + body[:200]).decode(errors="replace"))
    except (OSError, asyncio.IncompleteReadError) as error:
        load.errors.append(repr(error))
    finally:
        writer.close()


async def _body(reader: asyncio.StreamReader, head: bytes) -> bytes:
    lower = head.lower()
    _, length, rest = lower.partition(b"content-length:")
    if length:
        return await reader.readexactly(int(rest.partition(b"\r\n")[0]))
    pieces = []
    while size := int(await reader.readline(), 16):
        pieces.append(await reader.readexactly(size + 2))
    await reader.readline()
    return b"".join(pieces)
