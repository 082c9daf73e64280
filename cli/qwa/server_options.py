"""The options of `qwa serve`."""

from typing import Annotated

import typer

_Several = list[str] | None

ENGINES = Annotated[
    _Several,
    typer.Option("--engine", "-e", metavar="NAME", help="Who answers; may be given again."),
]
HOST = Annotated[str, typer.Option("--host", metavar="NAME", help="The address to listen to.")]
PORT = Annotated[
    int,
    typer.Option("--port", "-p", metavar="N", min=0, max=65535, help="0 takes any free one."),
]
MODEL_NAMES = Annotated[
    _Several,
    typer.Option("--model-name", metavar="NAME", help="One more name of the first engine."),
]
ROOTS = Annotated[
    _Several,
    typer.Option("--root", metavar="DIR", help="A folder that requests may name audio in."),
]
URL_HOSTS = Annotated[
    _Several,
    typer.Option(
        "--allow-url-host", metavar="NAME", help="A host that URLs may lead to, or *.NAME."
    ),
]
PRIVATE = Annotated[
    bool,
    typer.Option("--allow-private", help="Those hosts may be in private networks, or plain http."),
]
TOKEN_FILE = Annotated[
    str | None, typer.Option("--token-file", metavar="FILE", help="Tokens, one a line.")
]
HOSTS = Annotated[
    _Several,
    typer.Option("--allow-host", metavar="NAME", help="A name that this server is reached by."),
]
ORIGINS = Annotated[
    _Several,
    typer.Option("--allow-origin", metavar="URL", help="Whose pages may ask: https://a.example."),
]
CONCURRENCY = Annotated[
    int,
    typer.Option("--concurrency", metavar="N", min=1, help="Requests that an engine is at."),
]
QUEUE = Annotated[
    int, typer.Option("--queue", metavar="N", min=0, help="Requests that may wait; then 429.")
]
DEADLINE = Annotated[
    float,
    typer.Option("--deadline", metavar="SECONDS", min=0.1, help="The longest that one may take."),
]
GRACE = Annotated[
    float,
    typer.Option("--grace", metavar="SECONDS", min=0.0, help="What SIGTERM leaves to requests."),
]
LIMITS = Annotated[
    _Several,
    typer.Option(
        "--limit",
        metavar="NAME=N",
        help="Of one request: body_mb, clip_mb, clips, audio_seconds, messages, text, values, "
        "depth, receive_seconds. Of all: held_mb, batch, gather.",
    ),
]
LAZY = Annotated[bool, typer.Option("--lazy", help="Load models at the first request only.")]
