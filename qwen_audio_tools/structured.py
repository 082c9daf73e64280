"""Answers as values of a schema: constrained where the engine can, else asked for and repaired."""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from qwen_audio_tools.addressing import writes_freely
from qwen_audio_tools.answer import Answer
from qwen_audio_tools.asking import converse
from qwen_audio_tools.conversation import Conversation, Message, assistant, user
from qwen_audio_tools.engines.base import Engine, Options, join
from qwen_audio_tools.errors import EngineRefused, EngineUnsupported

T = TypeVar("T")

_ASKED = "Answer with one JSON value that fits this JSON schema, and write nothing else:\n{schema}"
_AGAIN = (
    "That is not what the schema asks for: {problem}\n"
    "Write the JSON value again, whole and mended, and nothing else."
)


@dataclass(frozen=True, slots=True)
class Attempt(Generic[T]):
    """The last answer of an engine, what was read from it, and why nothing could be, if so."""

    answer: Answer
    value: T | None = None
    problem: str = ""


def structured(
    conversation: Conversation,
    schema: Mapping[str, Any],
    read: Callable[[Any], T],
    *,
    engine: Engine,
    options: Options | None = None,
    repairs: int = 2,
) -> tuple[T, Answer]:
    """Return what `read` makes of the JSON value that the engine answers with, and the answer.

    `read` raises ValueError for a value that doesn't fit; the engine is then told so and asked
    again, `repairs` times at most.

    Raises:
        EngineUnsupported: the engine writes in its own words only.
        EngineRefused: its answers never fitted.
        QwenAudioError: as `converse`.
    """
    found = attempt(conversation, schema, read, engine=engine, options=options, repairs=repairs)
    if found.problem:
        raise EngineRefused(
            f"engine {engine.info.label!r} wrote no JSON that fits the schema: {found.problem}",
            hint="a simpler schema, or an engine that can be held to one",
        )
    return found.value, found.answer  # type: ignore[return-value]


def attempt(
    conversation: Conversation,
    schema: Mapping[str, Any],
    read: Callable[[Any], T],
    *,
    engine: Engine,
    options: Options | None = None,
    repairs: int = 2,
) -> Attempt[T]:
    """Ask as `structured` does, and return the last answer too where none of them fitted.

    Raises:
        EngineUnsupported: the engine writes in its own words only.
        QwenAudioError: as `converse`.
    """
    options = options or Options()
    if not writes_freely(engine.info):
        raise EngineUnsupported(
            f"engine {engine.info.label!r} writes in its own words: no JSON schema can shape them",
            hint="--engine transformers:MODEL or server:MODEL@URL does",
        )
    turns: list[Message] = list(conversation)
    try:
        held = replace(options, schema=schema)
        answer = join(converse(turns, engine=engine, options=held), engine.info)
    except EngineUnsupported:  # it converses, and can't be held to a schema
        turns, held = _asking(conversation, schema), options
        answer = join(converse(turns, engine=engine, options=held), engine.info)
    for left in range(repairs, -1, -1):
        try:
            return Attempt(answer, read(json_in(answer.text)))
        except ValueError as error:
            problem = " ".join(str(error).split())[:400]
        if left:
            turns = [*turns, assistant(answer.text), user(_AGAIN.format(problem=problem))]
            answer = join(converse(turns, engine=engine, options=held), engine.info)
    return Attempt(answer, problem=problem)


def json_in(text: str) -> Any:
    """Return the JSON value in a text: all of it, or what stands in a code fence or between words.

    Raises:
        ValueError: there is none.
    """
    for candidate in _candidates(text):
        try:
            return json.loads(candidate)
        except ValueError:
            continue
    decoder = json.JSONDecoder()
    for match in re.finditer(r"[\[{]", text):
        try:
            value, _ = decoder.raw_decode(text, match.start())
        except ValueError:
            continue
        return value
    raise ValueError(f"no JSON value in {text.strip()[:80]!r}")


def _candidates(text: str) -> Iterator[str]:
    yield text
    for fenced in re.finditer(r"```(?:json)?\s*\n?(.*?)```", text, re.DOTALL):
        yield fenced.group(1)


def _asking(conversation: Sequence[Message], schema: Mapping[str, Any]) -> list[Message]:
    *before, last = conversation
    words = _ASKED.format(schema=json.dumps(schema, ensure_ascii=False))
    return [*before, Message(last.role, (*last.parts, words))]
