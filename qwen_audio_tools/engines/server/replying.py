"""One conversation asked of one server: its reply as deltas, and proof that the audio was heard."""

import json
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from qwen_audio_tools.clip import Clip
from qwen_audio_tools.conversation import Conversation, clips
from qwen_audio_tools.engines.base import Delta, Options
from qwen_audio_tools.engines.server import rendering, requests
from qwen_audio_tools.engines.server.events import Counts, pieces
from qwen_audio_tools.engines.server.faults import Fault, Where
from qwen_audio_tools.engines.server.fleet import Server
from qwen_audio_tools.engines.server.hearing import Demand, Verdict, unheard
from qwen_audio_tools.engines.server.learning import Facts
from qwen_audio_tools.engines.server.results import Result
from qwen_audio_tools.engines.server.sounds import Sound, Sounds
from qwen_audio_tools.engines.server.watching import Watch
from qwen_audio_tools.engines.turns import Turn, asked, check_count, turns
from qwen_audio_tools.engines.wording import worded
from qwen_audio_tools.errors import EngineUnsupported


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A conversation as one server gets it."""

    turns: Sequence[Turn]
    clips: Sequence[Clip]
    sounds: Sequence[Sound]
    demand: Demand
    fields: dict[str, Any]
    warnings: tuple[str, ...]

    @property
    def names(self) -> list[str]:
        """All that stands for its sounds: their content, and the clips that they were made of."""
        return [name for sound in self.sounds for name in (sound.name, sound.source)]

    def session(self, facts: Facts) -> str:
        """Return what questions on the same clip share, where the server knows a clip again."""
        return self.sounds[0].name if self.sounds and facts.dialect.remembers else ""

    def body(self, facts: Facts, known: frozenset[str]) -> bytes:
        """Return the request as it is sent; sounds of `known` names go without their data."""
        messages = rendering.messages(self.turns, self.sounds, facts.dialect, known)
        return json.dumps(self.fields | {"messages": messages}, ensure_ascii=False).encode()

    def without_audio(self, facts: Facts) -> bytes:
        """Return the same request with its texts alone, for one token: it is to be counted."""
        texts: list[Turn] = [
            (role, [part for part in parts if isinstance(part, str)] or ["."])
            for role, parts in self.turns
        ]
        fields = {
            name: value
            for name, value in self.fields.items()
            if name not in ("stop", "response_format")
        }
        fields[facts.dialect.limit] = 1
        return json.dumps(
            fields | {"messages": rendering.messages(texts, (), facts.dialect)}, ensure_ascii=False
        ).encode()


async def prepared(
    conversation: Conversation, options: Options, facts: Facts, sounds: Sounds, where: Where
) -> Request:
    """Return the request that a server of these facts gets.

    Raises:
        ClipError: a clip can't be read, or is longer than the window.
        EngineError: the conversation is none that this model answers.
    """
    heard = clips(conversation)
    check_count(facts.family, heard, str(where))
    if heard and facts.hears is False:
        raise EngineUnsupported(
            f"{where} does not hear: it was started without the audio part of a model",
            hint="llama-server --mmproj FILE, or another model",
        )
    if facts.family:
        conversation = asked(facts.family, conversation, options.task or "")
    if _is_told_in_words(facts):
        conversation = worded(conversation, options)
    written = turns(conversation)
    quoted = rendering.quoted(written, facts.dialect, base=facts.base)
    texts = [part for _, parts in quoted for part in parts if isinstance(part, str)]
    fields = requests.fields(facts, options, 0)  # what can't be asked is refused before decoding
    made = [await sounds.of(clip, facts.window) for clip in heard]
    demand = Demand.of(made, facts.rate, texts)
    warnings = [warning for sound in made for warning in sound.warnings]
    warnings += rendering.broken_up(written, facts.dialect, base=facts.base)
    return Request(
        turns=quoted,
        clips=heard,
        sounds=made,
        demand=demand,
        fields=fields | requests.fields(facts, options, demand.least + demand.texts // 2),
        warnings=tuple(warnings),
    )


def _is_told_in_words(facts: Facts) -> bool:
    """Whether the language and form of the answer are asked for in the text of the question."""
    chats = facts.family is None or facts.family.chats
    return chats and not facts.base and not facts.dialect.ours


async def reply(
    server: Server, request: Request, options: Options, watch: Watch
) -> AsyncGenerator[Delta, None]:
    """Yield the reply of one server.

    Raises:
        Fault: it failed, or did not hear the audio.
    """
    names = request.names
    known = server.known(names)
    try:
        async with aclosing(_reply(server, request, options, watch, known)) as deltas:
            async for delta in deltas:
                yield delta
            return
    except Fault as fault:
        server.forget(names)
        # A server that has forgotten a sound says so in one way or another. All is sent then.
        if not known or fault.here or fault.began:
            raise
    server.missed()
    async with aclosing(_reply(server, request, options, watch, frozenset())) as deltas:
        async for delta in deltas:
            yield delta


async def _reply(
    server: Server, request: Request, options: Options, watch: Watch, known: frozenset[str]
) -> AsyncGenerator[Delta, None]:
    facts, where = server.facts, server.where
    result = Result(request.clips, request.sounds, facts, server.label, options)
    body, session = request.body(facts, known), request.session(facts)
    async with server.client.ask(body, watch, where, session=session) as (stream, received):
        try:
            async with aclosing(pieces(stream, received, where)) as found:
                async for piece in found:
                    if text := result.add(piece):
                        _check(request, result, where)
                        result.shown = True
                        yield Delta(text=text)
            if request.sounds:
                await _prove(server, request, result, watch)
            result.check_form(where)
        except Fault as fault:
            fault.began = result.shown
            raise
    server.remember(request.names)
    result.measured = server.facts.measured
    for delta in result.last(request.warnings):
        yield delta


def _check(request: Request, result: Result, where: Where) -> None:
    """Refuse the reply as soon as the counts prove that the audio was not heard."""
    if request.sounds and request.demand.verdict(result.counts) is Verdict.UNHEARD:
        raise unheard(where, result.counts, request.demand.least)


async def _prove(server: Server, request: Request, result: Result, watch: Watch) -> None:
    """Make sure that the audio was heard, by counting the same prompt without it if need be.

    Raises:
        Fault: it was not.
    """
    _check(request, result, server.where)
    verdict = request.demand.verdict(result.counts)
    if verdict is Verdict.HEARD or result.told is not None:
        server.proved()
    elif result.counts.prompt is None:
        result.warn("the server counts no tokens: nothing proves that it heard the audio")
    elif not server.facts.hears:
        alone = await _counted(server, request.without_audio(server.facts), watch)
        if alone.prompt is None:
            result.warn("the server counts no tokens: nothing proves that it heard the audio")
        elif result.counts.prompt - alone.prompt < max(1, len(request.sounds)):
            raise unheard(server.where, result.counts, 0)
        else:
            result.audio = result.counts.prompt - alone.prompt
            padded = server.facts.dialect.padded
            server.proved(result.audio / sum(padded(sound.seconds) for sound in request.sounds))


async def _counted(server: Server, body: bytes, watch: Watch) -> Counts:
    counts = Counts()
    try:
        async with (
            server.client.ask(body, watch, server.where) as (stream, received),
            aclosing(pieces(stream, received, server.where)) as found,
        ):
            async for piece in found:
                counts = counts.updated(piece.counts)
    except Fault:  # it answered the question itself: that it won't count is no reason to refuse
        return Counts()
    return counts
