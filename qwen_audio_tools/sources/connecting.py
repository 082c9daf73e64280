"""Connect to the host of a URL, without letting it lead into one's own network.

The name is resolved once, each of its addresses must be public, and the connection goes to that
very address with the name kept for TLS and the Host header: so a name that changes its address
between check and use gains nothing.
"""

import http.client
import ipaddress
import socket
import ssl
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

from qwen_audio_tools.errors import ClipRefused, ClipUnreadable
from qwen_audio_tools.sources.policy import SourcePolicy

_STEP_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Target:
    """Where a URL leads: whom to connect to, and what to ask for."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def netloc(self) -> str:
        """Host and port as the Host header names them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        usual = self.port == (443 if self.scheme == "https" else 80)
        return host if usual else f"{host}:{self.port}"


def parse(url: str, policy: SourcePolicy) -> Target:
    """Return where a URL leads.

    Raises:
        ClipRefused: it is none, or of a scheme that the policy does not allow.
    """
    if any(ord(letter) <= 32 or letter in "\\\x7f" for letter in url):
        raise ClipRefused(f"{short(url)!r} holds characters that no URL has")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ClipRefused(f"{short(url)!r} is not a URL: {error}") from error
    plain = policy.allow_http or policy.allow_private
    allowed = ("https", "http") if plain else ("https",)
    if parts.scheme not in allowed:
        raise ClipRefused(f"{short(url)!r}: only {' and '.join(allowed)} URLs are opened")
    if not parts.hostname or parts.username or parts.password:
        raise ClipRefused(f"{short(url)!r} names no host, or holds a password")
    if not policy.allows_host(parts.hostname):
        raise ClipRefused(
            f"{short(url)!r}: {parts.hostname!r} is not among the hosts that may be asked "
            f"({', '.join(policy.hosts or ()) or 'none'})",
            hint="send the audio itself",
        )
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    default = 443 if parts.scheme == "https" else 80
    return Target(parts.scheme, _ascii(parts.hostname), port or default, path)


def _ascii(host: str) -> str:
    try:
        return host if host.isascii() else host.encode("idna").decode("ascii")
    except UnicodeError as error:
        raise ClipRefused(f"{host[:80]!r} is no name of a host") from error


def _addresses(target: Target, policy: SourcePolicy) -> list[str]:
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


def connect(target: Target, policy: SourcePolicy, deadline: float) -> http.client.HTTPConnection:
    """Return a connection to the first of the host's addresses that answers.

    Raises:
        ClipRefused: an address is not public, and the policy does not allow that.
        ClipUnreadable: nobody answers in time, or not safely.
    """
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
    raw: socket.socket, target: Target, policy: SourcePolicy
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


def short(url: str) -> str:
    """Return a URL for messages."""
    # A query often holds a key, and a message goes into logs.
    return url.partition("?")[0][:200]
