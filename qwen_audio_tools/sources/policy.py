"""Who may open what: a person anything that is theirs, an agent only what it was given."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qwen_audio_tools.decoding.limits import Limits

if TYPE_CHECKING:
    import ssl

_TOLD = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class SourcePolicy:
    """What may be opened, and what it may cost.

    `roots`: folders that paths must lie in once symlinks are resolved; None means anywhere.
    `allow_urls`: https URLs, fetched with every redirect checked. `hosts`: the only ones that URLs
    and redirects may lead to; `*.example.com` is any name below that one, None any host at all.
    `allow_http`: also plain http. `allow_private`: both, and addresses that are not public, for
    one's own network. `seconds`: time for a whole fetch.
    `trust`: the certificate authorities for https, where the machine's own won't do.
    """

    roots: tuple[Path, ...] | None = None
    allow_urls: bool = False
    hosts: tuple[str, ...] | None = None
    allow_http: bool = False
    allow_private: bool = False
    allow_stdin: bool = True
    seconds: float = 120.0
    redirects: int = 3
    limits: Limits = field(default_factory=Limits)
    trust: "ssl.SSLContext | None" = None

    def allows_host(self, host: str) -> bool:
        """Return whether a URL may lead to this host, as far as its name goes."""
        if self.hosts is None:
            return True
        name = host.lower().rstrip(".")
        return any(
            name.endswith(allowed[1:]) if allowed.startswith("*.") else name == allowed
            for allowed in (each.lower().rstrip(".") for each in self.hosts)
        )

    def with_limits(self, limits: Limits) -> "SourcePolicy":
        """Return the same policy with other limits."""
        return replace(self, limits=limits)

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-ready dict; `trust` stays behind, so what is restored opens no more."""
        kept = [each.name for each in fields(self) if each.name not in ("roots", "hosts", "trust")]
        return {
            **{name: getattr(self, name) for name in kept},
            "roots": None if self.roots is None else [str(root) for root in self.roots],
            "hosts": None if self.hosts is None else list(self.hosts),
            "limits": asdict(self.limits),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "SourcePolicy":
        """Rebuild a policy from `to_dict`."""
        roots, hosts = data["roots"], data["hosts"]
        return cls(
            **{
                **data,
                "roots": None if roots is None else tuple(Path(root) for root in roots),
                "hosts": None if hosts is None else tuple(hosts),
                "limits": Limits(**data["limits"]),
            }
        )


def roots_told(roots: Iterable[Path], joined: str = ", ") -> str:
    """Return the roots in words: the first of them, and how many there are beside."""
    names = [str(root) for root in roots]
    more = [f"{len(names) - _TOLD} more"] if len(names) > _TOLD else []
    return joined.join(names[:_TOLD] + more)


def person(limits: Limits | None = None) -> SourcePolicy:
    """Return the policy for a person's own command line: any file, and https URLs."""
    return SourcePolicy(allow_urls=True, limits=limits or Limits())


def agent(roots: Iterable[str | Path], limits: Limits | None = None) -> SourcePolicy:
    """Return the policy for whatever a model or a client names: these folders, and no URLs."""
    folders = tuple(Path(root).expanduser().resolve() for root in roots)
    return SourcePolicy(roots=folders, allow_stdin=False, limits=limits or Limits())
