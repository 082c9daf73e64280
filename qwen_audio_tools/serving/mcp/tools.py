"""The table of tools: a row for each, with its words, its arguments, and what it runs."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from qwen_audio_tools.agents import tools, wording
from qwen_audio_tools.agents.tools import Ears, Place
from qwen_audio_tools.agents.wording import ToolWords
from qwen_audio_tools.serving.mcp import schemas
from qwen_audio_tools.serving.mcp.arguments import (
    LONGEST_QUESTION,
    Argument,
    Given,
    Kind,
)
from qwen_audio_tools.serving.mcp.results import Result, is_url, of_answer, of_inspection
from qwen_audio_tools.serving.mcp.transcripts import KeptTranscripts, Written, page_of
from qwen_audio_tools.stopping import Stop

Work = Callable[[Ears, Given, Stop], Result]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A row of the table. `light` says that no model works: it need not wait for those that do."""

    words: ToolWords
    title: str
    arguments: tuple[Argument, ...]
    output: dict[str, Any]
    work: Work
    light: bool = False

    @property
    def hears(self) -> bool:
        """Whether recordings can be named to it."""
        return any(each.name in ("audio", "audios") for each in self.arguments)


PART = (
    Argument(name="start_s", about=wording.START, kind=Kind.SECONDS),
    Argument(name="end_s", about=wording.END, kind=Kind.SECONDS),
)
_LANGUAGE = Argument(name="language", about=wording.LANGUAGE, most=40)
_PAGE = Argument(name="page", about=wording.PAGE, kind=Kind.COUNT)
_QUESTION = Argument(name="question", about=wording.QUESTION, required=True, most=LONGEST_QUESTION)


def table(takes: str) -> tuple[Tool, ...]:
    """Return the tools, in the order in which they are listed.

    `takes` says in words for a model what may be named.
    """
    audio = Argument(name="audio", about=wording.NAMED.format(takes=takes), required=True)
    several = Argument(
        name="audios", about=wording.AUDIOS.format(takes=takes), kind=Kind.TEXTS, required=True
    )
    return (
        Tool(
            words=wording.ASK,
            title="Ask about a recording",
            arguments=(_QUESTION, audio, *PART),
            output=schemas.ANSWER,
            work=_ask,
        ),
        Tool(
            words=wording.TRANSCRIBE,
            title="Transcribe a recording",
            arguments=(audio, _LANGUAGE, *PART, _PAGE),
            output=schemas.TRANSCRIPT,
            work=_transcribe(KeptTranscripts()),
        ),
        Tool(
            words=wording.DESCRIBE,
            title="Describe a recording",
            arguments=(audio, *PART),
            output=schemas.ANSWER,
            work=_describe,
        ),
        Tool(
            words=wording.COMPARE,
            title="Compare recordings",
            arguments=(several, replace(_QUESTION, about=wording.ABOUT, required=False)),
            output=schemas.ANSWER,
            work=_compare,
        ),
        Tool(
            words=wording.INFO,
            title="Inspect an audio file",
            arguments=(audio,),
            output=schemas.INSPECTION,
            work=_info,
            light=True,
        ),
    )


def _place(given: Given) -> Place:
    return Place(audio=given["audio"], start_s=given.get("start_s"), end_s=given.get("end_s"))


def _answered(reply: tools.ToolReply, most: int) -> Result:
    assert reply.answer is not None
    return of_answer(reply, reply.answer, most)


def _ask(ears: Ears, given: Given, stop: Stop) -> Result:
    return _answered(tools.ask_audio(ears, given["question"], _place(given), stop), ears.most)


def _describe(ears: Ears, given: Given, stop: Stop) -> Result:
    return _answered(tools.describe_audio(ears, _place(given), stop), ears.most)


def _compare(ears: Ears, given: Given, stop: Stop) -> Result:
    reply = tools.compare_audio(ears, given["audios"], given.get("question", ""), stop)
    return _answered(reply, ears.most)


def _transcribe(kept: KeptTranscripts) -> Work:
    def work(ears: Ears, given: Given, stop: Stop) -> Result:
        place, language = _place(given), given.get("language")

        def write() -> Written:
            reply = tools.transcribe_audio(ears, place, language=language, stop=stop)
            assert reply.transcript is not None
            assert reply.answer is not None
            return reply.transcript, reply.answer

        clip = place.clip(ears.references)
        # A URL is not fetched again for its next page.
        content = repr(clip) if is_url(clip) else clip.fingerprint
        key = (content, language or "", ears.engine.info.label)
        return page_of(kept.get(key, write), clip, given.get("page", 1), ears.most)

    return work


def _info(ears: Ears, given: Given, stop: Stop) -> Result:
    reply = tools.audio_info(ears, _place(given), stop)
    assert reply.inspection is not None
    return of_inspection(reply, reply.inspection, ears.most)
