"""Run an MCP server: over stdin and stdout, or over HTTP behind a token."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mcp.server import Server
from mcp.server.stdio import stdio_server
from mcp.server.transport_security import TransportSecuritySettings

from qwen_audio_tools.serving.listening import listen
from qwen_audio_tools.serving.mcp.guarding import Door, Guard

PATH = "/mcp"
_SESSIONS = 100
_DRAIN_SECONDS = 5


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen; port 0 takes a free one."""

    host: str = "127.0.0.1"
    port: int = 8766


def serve_stdio(server: Server[Any]) -> None:
    """Serve one client over stdin and stdout, until it closes them.

    What else is printed meanwhile goes to stderr: stdout belongs to the protocol.
    """

    async def run() -> None:
        async with stdio_server() as (incoming, outgoing):
            await server.run(incoming, outgoing, server.create_initialization_options())

    asyncio.run(run())


def serve_http(
    server: Server[Any], door: Door, address: Address, ready: Callable[[str], None]
) -> None:
    """Serve clients over HTTP until a signal ends it; `ready` is told the URL.

    Raises:
        SettingsError: the address can't be listened on.
    """
    import uvicorn

    listening = listen(address.host.strip("[]"), address.port)
    app = server.streamable_http_app(
        streamable_http_path=PATH,
        max_sessions=_SESSIONS,
        # The guard checks Host and Origin, and knows the names behind a proxy, too.
        transport_security=TransportSecuritySettings(enable_dns_rebinding_protection=False),
    )
    config = uvicorn.Config(
        Guard(app, door),
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=_DRAIN_SECONDS,
    )
    host, port = listening.getsockname()[:2]
    ready(f"http://{f'[{host}]' if ':' in host else host}:{port}{PATH}")
    with listening:
        uvicorn.Server(config).run(sockets=[listening])
