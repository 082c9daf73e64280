"""Who may open what: a person anything that is theirs, an agent only what it was given."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from qwen_audio_tools.decoding.limits import Limits

if TYPE_CHECKING:
    import ssl


@dataclass(frozen=True, slots=True, kw_only=True)
class SourcePolicy:
    """What may be opened, and what it may cost.

    `roots`: folders that paths must lie in once symlinks are resolved; None means anywhere.
    `allow_urls`: https URLs, fetched with every redirect checked. `allow_http`: also plain http.
    `allow_private`: both, and addresses that are not public, for one's own network. `seconds`:
    time for a whole fetch.
    `trust`: the certificate authorities for https, where the machine's own won't do.
    """

    roots: tuple[Path, ...] | None = None
    allow_urls: bool = False
    allow_http: bool = False
    allow_private: bool = False
    allow_stdin: bool = True
    seconds: float = 120.0
    redirects: int = 3
    limits: Limits = field(default_factory=Limits)
    trust: "ssl.SSLContext | None" = None

    def with_limits(self, limits: Limits) -> "SourcePolicy":
        """Return the same policy with other limits."""
        return replace(self, limits=limits)


def person(limits: Limits | None = None) -> SourcePolicy:
    """Return the policy for a person's own command line: any file, and https URLs."""
    return SourcePolicy(allow_urls=True, limits=limits or Limits())


def agent(roots: Iterable[str | Path], limits: Limits | None = None) -> SourcePolicy:
    """Return the policy for whatever a model or a client names: these folders, and no URLs."""
    folders = tuple(Path(root).expanduser().resolve() for root in roots)
    return SourcePolicy(roots=folders, allow_stdin=False, limits=limits or Limits())
