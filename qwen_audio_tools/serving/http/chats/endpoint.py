"""POST /v1/chat/completions."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from qwen_audio_tools.addressing import check
from qwen_audio_tools.answer import Answer
from qwen_audio_tools.asking import ask_in_pieces, converse
from qwen_audio_tools.conversation import Message, clips, user
from qwen_audio_tools.engines.base import Delta, Options
from qwen_audio_tools.serving.http.answering import answered, check_audio, streamed, warned
from qwen_audio_tools.serving.http.bodies import json_body, off_the_loop, parsed
from qwen_audio_tools.serving.http.chats.conversations import conversation_of, last_question
from qwen_audio_tools.serving.http.chats.options import options_of, unheard
from qwen_audio_tools.serving.http.chats.replies import Completion
from qwen_audio_tools.serving.http.exchange import Exchange
from qwen_audio_tools.serving.http.limits import ServerLimits
from qwen_audio_tools.serving.http.queueing.desk import Desk, Served
from qwen_audio_tools.serving.http.queueing.jobs import Work
from qwen_audio_tools.serving.http.reading import Fields
from qwen_audio_tools.serving.http.telling import DONE, encoded, event
from qwen_audio_tools.tasks import Ability


@dataclass(frozen=True, slots=True)
class Asked:
    """A chat request that was read: of whom what is asked, and how it is to be answered.

    `cost` is whether a stream shall end with what it cost; None where no stream is wanted.
    """

    served: Served
    work: Work
    model: str
    cost: bool | None
    warnings: tuple[str, ...]


async def chat(exchange: Exchange, desk: Desk) -> None:
    """Answer a chat request."""
    with desk.admitted(), desk.holding.counted() as count:
        body = await json_body(exchange, desk.limits, count)
        asked = await off_the_loop(len(body), partial(read, body, desk))
        del body  # the base64 of its clips; they themselves are in the work
        completion = Completion(asked.model)
        if asked.cost is None:
            answer = warned(
                await answered(exchange, desk, asked.served, asked.work), asked.warnings
            )
            await exchange.reply(encoded(completion.whole(answer)))
        else:
            pieces = _Pieces(completion, asked.warnings, asked.cost)
            await streamed(exchange, desk, asked.served, asked.work, pieces)


def read(body: bytes, desk: Desk) -> Asked:
    """Return what a chat request asks.

    Raises:
        Refused: it isn't what it should be, or more than the limits allow.
        QwenAudioError: the engine can't be asked this.
    """
    values = parsed(body, desk.limits)
    fields = Fields(values)
    name = fields.text("model")
    served = desk.find(name)
    options = options_of(values, desk.defaults)
    turns = conversation_of(values.get("messages"), desk.origin, desk.limits)
    work, warnings = work_of(turns, served, options, desk.limits)
    return Asked(
        served=served,
        work=work,
        model=name or served.name,
        cost=_wants_cost(fields),
        warnings=(*unheard(values, served.engine.info), *warnings),
    )


def work_of(
    turns: Sequence[Message], served: Served, options: Options, limits: ServerLimits
) -> tuple[Work, tuple[str, ...]]:
    """Return what is asked of the engine, and what is to be known of how it is asked.

    Raises:
        Refused, EngineUnsupported, SettingsError: the engine can't be asked this.
    """
    engine = served.engine
    if Ability.CHAT in engine.info.abilities and not options.task:
        work = Work(
            check=lambda: check_audio(clips(turns), engine.info, limits),
            alone=lambda options: converse(turns, engine=engine, options=options),
            options=options,
            together=turns,
        )
        return work, ()
    asked = last_question(turns, engine.info, options.task)
    check(engine.info, [asked.text], options)
    work = Work(
        check=lambda: check_audio(asked.clips, engine.info, limits),
        alone=lambda options: ask_in_pieces(
            asked.clips, asked.text, engine=engine, options=options
        ),
        options=options,
        together=None if options.task else [user(*asked.clips, asked.text)],
    )
    return work, asked.warnings


class _Pieces:
    """A streamed completion, chunk by chunk."""

    def __init__(self, completion: Completion, warnings: Sequence[str], cost: bool) -> None:
        self._completion, self._warnings, self._cost = completion, warnings, cost
        self._begun = False

    def __call__(self, piece: Delta | Answer) -> list[bytes]:
        """Return the events of a piece, or of the end."""
        chunks: list[dict[str, Any]] = []
        if not self._begun:
            self._begun = True
            chunks.append(self._completion.first())
        if isinstance(piece, Delta):
            if piece.text:
                chunks.append(self._completion.piece(piece.text))
            return [event(chunk) for chunk in chunks]
        answer = warned(piece, self._warnings)
        chunks.append(self._completion.last(answer))
        if self._cost:
            chunks.append(self._completion.cost(answer))
        return [*(event(chunk) for chunk in chunks), DONE]


def _wants_cost(fields: Fields) -> bool | None:
    """Return whether a stream shall end with what it cost; None where no stream is wanted."""
    options = fields.inner("stream_options")
    if not fields.switch("stream"):
        if options is not None:
            raise fields.wrong("stream_options", "it is taken with stream: true alone")
        return None
    return options is not None and options.switch("include_usage")
