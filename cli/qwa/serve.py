"""`qwa serve`: OpenAI's HTTP API over any engine."""

import typer

from qwa import options as o
from qwa import server_options as s
from qwa.engine_options import Tuning, tunable


@tunable
def serve(
    context: typer.Context,
    engine: s.ENGINES = None,
    host: s.HOST = "127.0.0.1",
    port: s.PORT = 8000,
    model_name: s.MODEL_NAMES = None,
    root: s.ROOTS = None,
    allow_url_host: s.URL_HOSTS = None,
    allow_private: s.PRIVATE = False,
    token_file: s.TOKEN_FILE = None,
    allow_host: s.HOSTS = None,
    allow_origin: s.ORIGINS = None,
    concurrency: s.CONCURRENCY = 4,
    queue: s.QUEUE = 128,
    deadline: s.DEADLINE = 600.0,
    limit: s.LIMITS = None,
    grace: s.GRACE = 30.0,
    lazy: s.LAZY = False,
    lang: o.LANG = None,
    quiet: o.QUIET = False,
    verbose: o.VERBOSE = False,
    *,
    tuning: Tuning,
) -> None:
    """Let programs that speak OpenAI's HTTP API ask the engines.

    What a request leaves out (--max-tokens, --temperature, …) is as it is said here. Off this
    machine (--host) a token is demanded: QWA_SERVE_TOKEN, or --token-file.

    Example: qwa serve --engine embedded --port 8000
    """
    from qwa.server import Access, Place, Wanted, check_packages, run
    from qwa.server_limits import limits_of

    check_packages()
    limits = limits_of(limit or (), concurrency=concurrency, queue=queue, deadline=deadline)
    access = Access(
        roots=tuple(root or ()),
        url_hosts=tuple(allow_url_host or ()),
        private=allow_private,
        token_file=token_file,
        hosts=tuple(allow_host or ()),
        origins=tuple(allow_origin or ()),
    )
    wanted = Wanted(
        engines=tuple(engine or ()),
        aliases=tuple(model_name or ()),
        limits=limits,
        access=access,
        place=Place(host=host, port=port, grace=grace, lazy=lazy),
        tuning=tuning,
    )
    raise typer.Exit(run(wanted, o.manners_of(context)))
