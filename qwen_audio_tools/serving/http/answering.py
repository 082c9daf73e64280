"""From work to a response: whole or in pieces, until the client goes or the time is up."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

from qwen_audio_tools.answer import Answer
from qwen_audio_tools.clip import Clip
from qwen_audio_tools.engines.base import Delta, EngineInfo
from qwen_audio_tools.errors import ClipTooLong
from qwen_audio_tools.serving.http.exchange import Exchange, Gone
from qwen_audio_tools.serving.http.limits import ServerLimits
from qwen_audio_tools.serving.http.queueing.desk import Desk, Served
from qwen_audio_tools.serving.http.queueing.jobs import Job, Work
from qwen_audio_tools.serving.http.refusals import refusal_of, too_late
from qwen_audio_tools.serving.http.telling import BEAT, event

BEAT_SECONDS = 10.0
"""So long a stream waits for its first piece, to tell an early error by its status; then it
begins, and a comment goes out whenever nothing else did for that long."""

Pieces = Callable[[Delta | Answer], Sequence[bytes]]
"""What a piece of an answer, or its end, is to a client."""


def check_audio(clips: Sequence[Clip], info: EngineInfo, limits: ServerLimits) -> None:
    """Refuse more audio than one request may bring, before an engine hears any of it.

    For an engine of any window headers must do: their lies come out while it listens. Others need
    to know in any case how long a clip is.

    Raises:
        ClipTooLong: there is more of it.
        ClipError: one of the clips is no audio, or may not be opened.
    """
    if info.window == float("inf"):
        total = sum(clip.duration_hint or 0.0 for clip in clips)
    else:
        total = sum(clip.duration for clip in clips)
    if total > limits.audio_seconds:
        raise ClipTooLong(
            f"the audio lasts {total:,.0f} s; {limits.audio_seconds:,.0f} s are heard at once",
            hint="send it in parts",
        )


async def answered(exchange: Exchange, desk: Desk, served: Served, work: Work) -> Answer:
    """Return the whole answer.

    Raises:
        Refused: the time was up, or the server stops.
        Gone: the client left.
        QwenAudioError: the engine could not answer.
    """
    job = Job(work)
    async with _at_work(exchange, desk, served, job):
        answer = await job.event()
    assert isinstance(answer, Answer)
    desk.meters.used(answer.usage)
    return answer


async def streamed(
    exchange: Exchange,
    desk: Desk,
    served: Served,
    work: Work,
    pieces: Pieces,
) -> None:
    """Send the answer as server-sent events, as it comes.

    What goes wrong before the first one is raised; what goes wrong later is an event of its own.

    Raises:
        Refused, Gone, QwenAudioError: as `answered`.
    """
    job = Job(work, pieces=True)
    async with _at_work(exchange, desk, served, job), _while_it_reads(exchange, desk.limits):
        piece = await _next(job)
        await exchange.begin("text/event-stream; charset=utf-8")
        try:
            while not isinstance(piece, Answer):
                ready = [*(pieces(piece) if piece else [BEAT])]
                piece = None
                for more in job.at_hand():
                    if isinstance(more, Answer):
                        piece = more
                    else:
                        ready += pieces(more)
                if ready:
                    await exchange.send(b"".join(ready))
                piece = piece or await _next(job)
            desk.meters.used(piece.usage)
            await exchange.send(b"".join(pieces(piece)))
        except Gone:
            raise
        except Exception as error:  # the status is out already
            await exchange.fail(error, event(refusal_of(error).value))
        await exchange.end()


async def _next(job: Job) -> Delta | Answer | None:
    waiting = asyncio.timeout(BEAT_SECONDS)
    try:
        async with waiting:
            return await job.event()
    except TimeoutError:
        if waiting.expired():
            return None
        raise  # of the engine


@asynccontextmanager
async def _while_it_reads(exchange: Exchange, limits: ServerLimits) -> AsyncIterator[None]:
    """Take a client that reads nothing for gone: it holds up `send`, where no deadline is heard."""
    patience = asyncio.timeout(_left(exchange, limits) + 1.0)
    try:
        async with patience:
            yield
    except TimeoutError:
        if patience.expired():
            raise Gone from None
        raise


@asynccontextmanager
async def _at_work(exchange: Exchange, desk: Desk, served: Served, job: Job) -> AsyncIterator[None]:
    """Put a job to an engine; the client's leaving and the deadline end it, whichever is first."""
    loop = asyncio.get_running_loop()
    limits = desk.limits
    timer = loop.call_later(_left(exchange, limits), lambda: job.end(too_late(limits.deadline)))
    gone = loop.create_task(exchange.until_gone())
    gone.add_done_callback(lambda task: None if task.cancelled() else job.end(Gone()))
    try:
        with desk.at_work(job, served):
            yield
    finally:
        timer.cancel()
        gone.cancel()


def _left(exchange: Exchange, limits: ServerLimits) -> float:
    return max(0.0, exchange.began + limits.deadline - time.monotonic())


def warned(answer: Answer, warnings: Sequence[str]) -> Answer:
    """Return an answer with what is to be known of how it was asked, before all else."""
    return replace(answer, warnings=(*warnings, *answer.warnings)) if warnings else answer
