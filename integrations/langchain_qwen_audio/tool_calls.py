"""Tools for a model that was not trained on any: told in its prompt, read from its replies."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from langchain_core.messages import InvalidToolCall, ToolCall, ToolCallChunk, ToolMessage
from langchain_core.messages.tool import invalid_tool_call, tool_call, tool_call_chunk

from langchain_qwen_audio.structured_output import closed
from qwen_audio_tools.conversation import as_data
from qwen_audio_tools.errors import SettingsError
from qwen_audio_tools.structured import json_in

_TOLD = """You can call tools. Each line is one of them, with the JSON schema of its arguments:
{tools}

To call tools, write nothing but JSON of this form:
{{"tool_calls": [{{"name": "…", "arguments": {{…}}}}]}}
{when}"""
_FREELY = "If no tool is needed, answer in plain words, without JSON."
_FORCED = "Call a tool now: {names}."
_NOTHING: Mapping[str, Any] = {"type": "object", "properties": {}}
_OPENINGS = ("{", "```", "[{")


@dataclass(frozen=True, slots=True)
class ReadCalls:
    """What a reply holds: words, calls that can be made, and calls whose arguments make no sense.

    That there is no tool of a name is for whoever runs the tools to say.
    """

    text: str
    calls: tuple[ToolCall, ...] = ()
    invalid: tuple[InvalidToolCall, ...] = ()

    @property
    def chunks(self) -> list[ToolCallChunk]:
        """All calls as a stream tells them: what is wrong with one is found again from it."""
        found = [(each, json.dumps(each["args"], ensure_ascii=False)) for each in self.calls]
        return [
            tool_call_chunk(name=each["name"], args=written, id=each["id"], index=index)
            for index, (each, written) in enumerate(
                [*found, *((each, each["args"]) for each in self.invalid)]
            )
        ]


@dataclass(frozen=True, slots=True)
class Tools:
    """The tools of a call, as OpenAI writes them. `choice` is "auto", "any" or a tool's name."""

    tools: tuple[Mapping[str, Any], ...]
    choice: str = "auto"

    @property
    def functions(self) -> list[Mapping[str, Any]]:
        """Name, description and parameters of each tool that may be called."""
        found = [tool["function"] for tool in self.tools]
        if self.forced and self.choice != "any":
            return [function for function in found if function["name"] == self.choice]
        return found

    @property
    def forced(self) -> bool:
        """Whether a tool must be called."""
        return self.choice != "auto"

    @property
    def told(self) -> str:
        """What a model is told of the tools."""
        lines = "\n".join(json.dumps(each, ensure_ascii=False) for each in self.functions)
        names = " or ".join(each["name"] for each in self.functions)
        when = _FORCED.format(names=names) if self.forced else _FREELY
        return _TOLD.format(tools=lines, when=when)

    @property
    def schema(self) -> dict[str, Any]:
        """The JSON schema of a reply that calls one of the tools."""
        calls = [
            {
                "type": "object",
                "properties": {
                    "name": {"const": each["name"]},
                    "arguments": closed(each.get("parameters") or _NOTHING),
                },
                "required": ["name", "arguments"],
                "additionalProperties": False,
            }
            for each in self.functions
        ]
        return {
            "type": "object",
            "properties": {
                "tool_calls": {
                    "type": "array",
                    "minItems": 1,
                    "maxItems": 1,
                    "items": {"anyOf": calls} if len(calls) > 1 else calls[0],
                }
            },
            "required": ["tool_calls"],
            "additionalProperties": False,
        }

    def read(self, text: str) -> ReadCalls:
        """Return what a reply says and calls; a reply without calls is all words."""
        at = opening(text)
        if at < 0:
            return ReadCalls(text)
        try:
            wanted = _wanted(json_in(text[at:]))
        except ValueError:
            return ReadCalls(text)
        if not wanted:
            return ReadCalls(text)
        calls, invalid = [], []
        for each in wanted:
            name, arguments = str(each["name"]), _arguments(each)
            call_id = f"call_{uuid4().hex[:24]}"
            if isinstance(arguments, dict):
                calls.append(tool_call(name=name, args=arguments, id=call_id))
            else:
                written = json.dumps(arguments, ensure_ascii=False)
                problem = "the arguments are no JSON object"
                invalid.append(
                    invalid_tool_call(name=name, args=written, id=call_id, error=problem)
                )
        return ReadCalls(text[:at].strip(), tuple(calls), tuple(invalid))


def tools_of(given: Sequence[Mapping[str, Any]], choice: Any) -> Tools | None:
    """Return the tools of a call, None where there are none or they may not be called.

    Raises:
        SettingsError: `choice` names no tool.
    """
    if not given or choice == "none":
        return None
    if isinstance(choice, Mapping):  # as OpenAI writes it
        choice = choice.get("function", {}).get("name") or choice.get("name")
    if choice in (None, False, "auto", ""):
        return Tools(tuple(given))
    if choice in (True, "any", "required"):
        return Tools(tuple(given), "any")
    names = [tool["function"]["name"] for tool in given]
    if choice not in names:
        raise SettingsError(f"tool_choice {choice!r} names no tool; there are {', '.join(names)}")
    return Tools(tuple(given), choice)


def opening(text: str) -> int:
    """Return where JSON may begin in a reply, -1 if nowhere."""
    found = [at for mark in _OPENINGS if (at := text.find(mark)) >= 0]
    return min(found, default=-1)


def written_calls(calls: Sequence[Mapping[str, Any]]) -> str:
    """Return earlier calls as the model is told to write them."""
    named = [{"name": call["name"], "arguments": call["args"]} for call in calls]
    return json.dumps({"tool_calls": named}, ensure_ascii=False)


def written_result(message: ToolMessage) -> str:
    """Return the words above what a tool gave back."""
    failed = " failed" if message.status == "error" else ""
    return f"Result of the tool {as_data(message.name or message.tool_call_id)}{failed} (data):"


def _wanted(value: Any) -> list[Mapping[str, Any]]:
    """Return the calls in a JSON value: in our form, in a list, or one alone."""
    if isinstance(value, Mapping) and isinstance(value.get("tool_calls"), list):
        value = value["tool_calls"]
    found = value if isinstance(value, list) else [value]
    if not all(isinstance(each, Mapping) and isinstance(each.get("name"), str) for each in found):
        return []
    return list(found)


def _arguments(wanted: Mapping[str, Any]) -> Any:
    names = ("arguments", "args", "parameters", "input")
    return next((wanted[name] for name in names if name in wanted), {})
