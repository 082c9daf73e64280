"""A reply to a conversation from any engine: one that holds none answers its last question."""

from collections.abc import AsyncIterator, Iterator

from qwen_audio_tools.asking import ask_in_pieces, converse
from qwen_audio_tools.async_asking import aconverse
from qwen_audio_tools.conversation import Conversation, clips, question
from qwen_audio_tools.engines.base import Delta, Engine, Options
from qwen_audio_tools.errors import EngineUnsupported
from qwen_audio_tools.stopping import iterate
from qwen_audio_tools.tasks import Ability


def reply_to(
    conversation: Conversation, *, engine: Engine, options: Options | None = None
) -> Iterator[Delta]:
    """Yield the answer to the last turn; closing the iterator stops the work.

    An engine that doesn't converse gets the last question, about all clips of the conversation.

    Raises:
        EngineUnsupported: it doesn't converse, and there is no clip to ask it about.
        SettingsError, ClipError, EngineError: as `converse` and `ask`.
    """
    if Ability.CHAT in engine.info.abilities:
        return converse(conversation, engine=engine, options=options)
    heard = clips(conversation)
    if not heard:
        raise EngineUnsupported(
            f"engine {engine.info.label!r} answers questions about audio, "
            "and there is none in this conversation",
            hint="add the audio, or take an engine that converses: transformers:MODEL",
        )
    return ask_in_pieces(heard, question(conversation), engine=engine, options=options)


async def areply_to(
    conversation: Conversation, *, engine: Engine, options: Options | None = None
) -> AsyncIterator[Delta]:
    """Yield the answer as `reply_to` does; leaving the loop, or cancelling it, stops the work.

    Raises:
        QwenAudioError: as `reply_to`.
    """
    if Ability.CHAT in engine.info.abilities:
        stream = aconverse(conversation, engine=engine, options=options)
    else:
        asked = options or Options()
        stream = iterate(
            lambda stop: reply_to(conversation, engine=engine, options=stop.options(asked))
        )
    try:
        async for delta in stream:
            yield delta
    finally:
        await stream.aclose()  # type: ignore[attr-defined]
