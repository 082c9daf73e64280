"""From a command line to a running MCP server: folders, engine, token; or its configuration."""

import json
import sys
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from qwa.engine_options import Tuning
from qwa.manners import Manners, write_line
from qwa.options import usage
from qwen_audio_tools.errors import ArchiveError, MissingExtra, SettingsError

if TYPE_CHECKING:
    from qwen_audio_tools.agents.references import References
    from qwen_audio_tools.archive.opened_search import ArchiveSearch
    from qwen_audio_tools.settings import Settings

TOKEN = "QWA_MCP_TOKEN"
HOST, PORT = "127.0.0.1", 8766
_PLACES = ("--root", "--archive")
_PLACES_JOINED = ("--root=", "--archive=")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the command line asks for."""

    roots: tuple[str, ...] = ()
    allow_urls: bool = False
    archive: str | None = None
    no_archive: bool = False
    store: bool = True
    links: bool = True
    engine: str | None = None
    at_once: int = 2
    time_limit: float = 1800.0
    http: bool = False
    host: str | None = None
    port: int | None = None
    token_file: str | None = None
    allow_hosts: tuple[str, ...] = ()
    print_config: bool = False
    tuning: Tuning = field(default_factory=Tuning)


def serve(wanted: Wanted, manners: Manners) -> None:
    """Serve until the client leaves or a signal comes; or print the configuration.

    Raises:
        MissingExtra: the packages of the extra are not installed.
        SettingsError, EngineError: a folder, the token, the address or the engine won't do.
    """
    _check(wanted)
    settings = wanted.tuning.read(
        engine=wanted.engine, lang=manners.lang, roots=list(wanted.roots) or None
    )
    archive = _archive(wanted, settings, manners)
    roots = _folders(settings, archive)
    if wanted.print_config:
        config = _config(wanted, roots, archive)
        write_line(sys.stdout, json.dumps(config, ensure_ascii=False, indent=2))
        return
    if find_spec("mcp") is None or find_spec("uvicorn") is None:
        raise MissingExtra(
            "qwa mcp needs packages that are not installed: mcp, uvicorn",
            hint="pip install 'qwen-audio-tools[mcp]'",
        )
    _run(wanted, settings, roots, archive, manners)


def _check(wanted: Wanted) -> None:
    if wanted.archive and wanted.no_archive:
        raise usage("--archive and --no-archive are not for the same server")
    given = {
        "--host": wanted.host,
        "--port": wanted.port,
        "--token-file": wanted.token_file,
        "--allow-host": wanted.allow_hosts or None,
    }
    idle = [name for name, value in given.items() if value is not None]
    if idle and not wanted.http:
        raise usage(f"{' and '.join(idle)}: only together with --http", "qwa mcp --http")


def _archive(wanted: Wanted, settings: "Settings", manners: Manners) -> "ArchiveSearch | None":
    """Return the archive that the option or the setting names: nobody's is served unasked."""
    place = wanted.archive or settings.archive
    if wanted.no_archive or not place:
        return None
    from qwen_audio_tools.archive.opened_search import opened_search

    try:
        if find_spec("lancedb") is None:
            raise MissingExtra(
                "to search an archive takes packages that are not installed: lancedb",
                hint="pip install 'qwen-audio-tools[archive]'",
            )
        return opened_search(place)
    except (ArchiveError, MissingExtra) as error:
        if wanted.archive:
            raise
        # The setting names the place of an archive that may be made later.
        manners.tell(f"without an archive: {error}", kind="warning")
        return None


def _folders(settings: "Settings", archive: "ArchiveSearch | None") -> tuple[Path, ...]:
    """Return the folders that audio may be named in: the working folder unless others are named."""
    for folder in settings.roots:
        if not folder.is_dir():
            raise SettingsError(f"{str(folder)!r} is no folder", hint="--root DIR")
    here = Path.cwd()
    if not settings.roots and here == here.parent:
        if archive is not None:
            return ()
        raise SettingsError(
            f"the working folder is {str(here)!r}: every file would be allowed",
            hint="name the folders with recordings: qwa mcp --root DIR",
        )
    return tuple(folder.resolve() for folder in settings.roots or (here,))


