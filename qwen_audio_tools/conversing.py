"""Answer the last turn of a conversation with any engine, also with one that holds none.

Such an engine gets the last question and the clips that it is about, and the answer says so.
"""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from dataclasses import dataclass

from qwen_audio_tools.addressing import check, warnings_about, words_for, writes_freely
from qwen_audio_tools.asking import check_converses
from qwen_audio_tools.async_asking import aconverse
from qwen_audio_tools.clip import Clip
from qwen_audio_tools.conversation import Conversation, Message, clips, question, user
from qwen_audio_tools.engines.base import Delta, Engine, Options
from qwen_audio_tools.errors import EngineUnsupported, SettingsError
from qwen_audio_tools.long_audio import reply_in_windows
from qwen_audio_tools.stopping import iterate
from qwen_audio_tools.tasks import TASKS, Ability


@dataclass(frozen=True, slots=True)
class Prepared:
    """A conversation as an engine can take it, and what of it the engine does not heed."""

    turns: Conversation
    warnings: tuple[str, ...] = ()

    def deltas(self, engine: Engine, options: Options) -> Iterator[Delta]:
        """Yield the pieces of the reply, what is not heeded first."""
        if self.warnings:
            yield Delta(warnings=self.warnings)
        yield from reply_in_windows(engine, self.turns, options)


def prepared(conversation: Conversation, engine: Engine, options: Options) -> Prepared:
    """Return the conversation as this engine can take it; nothing is decoded.

    Raises:
        EngineUnsupported: it answers questions about clips only, and one of the two is missing; or
            it lacks an ability that the task needs.
        SettingsError: the conversation does not end with a turn of the user.
    """
    if Ability.CHAT in engine.info.abilities:
        check_converses(conversation, engine)
        asked = question(conversation)
        check(engine.info, [asked], options)
        *before, last = conversation
        words = "" if asked else words_for(engine.info, options)
        return Prepared(
            [*before, Message(last.role, (*last.parts, words))] if words else conversation
        )
    if not conversation or conversation[-1].role != "user":
        raise SettingsError("the conversation does not end with a turn of the user")
    asked, heard, unused = _last_question(conversation)
    if not heard:
        raise EngineUnsupported(
            f"engine {engine.info.label!r} answers questions about recordings, and the "
            "conversation holds none",
            hint="attach audio to the message, or take an engine that converses",
        )
    check(engine.info, [asked], options)
    if not asked and not options.task:
        raise EngineUnsupported(
            f"engine {engine.info.label!r} needs a question beside the recording, or a task",
            hint=f"ask something, or name a task: {', '.join(TASKS)}",
        )
    words = asked or words_for(engine.info, options)
    warnings = (*_unheeded(engine, unused, options), *warnings_about(engine.info, asked, options))
    return Prepared([user(*heard, words) if words else user(*heard)], warnings)


def reply(
    conversation: Conversation, *, engine: Engine, options: Options | None = None
) -> Iterator[Delta]:
    """Answer the last turn piece by piece; closing the iterator stops the work.

    Raises:
        QwenAudioError: as `prepared` and `converse`.
    """
    options = options or Options()
    return prepared(conversation, engine, options).deltas(engine, options)


async def areply(
    conversation: Conversation, *, engine: Engine, options: Options | None = None
) -> AsyncGenerator[Delta, None]:
    """Answer as `reply` does; leaving the loop, or cancelling it, stops the work.

    Raises:
        QwenAudioError: as `reply`.
    """
    options = options or Options()
    # Asked of an engine that isn't loaded yet, even what it can do may take a look at the disk.
    found = await asyncio.to_thread(prepared, conversation, engine, options)
    if Ability.CHAT in engine.info.abilities:
        stream = aconverse(found.turns, engine=engine, options=options)
    else:
        stream = iterate(lambda stop: found.deltas(engine, stop.options(options)))
    try:
        async for delta in stream:
            yield delta
    finally:
        await stream.aclose()  # type: ignore[attr-defined]


def _last_question(conversation: Conversation) -> tuple[str, tuple[Clip, ...], int]:
    """Return the last question, the clips it is about, and how many messages count for nothing.

    What the user said in several messages in a row is one question. Without a clip in it, it is
    about the latest ones before it.
    """
    first = len(conversation)
    while first and conversation[first - 1].role == "user":
        first -= 1
    last, before = conversation[first:], conversation[:first]
    words = "\n".join(turn.text for turn in last if turn.text.strip()).strip()
    heard = clips(last) or next((turn.clips for turn in reversed(before) if turn.clips), ())
    return words, heard, sum(map(_says_something, before))


def _says_something(turn: Message) -> bool:
    return bool(turn.text.strip())


def _unheeded(engine: Engine, unused: int, options: Options) -> list[str]:
    label, found = engine.info.label, []
    if unused:
        messages = "message" if unused == 1 else f"{unused} messages"
        found.append(
            f"{label} holds no conversation: it answered the last question alone, "
            f"without the {messages} before it"
        )
    if options.stop and not writes_freely(engine.info):
        found.append(f"{label} writes in its own words: the stop texts had no effect")
    return found
