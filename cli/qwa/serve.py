"""`qwa serve`: OpenAI's HTTP API over any engine."""

from typing import Annotated

import typer

from qwa import options as o
from qwa.engine_options import Tuning, tunable

Several = list[str] | None


@tunable
def serve(
    context: typer.Context,
    engine: Annotated[
        Several,
        typer.Option("--engine", "-e", metavar="NAME", help="Who answers; several may be served."),
    ] = None,
    host: Annotated[str, typer.Option("--host", help="The address to listen to.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option("--port", "-p", min=0, max=65535, help="0 takes any free one.")
    ] = 8000,
    model_name: Annotated[
        Several, typer.Option(metavar="NAME", help="Another name for the first engine.")
    ] = None,
    root: Annotated[
        Several, typer.Option(metavar="DIR", help="A folder that requests may name audio in.")
    ] = None,
    allow_url_host: Annotated[
        Several, typer.Option(metavar="NAME", help="A host that URLs may lead to; *.NAME too.")
    ] = None,
    allow_private: Annotated[
        bool, typer.Option("--allow-private", help="Those hosts may be in private networks.")
    ] = False,
    token_file: Annotated[
        str | None, typer.Option(metavar="FILE", help="Tokens that open it, one a line.")
    ] = None,
    allow_host: Annotated[
        Several, typer.Option(metavar="NAME", help="A name that this server is reached by.")
    ] = None,
    allow_origin: Annotated[
        Several, typer.Option(metavar="ORIGIN", help="Whose pages may ask, such as https://a.b.")
    ] = None,
    concurrency: Annotated[
        int, typer.Option(min=1, help="How many requests an engine is at, at most.")
    ] = 4,
    queue: Annotated[int, typer.Option(min=0, help="How many requests may wait.")] = 128,
    batch: Annotated[
        int, typer.Option(min=1, help="How many an engine that can is given at once.")
    ] = 16,
    deadline: Annotated[
        float, typer.Option(min=0.1, metavar="SECONDS", help="The longest wait for an answer.")
    ] = 600.0,
    grace: Annotated[
        float, typer.Option(min=0.0, metavar="SECONDS", help="What SIGTERM leaves to requests.")
    ] = 30.0,
    max_body_mb: Annotated[int, typer.Option(min=1, help="The largest body.")] = 128,
    max_clip_mb: Annotated[int, typer.Option(min=1, help="The largest clip.")] = 96,
    max_seconds: Annotated[
        float, typer.Option(min=1.0, help="The most audio in one request.")
    ] = 14_400.0,
    max_clips: Annotated[int, typer.Option(min=1, help="The most clips in one request.")] = 16,
    max_messages: Annotated[
        int, typer.Option(min=1, help="The most messages in one request.")
    ] = 256,
    lazy: Annotated[bool, typer.Option("--lazy", help="Load models at the first request.")] = False,
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
    from qwa.server import Access, Place, check_packages, run
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
    place = Place(host=host, port=port, grace=grace, lazy=lazy)
    names = (tuple(engine or ()), tuple(model_name or ()))
    raise typer.Exit(run(names, tuning, (limits, access, place), o.manners_of(context)))
