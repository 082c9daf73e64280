"""A fleet at work: the thread that its connections live in, and all that is shared by requests."""

import asyncio
import os
import ssl
from collections.abc import AsyncGenerator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing

import httpx2

from qwen_audio_tools.answer import Answer
from qwen_audio_tools.conversation import Conversation
from qwen_audio_tools.engines.base import Delta, EngineInfo, Options, join
from qwen_audio_tools.engines.server.addresses import Address
from qwen_audio_tools.engines.server.attempts import Attempts
from qwen_audio_tools.engines.server.client import Client
from qwen_audio_tools.engines.server.faults import Fault, mute
from qwen_audio_tools.engines.server.fleet import Fleet, Server
from qwen_audio_tools.engines.server.keys import Key
from qwen_audio_tools.engines.server.learning import Wanted
from qwen_audio_tools.engines.server.portal import Portal
from qwen_audio_tools.engines.server.sounds import Sounds
from qwen_audio_tools.engines.server.watching import Patience
from qwen_audio_tools.settings import Settings

_DECODERS = 4


class Running:
    """Servers that are being asked. Made by the first question, in the process that asks it."""

    def __init__(
        self,
        addresses: Sequence[tuple[Address, Key]],
        wanted: Wanted,
        settings: Settings,
        patience: Patience,
    ) -> None:
        self.process = os.getpid()
        self.portal = Portal()
        self._executor = ThreadPoolExecutor(_DECODERS, thread_name_prefix="qwa-decode")
        trust = _trust(any(address.secure for address, _ in addresses))

        async def start() -> Fleet:
            clients = [Client(address, key, trust, patience) for address, key in addresses]
            limit = settings.server_concurrency
            servers = [Server(client, wanted, patience, limit) for client in clients]
            return Fleet(servers, limit)

        self.fleet = self.portal.call(start())
        self._attempts = Attempts(
            self.fleet, Sounds(self._executor), settings.server_timeout, patience
        )

    def look(self, seconds: float) -> None:
        """Learn what the servers are, as far as they tell in that time; `Server.why` says more."""

        async def one(server: Server) -> None:
            try:
                async with asyncio.timeout(seconds):
                    await server.ready()
                server.well()
            except Fault as fault:
                server.failed(fault)
            except TimeoutError:
                server.failed(mute(server.where, seconds))

        async def all_of_them() -> None:
            await asyncio.gather(*map(one, self.fleet.servers))

        self.portal.call(all_of_them())

    def deltas(self, conversation: Conversation, options: Options) -> AsyncGenerator[Delta, None]:
        """Yield the answer to one conversation as it comes; in the portal's loop."""
        return self._attempts.deltas(conversation, options, whole=options.whole)

    async def answers(
        self, conversations: Sequence[Conversation], options: Options, info: EngineInfo
    ) -> AsyncGenerator[tuple[int, Answer], None]:
        """Yield (index, answer) as each is there, as many at once as there is room for.

        Raises:
            QwenAudioError: the first failure; the others are given up.
        """
        room = asyncio.Semaphore(self.fleet.room)

        async def one(index: int, conversation: Conversation) -> tuple[int, Answer]:
            async with (
                room,
                aclosing(self._attempts.deltas(conversation, options, whole=True)) as deltas,
            ):
                return index, join([delta async for delta in deltas], info)

        tasks = [asyncio.ensure_future(one(*item)) for item in enumerate(conversations)]
        try:
            for task in asyncio.as_completed(tasks):
                yield await task
        finally:
            for each in tasks:
                each.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def close(self) -> None:
        """End all requests and close all connections."""
        if os.getpid() != self.process:
            return  # the thread stayed in the process that this one was forked from

        async def ending() -> None:
            for server in self.fleet.servers:
                await server.client.close()

        self.portal.stop(ending())
        self._executor.shutdown(wait=False, cancel_futures=True)


def _trust(needed: bool) -> ssl.SSLContext:
    """Return whose certificates are believed: those of the system, or nobody's if none is needed.

    To read those of the system takes a tenth of a second.
    """
    return httpx2.create_ssl_context() if needed else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
