"""`qwa mcp`: the tools of an agent, over stdin and stdout or over HTTP."""

from typing import Annotated

import typer

from qwa import options as o
from qwa.engine_options import Tuning, tunable

ROOT = Annotated[
    list[str] | None,
    typer.Option("--root", metavar="DIR", help="A folder that audio may be named in; or several."),
]
URLS = Annotated[
    bool, typer.Option("--allow-urls", help="Also https URLs, of public addresses only.")
]
ARCHIVE = Annotated[
    str | None,
    typer.Option("--archive", metavar="DIR", help="An archive to be searched, too."),
]
NO_ARCHIVE = Annotated[
    bool, typer.Option("--no-archive", help="None, although the setting archive names one.")
]
NO_STORE = Annotated[bool, typer.Option("--no-store", help="Keep the stored clips to yourself.")]
LINKS = Annotated[
    bool, typer.Option("--links/--no-links", help="Add a resource link for each clip to results.")
]
AT_ONCE = Annotated[
    int, typer.Option("--at-once", metavar="N", min=1, max=64, help="Calls that listen at once.")
]
TIME_LIMIT = Annotated[
    float, typer.Option("--time-limit", metavar="S", min=1, help="Seconds for each call.")
]
HTTP = Annotated[bool, typer.Option("--http", help="Over HTTP instead of stdin and stdout.")]
HOST = Annotated[
    str | None, typer.Option("--host", metavar="NAME", help="Listen here [127.0.0.1].")
]
PORT = Annotated[
    int | None,
    typer.Option("--port", metavar="N", min=0, max=65535, help="Listen here [8766]; 0 is any."),
]
TOKEN_FILE = Annotated[
    str | None,
    typer.Option("--token-file", metavar="FILE", help="It holds the token [$QWA_MCP_TOKEN]."),
]
ALLOW_HOST = Annotated[
    list[str] | None,
    typer.Option("--allow-host", metavar="NAME", help="Another name that clients call it by."),
]
PRINT_CONFIG = Annotated[
    bool, typer.Option("--print-config", help="Print what to give to an agent, and end.")
]


@tunable
def mcp(
    context: typer.Context,
    root: ROOT = None,
    allow_urls: URLS = False,
    archive: ARCHIVE = None,
    no_archive: NO_ARCHIVE = False,
    no_store: NO_STORE = False,
    links: LINKS = True,
    engine: o.ENGINE = None,
    at_once: AT_ONCE = 2,
    time_limit: TIME_LIMIT = 1800.0,
    http: HTTP = False,
    host: HOST = None,
    port: PORT = None,
    token_file: TOKEN_FILE = None,
    allow_host: ALLOW_HOST = None,
    print_config: PRINT_CONFIG = False,
    lang: o.LANG = None,
    quiet: o.QUIET = False,
    verbose: o.VERBOSE = False,
    *,
    tuning: Tuning,
) -> None:
    """Give any agent ears: tools over the Model Context Protocol.

    An agent starts it and speaks to it. Audio is named by paths in the working folder, or in the
    folders that --root names. With --archive, or the setting archive, agents search it, too.

    Example: qwa mcp --root ~/Recordings
    """
    from qwa.agents_door import Wanted, serve

    wanted = Wanted(
        roots=tuple(root or ()),
        allow_urls=allow_urls,
        archive=archive,
        no_archive=no_archive,
        store=not no_store,
        links=links,
        engine=engine,
        at_once=at_once,
        time_limit=time_limit,
        http=http,
        host=host,
        port=port,
        token_file=token_file,
        allow_hosts=tuple(allow_host or ()),
        print_config=print_config,
        tuning=tuning,
    )
    serve(wanted, o.manners_of(context))
