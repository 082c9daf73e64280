"""Who may ask: known hosts and origins only, and a token where one is demanded.

A page that a browser shows may send requests to this machine. Its Origin gives it away; and where
its own name leads here (DNS rebinding), the Host does. An address as Host is no such name.
"""

import hashlib
import hmac
import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from qwen_audio_tools.errors import SettingsError
from qwen_audio_tools.serving.http.refusals import INVALID, Kind, Refused

OPEN = ("/health", "/health/live", "/health/ready")
"""What is answered without a token: supervisors have none."""


MAKE_ONE = "export QWA_SERVE_TOKEN=$(python3 -c 'import secrets; print(secrets.token_urlsafe())')"
_SHORTEST = 16


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens that open the server, kept as digests; none at all lets everybody in."""

    digests: tuple[bytes, ...] = field(default=(), repr=False)

    @classmethod
    def of(cls, tokens: Iterable[str]) -> "Tokens":
        """Return the tokens, ready to be compared.

        Raises:
            SettingsError: one of them can be guessed, or no header can carry it.
        """
        found = list(tokens)
        for token in found:
            safe = len(token) >= _SHORTEST and token.isascii() and token.isprintable()
            if not safe or " " in token:
                raise SettingsError(
                    f"a token is no safe one: {_SHORTEST} ASCII characters or more are, "
                    "without spaces",
                    hint=MAKE_ONE,
                )
        return cls(tuple(_digest(token.encode()) for token in found))

    @classmethod
    def read(cls, variable: str | None, file: Path | None) -> "Tokens":
        """Return the token of the environment, and those of a file: one a line, # is a comment.

        Raises:
            SettingsError: the file can't be read or holds none.
        """
        tokens = [] if variable is None else [variable.strip()]
        if file is not None:
            try:
                lines = file.read_text(encoding="utf-8").splitlines()
            except (OSError, UnicodeDecodeError) as error:
                reason = getattr(error, "strerror", None) or "it is no text"
                raise SettingsError(
                    f"the file of tokens {str(file)!r} can't be read: {reason}"
                ) from error
            found = [line.strip() for line in lines if line.strip() and line.strip()[0] != "#"]
            if not found:
                raise SettingsError(
                    f"the file of tokens {str(file)!r} holds none", hint="one token a line"
                )
            tokens += found
        return cls.of(tokens)

    def open_with(self, given: str) -> bool:
        """Return whether this token is one of them; how long that takes tells nothing."""
        digest = _digest(given.encode("utf-8", "surrogatepass"))
        fits = [hmac.compare_digest(digest, each) for each in self.digests]
        return any(fits)


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """What a request must show before anything of it is read."""

    tokens: Tokens = Tokens()
    hosts: tuple[str, ...] = ("localhost",)
    origins: tuple[str, ...] = ()

    def check(self, path: str, headers: Mapping[str, str]) -> None:
        """Let a request pass.

        Raises:
            Refused: its Host or Origin is not known, or it brings no token that opens.
        """
        _check_host(headers.get("host", ""), self.hosts)
        origin = headers.get("origin")
        if origin is not None and not self.allows(origin):
            raise Refused(
                Kind(403, INVALID, "origin_refused"),
                f"pages of {origin!r:.120} may not ask here",
                "qwa serve --allow-origin ORIGIN lets them",
            )
        if not self.tokens.digests or path in OPEN:
            return
        scheme, _, token = headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not self.tokens.open_with(token.strip()):
            raise Refused(
                Kind(401, INVALID, "invalid_api_key"),
                "a token is needed here, and the right one was not brought",
                "send Authorization: Bearer TOKEN; OpenAI's clients call it the API key",
                headers={"www-authenticate": "Bearer"},
            )

    def allows(self, origin: str) -> bool:
        """Return whether pages of this origin may ask."""
        return "*" in self.origins or origin.lower().rstrip("/") in self.origins


def _check_host(given: str, hosts: Sequence[str]) -> None:
    name = _name_of(given)
    if name in hosts or _is_address(name):
        return
    raise Refused(
        Kind(403, INVALID, "host_refused"),
        f"the request is for the host {given!r:.120}, which is not this one",
        "qwa serve --allow-host NAME if it is",
    )


def _name_of(host: str) -> str:
    """Return a Host header without its port."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0].lower().rstrip(".")


@lru_cache(maxsize=64)
def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _digest(token: bytes) -> bytes:
    return hashlib.sha256(token).digest()
