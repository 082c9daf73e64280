"""Calls of tools: arguments read, the work done in a thread, bounded in number and in time."""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import anyio

from qwen_audio_tools.agents.tools import Ears
from qwen_audio_tools.errors import EngineUnreachable
from qwen_audio_tools.serving.mcp.arguments import read_arguments
from qwen_audio_tools.serving.mcp.progress import Tell, told_to
from qwen_audio_tools.serving.mcp.results import Result
from qwen_audio_tools.serving.mcp.tools import Tool
from qwen_audio_tools.stopping import Stop, in_thread

T = TypeVar("T")
_LIGHT, _LIGHT_WAITING = 4, 64


@dataclass(frozen=True, slots=True, kw_only=True)
class CallLimits:
    """What calls may cost: how many listen at once, how many may wait, seconds for each."""

    at_once: int = 2
    waiting: int = 16
    seconds: float = 1800.0


class Calls:
    """Runs the calls of all clients. Work that needs no model has threads of its own."""

    def __init__(self, ears: Ears, limits: CallLimits) -> None:
        self.ears, self.limits = ears, limits
        self._listening = _Lane("qwa-listening", limits.at_once, limits.waiting)
        self._light = _Lane("qwa-light", _LIGHT, _LIGHT_WAITING)

    async def run(
        self,
        tool: Tool,
        written: Mapping[str, Any] | None,
        tell: Tell,
        shown: Callable[[Result], T],
    ) -> T:
        """Return what a tool makes of what a client wrote, as `shown` puts it, in the same thread.

        Cancelled, its work stops too.

        Raises:
            QwenAudioError: what is wrong, in words for a model.
        """
        given = read_arguments(tool.arguments, written)
        async with told_to(tell) as progress:
            ears = replace(self.ears, options=replace(self.ears.options, progress=progress))

            def work(stop: Stop) -> T:
                return shown(tool.work(ears, given, stop))

            return await self.in_time(work, light=tool.light)

    async def in_time(self, work: Callable[[Stop], T], *, light: bool) -> T:
        """Return what `work` returns, done in one of the threads and within the limits.

        Raises:
            EngineUnreachable: it took too long, or too many wait already.
            QwenAudioError: as the work.
        """
        lane = self._light if light else self._listening
        with lane.counted(), anyio.move_on_after(self.limits.seconds):
            return await in_thread(work, lane.threads)
        raise EngineUnreachable(
            f"this took longer than the {self.limits.seconds:g} s that a call may take",
            hint="ask about a part of it, with start_s and end_s",
        )


class _Lane:
    """Threads for one kind of work, and how much of it there is."""

    def __init__(self, name: str, at_once: int, waiting: int) -> None:
        self.threads = ThreadPoolExecutor(at_once, name)
        self._most, self._open = at_once + waiting, 0

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Count one piece of work while it lasts; EngineUnreachable where there are too many."""
        if self._open >= self._most:
            raise EngineUnreachable(
                f"{self._open} calls are worked on already", hint="call again when one has ended"
            )
        self._open += 1
        try:
            yield
        finally:
            self._open -= 1
