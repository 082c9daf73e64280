"""One conversation, asked until it is answered: again and elsewhere, where that is safe."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from qwen_audio_tools.conversation import Conversation, clips
from qwen_audio_tools.engines.base import Delta, Options
from qwen_audio_tools.engines.server.faults import Fault, Where
from qwen_audio_tools.engines.server.fleet import Fleet, Server
from qwen_audio_tools.engines.server.replying import prepared, reply
from qwen_audio_tools.engines.server.sounds import Sounds
from qwen_audio_tools.engines.server.watching import Patience, Watch


class Attempts:
    """How conversations are put to a fleet: within so many seconds each, retries included."""

    def __init__(self, fleet: Fleet, sounds: Sounds, seconds: float, patience: Patience) -> None:
        self._fleet, self._sounds = fleet, sounds
        self._seconds, self._patience = seconds, patience

    async def deltas(
        self, conversation: Conversation, options: Options, *, whole: bool = False
    ) -> AsyncGenerator[Delta, None]:
        """Yield the answer as it comes, or all of it at its end if it is wanted `whole`.

        A request that failed is sent again only while none of its answer was handed out; an
        answer that is wanted whole may break off in the middle and be asked for anew.

        Raises:
            QwenAudioError: it was not answered.
        """
        deadline = asyncio.get_running_loop().time() + self._seconds
        tries, gone, last = 0, set[Server](), None
        sources = [await self._sounds.source(clip) for clip in clips(conversation)]
        while True:
            server = await self._claimed(deadline, gone, sources, last)
            kept: list[Delta] = []
            began = False
            try:
                async with aclosing(self._asked(server, conversation, options, deadline)) as found:
                    async for delta in found:
                        if whole:
                            kept.append(delta)
                        else:
                            began = began or bool(delta.text)
                            yield delta
                server.well()
            except Fault as fault:
                tries += 1
                last = fault
                server.failed(fault)
                if not fault.here:
                    gone.add(server)
                hopeless = len(gone) == len(self._fleet.servers)
                most = fault.tries + len(self._fleet.servers) - 1
                if began or not fault.elsewhere or hopeless or tries >= most:
                    raise fault.error from fault
            else:
                for delta in kept:
                    yield delta
                return
            finally:
                self._fleet.release(server)

    async def _claimed(
        self, deadline: float, gone: set[Server], sources: list[str], last: Fault | None
    ) -> Server:
        try:
            return await self._fleet.claim(deadline, without=gone, sounds=sources)
        except Fault as fault:
            cause = last or fault  # what went wrong says more than that time is up
            raise cause.error from cause

    async def _asked(
        self,
        server: Server,
        conversation: Conversation,
        options: Options,
        deadline: float,
    ) -> AsyncGenerator[Delta, None]:
        await server.ready()
        watch = self._watch(server, deadline)
        request = await prepared(conversation, options, server.facts, self._sounds, server.where)
        async with aclosing(reply(server, request, options, watch)) as deltas:
            async for delta in deltas:
                yield delta

    def _watch(self, server: Server, deadline: float) -> Watch:
        where = Where(server.where.shown, server.where.model)
        return Watch(
            deadline=deadline,
            seconds=self._seconds,
            silence=self._patience.silence,
            look=server.look,
            where=where,
        )
