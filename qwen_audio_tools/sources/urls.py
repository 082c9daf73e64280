"""Fetch one https URL into a temporary file, without letting it lead into one's own network.

The name is resolved once, each of its addresses must be public, and the connection goes to that
very address with the name kept for TLS and the Host header: so a name that changes its address
between check and use gains nothing. Redirects go through the same door. What a server says of its
content is not believed; the decoder sniffs.
"""

import contextlib
import http.client
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO
from urllib.parse import urljoin, urlsplit

from qwen_audio_tools.errors import ClipMissing, ClipRefused, ClipUnreadable
from qwen_audio_tools.sources.policy import SourcePolicy
from qwen_audio_tools.sources.spooling import spool

_CHUNK = 64 * 1024
_STEP_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class _Target:
    scheme: str
    host: str
    port: int
    path: str


def fetch(url: str, policy: SourcePolicy) -> BinaryIO:
    """Return the content of a URL as a seekable temporary file.

    Raises:
        ClipRefused: URLs are not allowed, nor is this scheme, host, address or redirect.
        ClipMissing: the server says that there is nothing.
        ClipUnreadable: it can't be reached, fails, or takes too long.
        ClipTooLong: more bytes than the limits allow.
    """
    if not policy.allow_urls:
        raise ClipRefused(f"{_short(url)!r} is a URL; URLs are not opened here", hint="download it")
    deadline = time.monotonic() + policy.seconds
    for _ in range(policy.redirects + 1):
        target = _parse(url, policy)
        connection = _connect(target, policy, deadline)
        # A timeout per read would let a server drip bytes for ever; this ends it all at once.
        clock = threading.Timer(max(0.0, deadline - time.monotonic()), _cut, (connection.sock,))
        clock.daemon = True
        clock.start()
        try:
            with _ask(connection, target, url) as answer:
                _check_status(answer, url)
                if answer.status not in (301, 302, 303, 307, 308):
                    policy.limits.check_size(answer.length or 0, _short(url))
                    return spool(_body(answer, url, deadline), policy.limits, _short(url))
                url = urljoin(url, answer.getheader("Location") or "")
        finally:
            clock.cancel()
            connection.close()
    raise ClipRefused(f"more than {policy.redirects} redirects, the last to {_short(url)!r}")


def _cut(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)


def _parse(url: str, policy: SourcePolicy) -> _Target:
    if any(ord(letter) <= 32 or letter in "\\\x7f" for letter in url):
        raise ClipRefused(f"{_short(url)!r} holds characters that no URL has")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ClipRefused(f"{_short(url)!r} is not a URL: {error}") from error
    allowed = ("https", "http") if policy.allow_private else ("https",)
    if parts.scheme not in allowed:
        raise ClipRefused(f"{_short(url)!r}: only {' and '.join(allowed)} URLs are opened")
    if not parts.hostname or parts.username or parts.password:
        raise ClipRefused(f"{_short(url)!r} names no host, or holds a password")
    if not policy.allows_host(parts.hostname):
        raise ClipRefused(
            f"{_short(url)!r}: {parts.hostname!r} is not among the hosts that may be asked "
            f"({', '.join(policy.hosts or ()) or 'none'})",
            hint="send the audio itself",
        )
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    default = 443 if parts.scheme == "https" else 80
    return _Target(parts.scheme, parts.hostname, port or default, path)


def _addresses(target: _Target, policy: SourcePolicy) -> list[str]:
    try:
        found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise ClipUnreadable(
            f"no address for {target.host!r}", hint="check the name and the network"
        ) from error
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    if not policy.allow_private:
        for address in addresses:
            if not is_public(address):
                raise ClipRefused(f"{target.host!r} leads to {address}, which is not public")
    return addresses


def is_public(address: str) -> bool:
    """Return whether an IP address is on the public internet, embedded IPv4 ones included."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo or (None, None))[1]
        if inner is None and ip in ipaddress.ip_network("64:ff9b::/96"):
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFF_FFFF)
        if inner is not None and not is_public(str(inner)):
            return False
    return ip.is_global and not ip.is_multicast


def _connect(target: _Target, policy: SourcePolicy, deadline: float) -> http.client.HTTPConnection:
    failure: Exception | None = None
    for address in _addresses(target, policy):
        left = min(_STEP_SECONDS, deadline - time.monotonic())
        if left <= 0:
            break
        try:
            raw = socket.create_connection((address, target.port), timeout=left)
        except OSError as error:
            failure = error
            continue
        return _dressed(raw, target, policy)
    raise ClipUnreadable(f"{target.host!r} can't be reached: {failure or 'time is up'}")


def _dressed(
    raw: socket.socket, target: _Target, policy: SourcePolicy
) -> http.client.HTTPConnection:
    connection = http.client.HTTPConnection(target.host, target.port)
    connection.sock = raw
    if target.scheme == "https":
        context = policy.trust or ssl.create_default_context()
        try:
            connection.sock = context.wrap_socket(raw, server_hostname=target.host)
        except (OSError, ssl.CertificateError) as error:
            raw.close()
            raise ClipUnreadable(f"no safe connection to {target.host!r}: {error}") from error
    return connection


def _ask(
    connection: http.client.HTTPConnection, target: _Target, url: str
) -> http.client.HTTPResponse:
    default = 443 if target.scheme == "https" else 80
    host = f"[{target.host}]" if ":" in target.host else target.host
    try:
        connection.putrequest("GET", target.path, skip_host=True, skip_accept_encoding=True)
        connection.putheader("Host", host if target.port == default else f"{host}:{target.port}")
        connection.putheader("User-Agent", "qwen-audio-tools")
        connection.putheader("Accept-Encoding", "identity")
        connection.endheaders()
        answer = connection.getresponse()
    except (OSError, http.client.HTTPException, UnicodeError) as error:
        raise ClipUnreadable(f"{_short(url)!r} failed: {error or type(error).__name__}") from error
    return answer


def _check_status(answer: http.client.HTTPResponse, url: str) -> None:
    if answer.status in (404, 410):
        raise ClipMissing(f"{_short(url)!r} does not exist: the server says {answer.status}")
    if answer.status >= 400 or answer.status in (204, 205, 304):
        raise ClipUnreadable(f"{_short(url)!r}: the server says {answer.status} {answer.reason}")


def _body(answer: http.client.HTTPResponse, url: str, deadline: float) -> Iterator[bytes]:
    size, expected = 0, answer.length
    try:
        while chunk := answer.read1(_CHUNK):
            size += len(chunk)
            yield chunk
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise ClipUnreadable(f"{_short(url)!r} broke off after {size} bytes: {error}") from error
    if time.monotonic() > deadline:
        raise ClipUnreadable(f"{_short(url)!r} took too long: {size} bytes came in time")
    if expected is not None and size < expected:
        raise ClipUnreadable(f"{_short(url)!r} broke off: {size} of {expected} bytes came")


def _short(url: str) -> str:
    # A query often holds a key, and a message goes into logs.
    return url.partition("?")[0][:200]
