"""Ask one URL for its content; redirects go through the same guarded door as the URL itself.

What a server says of its content is not believed; the decoder sniffs. Bytes and time are bounded.
"""

import contextlib
import http.client
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import BinaryIO
from urllib.parse import quote, urljoin

from qwen_audio_tools.errors import ClipMissing, ClipRefused, ClipUnreadable
from qwen_audio_tools.sources.connecting import Target, connect, parse, short
from qwen_audio_tools.sources.policy import SourcePolicy
from qwen_audio_tools.sources.spooling import spool

_CHUNK = 64 * 1024
_REDIRECTS = (301, 302, 303, 307, 308)
_FOR_EVER = (301, 308)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What a server answered; `chunks` is its content, valid until `requested` ends.

    `url` is where it came from after redirects; `moved` the URL that is to be asked from now on,
    where the server says so; `headers` have names in lower case; `length` counts the bytes that
    are promised.
    """

    url: str
    moved: str
    status: int
    reason: str
    headers: Mapping[str, str]
    length: int | None
    chunks: Iterator[bytes] = field(repr=False)

    def check(self) -> None:
        """Refuse whatever is no content.

        Raises:
            ClipMissing: the server says that there is nothing.
            ClipUnreadable: it says no, or fails.
        """
        if self.status in (404, 410):
            raise ClipMissing(f"{short(self.url)!r} does not exist: the server says {self.status}")
        if self.status >= 300 or self.status in (204, 205):
            said = f"{self.status} {self.reason}".strip()
            raise ClipUnreadable(f"{short(self.url)!r}: the server says {said}")


def fetch(url: str, policy: SourcePolicy) -> BinaryIO:
    """Return the content of a URL as a seekable temporary file.

    Raises:
        ClipRefused: URLs are not allowed, nor is this scheme, host, address or redirect.
        ClipMissing: the server says that there is nothing.
        ClipUnreadable: it can't be reached, fails, or takes too long.
        ClipTooLong: more bytes than the limits allow.
    """
    with requested(url, policy) as reply:
        reply.check()
        policy.limits.check_size(reply.length or 0, short(url))
        return spool(reply.chunks, policy.limits, short(url))


@contextlib.contextmanager
def requested(
    url: str, policy: SourcePolicy, headers: Mapping[str, str] | None = None
) -> Iterator[Reply]:
    """Give a server's answer to a GET, whatever its status, after at most `policy.redirects`.

    The chunks may be more than the policy's limits allow: who keeps them counts them.

    Raises:
        ClipRefused: URLs are not allowed, nor is this scheme, address or redirect.
        ClipUnreadable: it can't be reached, fails, or takes too long.
    """
    if not policy.allow_urls:
        raise ClipRefused(f"{short(url)!r} is a URL; URLs are not opened here", hint="download it")
    deadline = time.monotonic() + policy.seconds
    moved, for_ever = "", True
    for _ in range(policy.redirects + 1):
        target = parse(url, policy)
        connection = connect(target, policy, deadline)
        # A timeout per read would let a server drip bytes for ever; this ends it all at once.
        clock = threading.Timer(max(0.0, deadline - time.monotonic()), _cut, (connection.sock,))
        clock.daemon = True
        clock.start()
        try:
            with _ask(connection, target, url, headers or {}) as answer:
                if answer.status not in _REDIRECTS:
                    yield _reply(answer, url, moved, deadline)
                    return
                url = _location(answer, url)
                # Behind a redirect that is for today only, nothing is for ever.
                for_ever &= answer.status in _FOR_EVER
                moved = url if for_ever else moved
        finally:
            clock.cancel()
            connection.close()
    raise ClipRefused(f"more than {policy.redirects} redirects, the last to {short(url)!r}")


def _cut(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)


def _reply(answer: http.client.HTTPResponse, url: str, moved: str, deadline: float) -> Reply:
    return Reply(
        url=url,
        moved=moved,
        status=answer.status,
        reason=answer.reason,
        headers={name.lower(): value for name, value in answer.getheaders()},
        length=answer.length,
        chunks=_body(answer, url, deadline),
    )


def _location(answer: http.client.HTTPResponse, url: str) -> str:
    named = urljoin(url, answer.getheader("Location") or "")
    # Header bytes come as latin-1; a server that writes a path in UTF-8 means those very bytes.
    raw = named.encode("latin-1", "replace")
    return quote(raw, safe="!#$%&'()*+,/:;=?@[]~")


def _ask(
    connection: http.client.HTTPConnection, target: Target, url: str, headers: Mapping[str, str]
) -> http.client.HTTPResponse:
    try:
        connection.putrequest("GET", target.path, skip_host=True, skip_accept_encoding=True)
        connection.putheader("Host", target.netloc)
        connection.putheader("User-Agent", "qwen-audio-tools")
        connection.putheader("Accept-Encoding", "identity")
        for name, value in headers.items():
            connection.putheader(name, value)
        connection.endheaders()
        answer = connection.getresponse()
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise ClipUnreadable(f"{short(url)!r} failed: {error or type(error).__name__}") from error
    return answer


def _body(answer: http.client.HTTPResponse, url: str, deadline: float) -> Iterator[bytes]:
    size, expected = 0, answer.length
    try:
        while chunk := answer.read1(_CHUNK):
            size += len(chunk)
            yield chunk
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise ClipUnreadable(f"{short(url)!r} broke off after {size} bytes: {error}") from error
    if time.monotonic() > deadline:
        raise ClipUnreadable(f"{short(url)!r} took too long: {size} bytes came in time")
    if expected is not None and size < expected:
        raise ClipUnreadable(f"{short(url)!r} broke off: {size} of {expected} bytes came")
