"""Where servers are: "MODEL@URL,URL" and the settings, read into addresses that were checked."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from qwen_audio_tools.errors import SettingsError
from qwen_audio_tools.setting_kinds import without_password
from qwen_audio_tools.settings import Settings

_BEGINS = re.compile(r"(?:\A|@)(?=https?://)", re.IGNORECASE)
_EXAMPLE = "server:Qwen/Qwen2-Audio-7B-Instruct@http://host:8000/v1"


@dataclass(frozen=True, slots=True)
class Address:
    """A server: `base` ends before "/chat/completions", `shown` is scheme, host and port alone."""

    base: str
    shown: str
    host: str
    port: int
    secure: bool


def parse(rest: str, settings: Settings) -> tuple[str, tuple[Address, ...]]:
    """Return the model and the servers that the part after "server:" names, or the settings.

    The model is an empty string where it is left to the servers.

    Raises:
        SettingsError: an address is none, holds a password, or there is no address at all.
    """
    found = _BEGINS.search(rest)
    model, urls = (rest[: found.start()], rest[found.end() :]) if found else (rest, "")
    texts = [text for text in re.split(r"[\s,]+", urls) if text] or list(settings.server_urls)
    if not texts:
        raise SettingsError(
            "no server is named: a URL is needed",
            hint=f"--engine {_EXAMPLE}, or set server_urls (see: qwa config show)",
        )
    return model.strip() or settings.server_model, addresses(texts)


def addresses(texts: Sequence[str]) -> tuple[Address, ...]:
    """Return the addresses of servers, each once.

    Raises:
        SettingsError: one is no address, or holds what doesn't belong there.
    """
    return tuple(dict.fromkeys(_address(text) for text in texts))


def _address(text: str) -> Address:
    parts, port = _split(text)
    if parts.username is not None or parts.password is not None:
        raise _wrong(
            text, "it holds a name or a password", "a key comes from QWA_SERVER_KEY or a file"
        )
    if parts.query or parts.fragment:
        raise _wrong(text.partition("?")[0].partition("#")[0], "nothing may follow its path")
    scheme = parts.scheme.lower()
    host = (parts.hostname or "").lower()
    named = f"[{host}]" if ":" in host else host
    usual = 443 if scheme == "https" else 80
    shown = f"{scheme}://{named}" + ("" if port in (None, usual) else f":{port}")
    path = parts.path.rstrip("/").removesuffix("/chat/completions").rstrip("/")
    return Address(shown + (path or "/v1"), shown, host, port or usual, scheme == "https")


def _split(text: str) -> tuple[SplitResult, int | None]:
    if not text.isprintable() or "\\" in text:
        raise _wrong(text, "no URL has such characters in it")
    try:
        parts = urlsplit(text)
    except ValueError:
        raise _wrong(text, "it can't be read as a URL") from None
    try:
        port = parts.port
    except ValueError:  # what stands there may be half a password
        shown = f"{parts.scheme}://{parts.hostname}:…"
        raise _wrong(shown, "its port is no number up to 65535") from None
    if parts.scheme.lower() not in ("http", "https") or not parts.hostname:
        raise _wrong(text, "it begins with http:// or https:// and names a host")
    return parts, port


def _wrong(text: str, why: str, hint: str = "") -> SettingsError:
    return SettingsError(
        f"{without_password(text)!r} is no address of a server: {why}",
        hint=hint or f"--engine {_EXAMPLE}",
    )
