"""POST /v1/chat/completions."""

from collections.abc import Sequence
from typing import Any

from qwen_audio_tools.addressing import check
from qwen_audio_tools.answer import Answer
from qwen_audio_tools.asking import ask_in_pieces, converse
from qwen_audio_tools.conversation import Message, clips, user
from qwen_audio_tools.engines.base import Delta, Options
from qwen_audio_tools.serving.http.answering import answered, check_audio, streamed, warned
from qwen_audio_tools.serving.http.bodies import json_of
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


async def chat(exchange: Exchange, desk: Desk) -> None:
    """Answer a chat request."""
    with desk.admitted(), desk.holding.counted() as count:
        body = await json_of(exchange, desk.limits, count)
        fields = Fields(body)
        served = desk.find(fields.text("model"))
        options = options_of(body, desk.defaults)
        turns = conversation_of(body.get("messages"), desk.origin, desk.limits)
        work, warnings = work_of(turns, served, options, desk.limits)
        warnings = (*unheard(body, served.engine.info), *warnings)
        completion = Completion(fields.text("model") or served.name)
        wants_cost = _wants_cost(fields)
        del body, fields, turns  # the base64 of the clips; what is needed is in `work`
        if wants_cost is None:
            answer = warned(await answered(exchange, desk, served, work), warnings)
            await exchange.reply(encoded(completion.whole(answer)))
        else:
            pieces = _Pieces(completion, warnings, wants_cost)
            await streamed(exchange, desk, served, work, pieces)


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
            check=lambda: check_audio(clips(turns), limits),
            alone=lambda options: converse(turns, engine=engine, options=options),
            options=options,
            together=turns,
        )
        return work, ()
    asked = last_question(turns, engine.info, options.task)
    check(engine.info, [asked.text], options)
    work = Work(
        check=lambda: check_audio(asked.clips, limits),
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