def _run(
    wanted: Wanted,
    settings: "Settings",
    roots: tuple[Path, ...],
    archive: "ArchiveSearch | None",
    manners: Manners,
) -> None:
    from qwa.hushing import hush
    from qwen_audio_tools import __version__
    from qwen_audio_tools.agents.tools import Ears
    from qwen_audio_tools.serving.mcp.calling import CallLimits
    from qwen_audio_tools.serving.mcp.guarding import Door, hosts_of
    from qwen_audio_tools.serving.mcp.running import Address, serve_http, serve_stdio
    from qwen_audio_tools.serving.mcp.server import ServerOptions, make_server
    from qwen_audio_tools.serving.tokens import Tokens, make_one

    host = wanted.host or HOST
    door = None
    if wanted.http:
        tokens = Tokens.read(TOKEN, wanted.token_file)
        if not tokens.digests:
            raise SettingsError(
                f"over HTTP a token is needed, and {TOKEN} holds none",
                hint=f"{make_one(TOKEN)}, or --token-file FILE",
            )
        door = Door(tokens=tokens, hosts=hosts_of(host, wanted.allow_hosts))
    engine = wanted.tuning.open(settings.engine, manners)
    hush(manners)
    _log(manners)
    ears = Ears(
        engine=engine,
        references=_references(wanted, roots, archive),
        options=wanted.tuning.options(lang=None if settings.lang == "auto" else settings.lang),
    )
    limits = CallLimits(at_once=wanted.at_once, seconds=wanted.time_limit)
    options = ServerOptions(limits=limits, links=wanted.links, version=__version__)
    server = make_server(ears, options, archive)
    told = [f"{manners.words('engine')}: {engine.info.label}"]
    told += [f"audio in {', '.join(map(str, roots))}"] if roots else []
    told += [f"archive {archive.archive.folder}"] if archive else []
    manners.tell("; ".join(told))
    if door is not None:
        port = PORT if wanted.port is None else wanted.port
        serve_http(server, door, Address(host, port), lambda url: manners.tell(f"MCP at {url}"))
        return
    if sys.stdin.isatty():
        manners.tell("an agent starts this and speaks to it; what to give it: --print-config")
    serve_stdio(server)


def _references(
    wanted: Wanted, roots: tuple[Path, ...], archive: "ArchiveSearch | None"
) -> "References":
    from qwen_audio_tools.agents.references import References
    from qwen_audio_tools.clip_store import ClipStore
    from qwen_audio_tools.sources.policy import agent

    policy = replace(agent(roots), allow_urls=wanted.allow_urls)
    return References(
        policy=archive.allowed(policy) if archive else policy,
        store=ClipStore() if wanted.store else None,
        ids="clip://ID of a stored clip",
    )


def _log(manners: Manners) -> None:
    import logging

    level = logging.INFO if manners.verbose else logging.ERROR
    logging.basicConfig(stream=sys.stderr, level=level, format="%(name)s: %(message)s")


def _config(
    wanted: Wanted, roots: tuple[Path, ...], archive: "ArchiveSearch | None"
) -> dict[str, object]:
    """Return the configuration of an agent, in the form that most of them read."""
    if wanted.http:
        url = f"http://{wanted.host or HOST}:{wanted.port or PORT}/mcp"
        entry: dict[str, object] = {
            "type": "http",
            "url": url,
            "headers": {"Authorization": f"Bearer ${{{TOKEN}}}"},
        }
        return {"mcpServers": {"qwa": entry}}
    command, *first = _command()
    folders = [word for root in roots for word in ("--root", str(root))]
    if archive:
        folders += ["--archive", str(archive.archive.folder.resolve())]
    return {"mcpServers": {"qwa": {"command": command, "args": [*first, *_words(), *folders]}}}


def _command() -> list[str]:
    """Return how this program is started from anywhere: agents have a PATH of their own."""
    program = Path(sys.argv[0])
    if program.stem == "qwa" and program.is_file():
        return [str(program.absolute())]
    return [sys.executable, "-m", "qwa"]


def _words() -> list[str]:
    """Return the words of this command line, without those that are put otherwise."""
    kept: list[str] = []
    words = iter(sys.argv[1:])
    for word in words:
        if word in _PLACES:
            next(words, None)
        elif word != "--print-config" and not word.startswith(_PLACES_JOINED):
            kept.append(word)
    return kept
