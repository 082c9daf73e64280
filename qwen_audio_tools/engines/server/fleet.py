"""Servers that answer for each other: who is asked next, who is put aside, and for how long."""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

from qwen_audio_tools.engines.server.client import Client
from qwen_audio_tools.engines.server.faults import Fault, Where
from qwen_audio_tools.engines.server.learning import Wanted, guessed, learn
from qwen_audio_tools.engines.server.retrying import pause
from qwen_audio_tools.engines.server.watching import Patience
from qwen_audio_tools.errors import EngineUnreachable

_ASIDE_SECONDS = 300.0
_KNOWN, _MISSES = 4096, 3
_PREFERENCE = 4
"""Requests by which a server that knows a sound already may be ahead of one that doesn't."""


class Server:
    """One server of a fleet: what is known of it, and how it fares. It lives in one event loop."""

    def __init__(self, client: Client, wanted: Wanted, patience: Patience, limit: int) -> None:
        self.client, self._wanted, self._patience = client, wanted, patience
        self.facts = guessed(wanted, client.address.host)
        self.learnt = False
        self.in_flight, self.turn = 0, 0
        self.limit = float(limit)
        self.failures, self.aside_until, self.why = 0, 0.0, ""
        self._sounds: OrderedDict[str, None] = OrderedDict()
        self._learning: asyncio.Task[None] | None = None
        self._healing: asyncio.Task[None] | None = None
        self._most, self._misses = limit, 0

    @property
    def ill(self) -> bool:
        """Whether it failed, and has not shown since that it is well."""
        return self.failures > 0 and not self.learnt

    @property
    def where(self) -> Where:
        """The server and model as errors name them."""
        return Where(self.client.address.shown, self._wanted.model or self.facts.model)

    @property
    def label(self) -> str:
        """The engine and model as evidence names them."""
        return f"server:{self._wanted.model or self.facts.model}"

    async def ready(self) -> None:
        """Learn what the server is, unless it is known: that is its health check, too.

        Raises:
            Fault: it isn't there, or hasn't the model.
        """
        if self.learnt:
            return
        if self._learning is None or self._learning.done():
            self._learning = asyncio.ensure_future(self._learn())
            self._learning.add_done_callback(_heeded)
        await asyncio.shield(self._learning)  # others wait for the same answer

    async def _learn(self) -> None:
        found = await learn(self.client, self._wanted, self._patience.connect)
        self.facts, self.learnt = found, True

    def heal(self, then: Callable[[], None]) -> None:
        """See beside all requests if it is well again, and call `then`."""

        async def see() -> None:
            try:
                await self.ready()
            except Fault as fault:
                self.failed(fault)
            then()

        if self._healing is None or self._healing.done():
            self._healing = asyncio.ensure_future(see())

    async def look(self) -> None:
        """See if it lives.

        Raises:
            Fault: it doesn't.
        """
        await learn(self.client, self._wanted, self._patience.life)

    def known(self, names: Collection[str]) -> frozenset[str]:
        """Return those of the sounds that need not be sent again."""
        return frozenset(self._sounds.keys() & set(names)) if self.facts.remembers else frozenset()

    def remember(self, names: Collection[str]) -> None:
        """Take note that the server has these sounds."""
        self._misses = 0 if self.known(names) else self._misses
        for name in names:
            self._sounds[name] = None
            self._sounds.move_to_end(name)
        while len(self._sounds) > _KNOWN:
            self._sounds.popitem(last=False)

    def forget(self, names: Collection[str]) -> None:
        """Take note that the server may not have these sounds."""
        for name in names:
            self._sounds.pop(name, None)

    def missed(self) -> None:
        """Take note that it did not know a sound that it was sent before.

        Behind what looks like one server there may be several that each know their own.
        """
        self._misses += 1
        if self._misses >= _MISSES:
            self.facts = replace(self.facts, remembers=False)

    def proved(self, rate: float = 0.0) -> None:
        """Take note that the server hears, and how many tokens a second took."""
        self.facts = replace(self.facts, hears=True, measured=rate or self.facts.measured)

    def well(self) -> None:
        """Take note that it has answered; one that was too busy slowly gets more again."""
        self.failures, self.why = 0, ""
        self.limit = min(float(self._most), self.limit + 1.0 / self.limit)

    def failed(self, fault: Fault) -> None:
        """Put it aside for a while, if time may mend what went wrong."""
        self.why = str(fault.error)
        if not fault.here:
            return
        now = asyncio.get_running_loop().time()
        if now >= self.aside_until:  # several that fail together are one failure
            self.failures += 1
        seconds = pause(self.failures) if fault.wait is None else fault.wait
        if fault.status == 429:
            # It took all but one of those that are under way; and others wait to come back, too.
            self.limit = max(1.0, min(self.limit, self.in_flight - 1.0))
            seconds = max(seconds, pause(self.failures))
        self.aside_until = max(self.aside_until, now + min(seconds, _ASIDE_SECONDS))
        if fault.status != 429:  # who is only busy is what it was
            self.learnt = False
            self._sounds.clear()


