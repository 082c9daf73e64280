"""From the command line of `qwa serve` to a server: engines, what may be opened, who may ask."""

import signal
import socket
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from qwa.engine_options import Tuning
from qwa.hushing import hush
from qwa.manners import Manners, write_line
from qwen_audio_tools.content_blocks import Origin
from qwen_audio_tools.decoding.limits import Limits
from qwen_audio_tools.engines import choose
from qwen_audio_tools.errors import MissingExtra, SettingsError
from qwen_audio_tools.serving.http.limits import ServerLimits
from qwen_audio_tools.sources.policy import SourcePolicy

if TYPE_CHECKING:
    from qwen_audio_tools.serving.http.app import Log
    from qwen_audio_tools.serving.http.guarding import Guard
    from qwen_audio_tools.serving.http.queueing.desk import Desk
    from qwen_audio_tools.serving.http.running import Server
    from qwen_audio_tools.settings import Settings

TOKEN = "QWA_SERVE_TOKEN"
_PACKAGES = ("prometheus_client", "python_multipart", "starlette", "uvicorn")


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """What requests may name, and who may send them."""

    roots: tuple[str, ...] = ()
    url_hosts: tuple[str, ...] = ()
    private: bool = False
    token_file: str | None = None
    hosts: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where it listens, how long it takes to stop, and whether models wait for a request."""

    host: str
    port: int
    grace: float
    lazy: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the command line asks for; `aliases` are further names of the first engine."""

    engines: tuple[str, ...]
    aliases: tuple[str, ...]
    limits: ServerLimits
    access: Access
    place: Place
    tuning: Tuning


def check_packages() -> None:
    """Refuse to go on without the packages of the extra.

    Raises:
        MissingExtra: they are not installed.
    """
    if missing := [name for name in _PACKAGES if find_spec(name) is None]:
        raise MissingExtra(
            f"qwa serve needs packages that are not installed: {', '.join(missing)}",
            hint="pip install 'qwen-audio-tools[serve]'",
        )


def run(wanted: Wanted, manners: Manners) -> int:
    """Serve until told to stop, and return the exit code.

    Raises:
        SettingsError: the address can't be listened to, or a token is missing.
        QwenAudioError: an engine can't be opened, or can't answer.
    """
    from qwen_audio_tools.serving.http.app import create_app
    from qwen_audio_tools.serving.http.running import Server
    from qwen_audio_tools.serving.listening import listen

    place = wanted.place
    guard = _guard(wanted.access, place)
    settings = wanted.tuning.read(lang=manners.lang)
    hush(manners)
    specs = list(dict.fromkeys(wanted.engines)) or [settings.engine]
    desk = _desk(specs, wanted, settings, manners)
    listening = listen(place.host, place.port)
    server = Server(create_app(desk, guard, _log(manners)), desk, listening, grace=place.grace)
    loading = _Loading(desk, server)

    def begun() -> None:
        for spec, each in zip(specs, desk.served, strict=True):
            why = f" ({choose(spec, settings).why}; see: qwa engines)" if spec == "auto" else ""
            manners.tell(f"{manners.words('engine')}: {each.name}{why}")
        url, example = _welcome(place, listening, secret=bool(guard.tokens.digests))
        manners.tell(f"{manners.words('listening on')} {url}")
        manners.tell(f"{manners.words('try')}: {example}")
        if not place.lazy:
            threading.Thread(target=loading.run, daemon=True, name="qwa-warm").start()

    signal.set_wakeup_fd(-1)  # else an interrupt ends the process 0.7 s later
    server.run(begun)
    if loading.failure is not None:
        raise loading.failure
    return 130 if server.signal == signal.SIGINT else 0


def _desk(specs: Sequence[str], wanted: Wanted, settings: "Settings", manners: Manners) -> "Desk":
    from qwen_audio_tools.serving.http.queueing.desk import Desk

    engines = [wanted.tuning.open(spec, manners) for spec in specs]
    desk = Desk(
        engines,
        limits=wanted.limits,
        origin=Origin(policy=_policy(wanted.access, settings.roots, wanted.limits)),
        defaults=wanted.tuning.options(lang=None if settings.lang == "auto" else settings.lang),
        aliases=wanted.aliases,
    )
    desk.ready = wanted.place.lazy
    return desk


class _Loading:
    """Models that load while the server listens already; what fails ends the server."""

    def __init__(self, desk: "Desk", server: "Server") -> None:
        self._desk, self._server = desk, server
        self.failure: Exception | None = None

    def run(self) -> None:
        """Load them, and say that requests are welcome."""
        from qwen_audio_tools.serving.http.warming import warm

        try:
            warm(self._desk)
        except Exception as error:  # told by `run`, in the thread that the command runs in
            self.failure = error
            self._server.stop()


def _guard(access: Access, place: Place) -> "Guard":
    from qwen_audio_tools.serving.http.guarding import Guard
    from qwen_audio_tools.serving.listening import is_loopback
    from qwen_audio_tools.serving.tokens import Tokens, make_one

    tokens = Tokens.read(TOKEN, access.token_file)
    here = is_loopback(place.host)
    if not tokens.digests and not here:
        raise SettingsError(
            f"--host {place.host!r} is reached from other machines: a token is demanded there",
            hint=f"{make_one(TOKEN)}, or --token-file FILE",
        )
    names = ["localhost", place.host, *access.hosts]
    if not here:
        names.append(socket.gethostname())
    return Guard(
        tokens=tokens,
        hosts=tuple(name.lower().rstrip(".") for name in names if name),
        origins=tuple(origin.lower().rstrip("/") for origin in access.origins),
    )


def _policy(access: Access, roots: Sequence[Path], limits: ServerLimits) -> SourcePolicy:
    folders = [root.expanduser() for root in (*roots, *map(Path, access.roots))]
    for folder in folders:
        if not folder.is_dir():
            raise SettingsError(f"--root {str(folder)!r} is no folder", hint=f"mkdir {folder}")
    if access.private and not access.url_hosts:
        raise SettingsError(
            "--allow-private says nothing of which hosts", hint="--allow-url-host NAME"
        )
    return SourcePolicy(
        roots=tuple(folder.resolve() for folder in folders),
        allow_stdin=False,
        allow_urls=bool(access.url_hosts),
        hosts=access.url_hosts,
        allow_private=access.private,
        seconds=min(60.0, limits.deadline),
        limits=Limits(max_bytes=limits.clip_bytes, max_seconds=limits.audio_seconds),
    )


def _welcome(place: Place, listening: socket.socket, *, secret: bool) -> tuple[str, str]:
    """Return the address for clients, and a command that asks there."""
    port = listening.getsockname()[1]
    host = f"[{place.host}]" if ":" in place.host else place.host or "0.0.0.0"
    url = f"http://{host}:{port}/v1"
    key = f' -H "Authorization: Bearer ${TOKEN}"' if secret else ""
    return url, f"curl {url}/audio/transcriptions{key} -F file=@clip.mp3"


def _log(manners: Manners) -> "Log":
    def log(line: str, error: Exception | None) -> None:
        if manners.verbose:
            manners.tell(line)
        if error is not None:
            import traceback

            told = "".join(traceback.format_exception(error)) if manners.verbose else repr(error)
            write_line(sys.stderr, f"qwa: unexpected: {line}\n{told.rstrip()}")

    return log
