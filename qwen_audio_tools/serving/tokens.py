"""Tokens that open a server, and the host that a request names: for all that listens on HTTP."""

import hashlib
import hmac
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from qwen_audio_tools.errors import SettingsError

_SHORTEST = 16


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens that open a server, kept as digests; there may be none at all."""

    digests: tuple[bytes, ...] = field(default=(), repr=False)

    @classmethod
    def of(cls, tokens: Iterable[str], *, variable: str = "TOKEN") -> "Tokens":
        """Return the tokens, ready to be compared; `variable` is what a hint names.

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
                    hint=make_one(variable),
                )
        return cls(tuple(_digest(token.encode()) for token in found))

    @classmethod
    def read(cls, variable: str, file: str | Path | None = None) -> "Tokens":
        """Return the token of an environment variable, and those of a file.

        The file holds one a line; # begins a comment.

        Raises:
            SettingsError: the file can't be read or holds none, or a token is no safe one.
        """
        named = os.environ.get(variable, "").strip()
        tokens = [named] if named else []
        if file is not None:
            tokens += _lines(Path(file).expanduser(), variable)
        return cls.of(tokens, variable=variable)

    def open_with(self, given: str) -> bool:
        """Return whether this token is one of them; how long that takes tells nothing."""
        digest = _digest(given.encode("utf-8", "surrogatepass"))
        fits = [hmac.compare_digest(digest, each) for each in self.digests]
        return any(fits)

    def open_to(self, authorization: str) -> bool:
        """Return whether a header `Authorization: Bearer TOKEN` brings one of them."""
        scheme, _, token = authorization.partition(" ")
        return scheme.lower() == "bearer" and self.open_with(token.strip())


def make_one(variable: str) -> str:
    """Return the command that puts a new token into an environment variable."""
    return f"export {variable}=$(python3 -c 'import secrets; print(secrets.token_urlsafe())')"


def host_named(header: str) -> str:
    """Return the host of a Host header or an origin: without its port, in lower case."""
    if header.startswith("["):
        return header[1:].partition("]")[0].lower()
    return header.partition(":")[0].lower().rstrip(".")


def _lines(file: Path, variable: str) -> list[str]:
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        raise SettingsError(f"the file of tokens {str(file)!r} can't be read: {reason}") from error
    found = [line.strip() for line in lines if line.strip() and line.strip()[0] != "#"]
    if not found:
        raise SettingsError(
            f"the file of tokens {str(file)!r} holds none",
            hint=f"one token a line; {make_one(variable)}",
        )
    return found


def _digest(token: bytes) -> bytes:
    return hashlib.sha256(token).digest()