def _heeded(task: "asyncio.Task[None]") -> None:
    """Look at how a task ended, so that nobody complains if all who waited are gone."""
    if not task.cancelled():
        task.exception()


class Fleet:
    """Servers of one model. All of it happens in one event loop, so that nothing needs a lock."""

    def __init__(self, servers: Sequence[Server], concurrency: int) -> None:
        self.servers = tuple(servers)
        self.room = concurrency * len(self.servers)  # how many requests may be under way at once
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._turns = 0

    async def claim(
        self, deadline: float, *, without: Collection[Server] = (), sounds: Collection[str] = ()
    ) -> Server:
        """Return the least loaded server, once one has room; it is given back by `release`.

        One that has these `sounds` is preferred.

        Raises:
            Fault: none will be free before the deadline.
        """
        while (server := self._best(without, sounds)) is None:
            await self._change(deadline, without)
        server.in_flight += 1
        self._turns += 1
        server.turn = self._turns
        if self._waiting and self._best((), ()) is not None:
            self._wake()  # there is room for one more
        return server

    def release(self, server: Server) -> None:
        """Give a server back."""
        server.in_flight -= 1
        self._wake()

    def _best(self, without: Collection[Server], sounds: Collection[str]) -> Server | None:
        now = asyncio.get_running_loop().time()
        there = [
            server for server in self.servers if server not in without and server.aside_until <= now
        ]
        if well := [server for server in there if not server.ill]:
            for server in there:
                if server.ill:  # no question waits for it while others are well
                    server.heal(self._wake)
            there = well
        free = [server for server in there if server.in_flight < int(server.limit)]

        def cost(server: Server) -> tuple[int, int]:
            knows = bool(sounds) and len(server.known(sounds)) == len(set(sounds))
            return (server.in_flight - (_PREFERENCE if knows else 0), server.turn)

        return min(free, key=cost, default=None)

    async def _change(self, deadline: float, without: Collection[Server]) -> None:
        """Wait until a place is free, or a server comes back from where it was put aside."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        left = [server for server in self.servers if server not in without]
        returns = [server.aside_until for server in left if server.aside_until > now]
        if not left or (len(returns) == len(left) and min(returns) >= deadline):
            raise self._nobody(left)
        place: asyncio.Future[None] = loop.create_future()
        self._waiting.append(place)
        try:
            async with asyncio.timeout_at(min([deadline, *returns])):
                await place
        except TimeoutError:
            if loop.time() >= deadline:
                raise self._nobody(left) from None
        except asyncio.CancelledError:
            if place.done() and not place.cancelled():  # woken, and gone: another may have it
                self._wake()
            raise
        finally:
            if place in self._waiting:
                self._waiting.remove(place)

    def _wake(self) -> None:
        while self._waiting:
            place = self._waiting.popleft()
            if not place.done():
                place.set_result(None)
                return

    def _nobody(self, left: Sequence[Server]) -> Fault:
        reasons = [server.why for server in left if server.why]
        told = "; ".join(dict.fromkeys(reasons)) or "all are busy until the deadline"
        names = ", ".join(server.where.shown for server in self.servers)
        error = EngineUnreachable(
            f"no server is free in time ({names}): {told}",
            hint="a longer time: --set server_timeout=SECONDS; or one more server",
        )
        return Fault(error)
