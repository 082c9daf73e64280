"""POST /v1/audio/transcriptions and POST /v1/audio/translations."""

from collections.abc import Sequence

from qwen_audio_tools.addressing import check, writes_freely
from qwen_audio_tools.answer import Answer
from qwen_audio_tools.asking import ask_in_pieces, transcript_in
from qwen_audio_tools.engines.base import Delta, EngineInfo
from qwen_audio_tools.serving.http.answering import answered, check_audio, streamed, warned
from qwen_audio_tools.serving.http.bodies import form_of
from qwen_audio_tools.serving.http.exchange import Exchange
from qwen_audio_tools.serving.http.limits import ServerLimits
from qwen_audio_tools.serving.http.queueing.desk import Desk, Served
from qwen_audio_tools.serving.http.queueing.jobs import Work
from qwen_audio_tools.serving.http.telling import DONE, beyond, event
from qwen_audio_tools.serving.http.transcripts.replies import about, cost, told
from qwen_audio_tools.serving.http.transcripts.requests import Shape, Wanted, unheard, wanted
from qwen_audio_tools.tasks import Ability


async def transcribe(exchange: Exchange, desk: Desk) -> None:
    """Write down what is said."""
    await _write_down(exchange, desk, translate=False)


async def translate(exchange: Exchange, desk: Desk) -> None:
    """Write down in English what is said."""
    await _write_down(exchange, desk, translate=True)


async def _write_down(exchange: Exchange, desk: Desk, *, translate: bool) -> None:
    with desk.admitted(), desk.holding.counted() as count:
        form, files = await form_of(exchange, desk.limits, count)
        asked = wanted(form, files, translate=translate, origin=desk.origin, defaults=desk.defaults)
        served = desk.find(asked.model)
        work = _work(asked, served, desk.limits)
        warnings = unheard(asked, served.engine.info, writes=writes_freely(served.engine.info))
        if asked.stream:
            await streamed(
                exchange, desk, served, work, _Pieces(asked, served.engine.info, warnings)
            )
            return
        answer = warned(await answered(exchange, desk, served, work), warnings)
        transcript = transcript_in(answer, asked.clip, served.engine.info)
        body, media = told(asked.shape, transcript, answer, translate=translate)
        is_json = asked.shape in (Shape.JSON, Shape.VERBOSE, Shape.DIARIZED)
        await exchange.reply(body, media=media, headers={} if is_json else about(answer))


def _work(asked: Wanted, served: Served, limits: ServerLimits) -> Work:
    check(served.engine.info, [""], asked.options)
    return Work(
        check=lambda: check_audio([asked.clip], served.engine.info, limits),
        alone=lambda options: ask_in_pieces(asked.clip, engine=served.engine, options=options),
        options=asked.options,
    )


class _Pieces:
    """A streamed transcript, event by event.

    An engine that tells times tells the words with them, at the end; what others say are the words.
    """

    def __init__(self, asked: Wanted, info: EngineInfo, warnings: Sequence[str]) -> None:
        self._asked, self._info, self._warnings = asked, info, warnings
        self._said: list[str] = []

    def __call__(self, piece: Delta | Answer) -> list[bytes]:
        """Return the events of a piece, or of the end."""
        tells_times = Ability.TIMES in self._info.abilities
        if isinstance(piece, Delta):
            return [] if tells_times else self._more(piece.text)
        answer = warned(piece, self._warnings)
        words = transcript_in(answer, self._asked.clip, self._info).text if tells_times else ""
        more = self._more(words)
        done = {
            "type": "transcript.text.done",
            "text": "".join(self._said).strip(),
            "usage": cost(answer),
            "qwa": beyond(answer),
        }
        return [*more, event(done), DONE]

    def _more(self, text: str) -> list[bytes]:
        if not text:
            return []
        self._said.append(text)
        return [event({"type": "transcript.text.delta", "delta": text})]
