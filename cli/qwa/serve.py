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
    batch: s.BATCH = 16,
    deadline: s.DEADLINE = 600.0,
    grace: s.GRACE = 30.0,
    max_body_mb: s.BODY_MB = 128,
    max_clip_mb: s.CLIP_MB = 96,
    max_seconds: s.SECONDS = 14_400.0,
    max_clips: s.CLIPS = 16,
    max_messages: s.MESSAGES = 256,
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
    from qwen_audio_tools.serving.http.limits import MB, ServerLimits

    check_packages()
    limits = ServerLimits(
        body_bytes=max_body_mb * MB,
        held_bytes=max(1024, 2 * max_body_mb) * MB,
        clip_bytes=max_clip_mb * MB,
        audio_seconds=max_seconds,
        clips=max_clips,
        messages=max_messages,
        deadline=deadline,
        concurrency=concurrency,
        queue=queue,
        batch=batch,
    )
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
