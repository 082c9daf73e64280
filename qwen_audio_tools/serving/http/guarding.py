"""Who may ask: known hosts and origins only, and a token where one is demanded.

A page that a browser shows may send requests to this machine. Its Origin gives it away; and where
its own name leads here (DNS rebinding), the Host does. An address as Host is no such name.
"""

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from qwen_audio_tools.serving.http.refusals import INVALID, Kind, Refused
from qwen_audio_tools.serving.tokens import Tokens, host_named

OPEN = ("/health", "/health/live", "/health/ready")
"""What is answered without a token: supervisors have none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """What a request must show before anything of it is read."""

    tokens: Tokens = field(default_factory=Tokens)
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
        if not self.tokens.open_to(headers.get("authorization", "")):
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
    name = host_named(given)
    if name in hosts or _is_address(name):
        return
    raise Refused(
        Kind(403, INVALID, "host_refused"),
        f"the request is for the host {given!r:.120}, which is not this one",
        "qwa serve --allow-host NAME if it is",
    )


@lru_cache(maxsize=64)
def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
