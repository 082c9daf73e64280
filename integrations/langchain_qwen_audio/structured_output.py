"""Answers as values: schemas of any kind that LangChain takes, and what reads a reply by them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from langchain_core.exceptions import OutputParserException
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.runnables import (
    Runnable,
    RunnableLambda,
    RunnableMap,
    RunnablePassthrough,
)
from langchain_core.utils.function_calling import convert_to_json_schema
from langchain_core.utils.pydantic import is_basemodel_subclass

from qwen_audio_tools.errors import EngineRefused
from qwen_audio_tools.structured import json_in


class NoFittingValue(EngineRefused, OutputParserException):
    """The reply holds no value of the schema, also after it was asked for again."""

    def __init__(self, message: str, *, reply: str = "") -> None:
        EngineRefused.__init__(
            self, message, hint="a simpler schema, or an engine that can be held to one"
        )
        self.llm_output, self.observation, self.send_to_llm = reply, message, False


@dataclass(frozen=True, slots=True, repr=False)
class Shape:
    """What a reply must be: a JSON schema, and the class that it becomes, if any."""

    schema: Mapping[str, Any]
    becomes: type | None = None

    def __repr__(self) -> str:  # stands in the keys of caches
        return json.dumps(self.schema, sort_keys=True)

    def read(self, value: Any) -> Any:
        """Return the value as it was asked for.

        Raises:
            ValueError: it does not fit.
        """
        if self.becomes is not None:
            made = getattr(self.becomes, "model_validate", None) or self.becomes.parse_obj  # type: ignore[attr-defined]
            return made(value)
        if self.schema.get("type") == "object":
            if not isinstance(value, dict):
                raise ValueError(f"a JSON object is needed, not {value!r:.80}")
            if missing := [name for name in self.schema.get("required", ()) if name not in value]:
                raise ValueError(f"missing: {', '.join(missing)}")
        return value

    def read_message(self, message: BaseMessage) -> Any:
        """Return the value that a reply holds.

        Raises:
            NoFittingValue: there is none.
        """
        text = message.text if isinstance(message, AIMessage) else str(message.content)
        try:
            return self.read(json_in(text))
        except ValueError as error:
            problem = " ".join(str(error).split())[:400]
            raise NoFittingValue(
                f"the reply is no JSON that fits the schema: {problem}", reply=text
            ) from error


def shape_of(schema: Any) -> Shape:
    """Return the shape of a pydantic class, TypedDict, JSON schema or function of OpenAI's."""
    becomes = schema if isinstance(schema, type) and is_basemodel_subclass(schema) else None
    # pydantic's own keeps what refers to itself; the other resolves references.
    own = getattr(becomes, "model_json_schema", None)
    return Shape(closed(own() if own else convert_to_json_schema(schema)), becomes)


def reading(model: Runnable[Any, Any], shape: Shape, *, include_raw: bool) -> Runnable[Any, Any]:
    """Return the model with its replies read; with `include_raw` failures are told, not raised."""
    parser = RunnableLambda(shape.read_message, name="read_value")
    if not include_raw:
        return model | parser
    read = RunnablePassthrough.assign(
        parsed=itemgetter("raw") | parser, parsing_error=lambda _: None
    )
    failed = RunnablePassthrough.assign(parsed=lambda _: None)
    told = read.with_fallbacks([failed], exception_key="parsing_error")
    return RunnableMap(raw=model) | told


def closed(schema: Any) -> Any:
    """Return a schema whose objects hold what they name and nothing else, unless they say so."""
    if isinstance(schema, list):
        return [closed(each) for each in schema]
    if not isinstance(schema, Mapping):
        return schema
    found = {name: closed(value) for name, value in schema.items()}
    if found.get("type") == "object" and isinstance(found.get("properties"), dict):
        found.setdefault("additionalProperties", False)
    return found
