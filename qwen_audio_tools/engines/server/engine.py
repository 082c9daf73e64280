"""ServerEngine: fits a fleet of servers to the seam."""

import os
import threading
import time
import weakref
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass

from qwen_audio_tools.answer import Answer
from qwen_audio_tools.conversation import Conversation
from qwen_audio_tools.engines.base import Delta, EngineInfo, Options
from qwen_audio_tools.engines.server.addresses import Address, parse
from qwen_audio_tools.engines.server.dialects import chosen, hosting
from qwen_audio_tools.engines.server.keys import key_of
from qwen_audio_tools.engines.server.learning import Facts, Wanted, guessed
from qwen_audio_tools.engines.server.running import Running
from qwen_audio_tools.engines.server.watching import Patience
from qwen_audio_tools.engines.wording import checked
from qwen_audio_tools.settings import Settings

_ASKED_AGAIN = 30.0
"""Seconds after which `info` asks a server again that did not tell what it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerState:
    """How a server fares: what it serves and how it is spoken to, or why it isn't of use."""

    address: str
    ready: bool
    model: str
    dialect: str
    window: float
    why: str

    @property
    def told(self) -> str:
        """The same in words."""
        if not self.ready:
            return self.why
        return f"{self.model}, spoken to as {self.dialect}, hears {self.window:g} s at once"


class ServerEngine:
    """One model on one server or several that answer for each other; safe to call from threads.

    Clips are decoded here and sent as WAV, never longer than `info.window`. Of servers that fail
    while nothing was answered yet, others take the work over.
    """

    def __init__(
        self,
        model: str,
        addresses: Sequence[Address],
        settings: Settings,
        patience: Patience | None = None,
    ) -> None:
        self._settings, self._patience = settings, patience or Patience()
        dialect = chosen(settings.server_dialect)
        self._wanted = Wanted(model=model, dialect=dialect, prompting=settings.prompting)
        self._addresses = [
            (address, key_of(address, hosting(address.host), settings)) for address in addresses
        ]
        self._starting = threading.Lock()
        self._started: Running | None = None
        self._looked = -_ASKED_AGAIN

    @property
    def info(self) -> EngineInfo:
        """What the servers are, as far as they tell within moments; else what their names tell."""
        known = self._known(self._patience.glance)
        facts = known or [guessed(self._wanted, self._addresses[0][0].host)]
        first = facts[0]
        return EngineInfo(
            name="server",
            model=self._wanted.model or first.model,
            abilities=first.abilities,
            window=min(each.window for each in facts),
            audio_tokens_per_second=first.rate,
            device=", ".join(address.shown for address, _ in self._addresses),
            prompting="base" if first.base else "chat",
            samples=True,
            context=min((each.context for each in facts if each.context), default=None),
        )

    def reply(self, conversation: Conversation, options: Options) -> Iterator[Delta]:
        """Answer the last turn as it comes; closing the iterator closes the request at once.

        Raises:
            ClipError: a clip can't be decoded, or is longer than the model hears at once.
            EngineError: no server answers, or one says why it doesn't.
            SettingsError: an option that cannot be.
        """
        options, running = checked(options), self._running()
        with closing(
            running.portal.iterate(
                lambda: running.deltas(conversation, options), _tick(options, lambda: (0.0, 1.0))
            )
        ) as deltas:
            yield from deltas

    async def areply(self, conversation: Conversation, options: Options) -> AsyncIterator[Delta]:
        """Answer as `reply` does, for callers with an event loop; it is never blocked.

        Raises:
            QwenAudioError: as `reply`.
        """
        options, running = checked(options), self._running()
        async for delta in running.portal.aiterate(lambda: running.deltas(conversation, options)):
            yield delta

    def replies(
        self, conversations: Sequence[Conversation], options: Options
    ) -> Iterator[tuple[int, Answer]]:
        """Answer many at once, spread over the servers; yield (index, answer) as they finish.

        Raises:
            QwenAudioError: as `reply`; the first failure ends it.
        """
        options, running = checked(options), self._running()
        info, done = self.info, 0
        with closing(
            running.portal.iterate(
                lambda: running.answers(conversations, options, info),
                _tick(options, lambda: (done, len(conversations))),
            )
        ) as answers:
            for index, answer in answers:
                done += 1
                yield index, answer

    def states(self, seconds: float | None = None) -> tuple[ServerState, ...]:
        """Return how each server fares, as far as it tells within so many seconds."""
        running = self._running()
        running.look(self._patience.glance if seconds is None else seconds)
        return tuple(
            ServerState(
                address=server.client.address.shown,
                ready=server.learnt and not server.why,
                model=self._wanted.model or server.facts.model,
                dialect=server.facts.dialect.name,
                window=server.facts.window,
                why=server.why,
            )
            for server in running.fleet.servers
        )

    def close(self) -> None:
        """End all requests and close the connections; a later question opens them anew."""
        with self._starting:
            running, self._started = self._started, None
        if running is not None:
            running.close()

    def _known(self, seconds: float) -> list[Facts]:
        """Return the facts of the servers that told them; ask those that didn't now and then."""
        servers = self._running().fleet.servers
        if not any(server.learnt for server in servers):
            now = time.monotonic()
            if now - self._looked >= _ASKED_AGAIN:
                self._looked = now
                self._running().look(seconds)
        return [server.facts for server in servers if server.learnt]

    def _running(self) -> Running:
        with self._starting:
            if self._started is None or self._started.process != os.getpid():
                self._started = Running(
                    self._addresses, self._wanted, self._settings, self._patience
                )
                weakref.finalize(self, self._started.close)
            return self._started


def _tick(options: Options, share: Callable[[], tuple[float, float]]) -> Callable[[], None] | None:
    """Return what tells, while a server is silent, that we wait: whoever is told may stop us."""
    progress = options.progress
    return None if progress is None else lambda: progress("waiting", *share())


def open_server(rest: str, settings: Settings) -> ServerEngine:
    """Open "MODEL@URL,URL", or what the settings name; nothing is asked before the first need.

    Raises:
        SettingsError: no server is named, or an address, key or dialect is none.
    """
    model, addresses = parse(rest, settings)
    return ServerEngine(model, addresses, settings)
