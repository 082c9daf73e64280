"""`converse` for asyncio: natively where the engine waits for a server, else in a thread."""

import asyncio
from collections.abc import AsyncIterator

from qwen_audio_tools.asking import check_converses, converse
from qwen_audio_tools.conversation import Conversation, clips
from qwen_audio_tools.engines.base import AsyncEngine, Delta, Engine, Options
from qwen_audio_tools.long_audio import fits
from qwen_audio_tools.stopping import iterate
from qwen_audio_tools.verbatim import is_verbatim


async def aconverse(
    conversation: Conversation, *, engine: Engine, options: Options | None = None
) -> AsyncIterator[Delta]:
    """Answer the last turn piece by piece; leaving the loop, or cancelling it, stops the work.

    Raises:
        EngineUnsupported, ClipError, EngineError: as `converse`.
    """
    options = options or Options()
    check_converses(conversation, engine)
    native = isinstance(engine, AsyncEngine) and not is_verbatim(options.task)
    if native and await asyncio.to_thread(fits, engine, clips(conversation)):
        stream = engine.areply(conversation, options)  # type: ignore[attr-defined]
    else:
        stream = iterate(
            lambda stop: converse(conversation, engine=engine, options=stop.options(options))
        )
    try:
        async for delta in stream:
            yield delta
    finally:
        await stream.aclose()
