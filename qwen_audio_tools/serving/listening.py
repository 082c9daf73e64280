"""A socket that a server listens on, and who reaches it: for all that listens on HTTP."""

import errno
import ipaddress
import os
import socket

from qwen_audio_tools.errors import SettingsError

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
