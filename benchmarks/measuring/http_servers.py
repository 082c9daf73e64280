"""The servers that benchmarks/serve.py asks, each in a process of its own: ours, and a bare echo.

Run: python http_servers.py ours|echo; it prints its port.
"""

import socket
import sys
from collections.abc import Sequence
from typing import Any

from qwen_audio_tools.conversation import Conversation
from qwen_audio_tools.testing.scripted_engine import ScriptedEngine

ANSWER = "A steady tone of 440 hertz, and nothing else."


class Forever(Sequence[str]):
    """A script that never ends."""

    def __len__(self) -> int:
        return sys.maxsize

    def __getitem__(self, index: Any) -> Any:
        return ANSWER


class Forgetful(list[Conversation]):
    """What was asked, kept by nobody: a server is looked at for leaks, not a test's notes."""

    def append(self, item: Conversation) -> None:
        pass


def ours(listening: socket.socket) -> None:
    from qwen_audio_tools.content_blocks import Origin
    from qwen_audio_tools.engines.base import Options
    from qwen_audio_tools.serving.http.app import create_app
    from qwen_audio_tools.serving.http.limits import ServerLimits
    from qwen_audio_tools.serving.http.queueing.desk import Desk
    from qwen_audio_tools.serving.http.running import Server

    engine = ScriptedEngine(Forever(), heard=Forgetful())
    desk = Desk([engine], limits=ServerLimits(), origin=Origin(), defaults=Options())
    Server(create_app(desk), desk, listening, grace=1.0).run()


def echo(listening: socket.socket) -> None:
    import uvicorn

    async def app(scope: Any, receive: Any, send: Any) -> None:
        pieces, more = [], True
        while more:
            message = await receive()
            pieces.append(message.get("body", b""))
            more = message.get("more_body", False)
        body = b"".join(pieces)
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        lifespan="off",
        ws="none",
        http="h11",
    )
    uvicorn.Server(config).run(sockets=[listening])


if __name__ == "__main__":
    from qwen_audio_tools.serving.http.running import listen

    made = listen("127.0.0.1", 0)
    print(made.getsockname()[1], flush=True)
    {"ours": ours, "echo": echo}[sys.argv[1]](made)
