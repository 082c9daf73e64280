"""How a chat request wants its answer: from OpenAI's fields to Options, none of them unheard."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from qwen_audio_tools.addressing import writes_freely
from qwen_audio_tools.engines.base import EngineInfo, Options
from qwen_audio_tools.serving.http.reading import Fields
from qwen_audio_tools.serving.http.refusals import invalid
from qwen_audio_tools.tasks import tasks_named

READ = {
    *("messages", "model", "stream", "stream_options", "max_tokens", "max_completion_tokens"),
    *("temperature", "top_p", "stop", "seed", "response_format", "qwa"),
}
IGNORED = {  # they say who asks and how to bill it, or how hard to think: no answer is wrong for it
    *("user", "metadata", "store", "service_tier", "safety_identifier", "prediction"),
    *("prompt_cache_key", "prompt_cache_options", "prompt_cache_retention"),
    *("parallel_tool_calls", "reasoning_effort", "verbosity"),
}
_NO_TOOLS = "an engine here hears and answers; it calls no tools"
REFUSED: dict[str, tuple[tuple[Any, ...], str]] = {  # the values that mean nothing, and why not
    "n": ((1,), "one answer is given to one request"),
    "tools": (([],), _NO_TOOLS),
    "tool_choice": (("none", "auto"), _NO_TOOLS),
    "functions": (([],), _NO_TOOLS),
    "function_call": (("none", "auto"), _NO_TOOLS),
    "modalities": ((["text"],), "answers are texts"),
    "audio": ((), "answers are texts"),
    "logprobs": ((False,), "no engine here tells them"),
    "top_logprobs": ((0,), "no engine here tells them"),
    "logit_bias": (({},), "no engine here takes them"),
    "frequency_penalty": ((0, 0.0), "no engine here takes one"),
    "presence_penalty": ((0, 0.0), "no engine here takes one"),
    "web_search_options": ((), "nothing is searched for"),
    "moderation": ((), "nothing is moderated"),
}
_WRITING = ("max_tokens", "max_completion_tokens", "temperature", "top_p", "stop", "seed")
_OURS = {"task", "language", "lang"}
_MOST = 2**31 - 1


def options_of(body: Mapping[str, Any], defaults: Options) -> Options:
    """Return the options of a chat request; what it leaves out is as in `defaults`.

    Raises:
        Refused: a value that cannot be, or a field that would change the answer and is not taken.
        SettingsError: a task that there is not.
    """
    fields = Fields(body)
    _check_names(fields)
    given: dict[str, Any] = {
        "max_tokens": _max_tokens(fields),
        "temperature": fields.number("temperature", 0, 2),
        "top_p": fields.number("top_p", 0, 1),
        "seed": fields.whole("seed", -(2**63), 2**63 - 1),
        "stop": _stop(fields),
        "schema": _schema(fields),
        **_ours(fields),
    }
    if given["top_p"] == 0:
        raise fields.wrong("top_p", "over 0, and at most 1; temperature 0 takes the likeliest")
    if given["seed"] is not None:
        given["seed"] %= 2**63
    return replace(defaults, **{name: value for name, value in given.items() if value is not None})


def unheard(body: Mapping[str, Any], info: EngineInfo) -> tuple[str, ...]:
    """Return a warning where the engine does not write freely, and so knows some of the fields."""
    named = [name for name in _WRITING if body.get(name) not in (None, [])]
    if not named or writes_freely(info):
        return ()
    return (f"{info.label} writes in its own words: {', '.join(named)} changed nothing",)


def _check_names(fields: Fields) -> None:
    for name, value in fields.values.items():
        if name in READ or name in IGNORED or value is None:
            continue
        if name not in REFUSED:
            raise invalid(
                f"{name!r:.80} is not taken here",
                param=name[:80],
                hint=f"these are: {', '.join(sorted(READ))}",
            )
        neutral, why = REFUSED[name]
        # By type too: 0 == False, and `logprobs: 0` is a slip.
        if not any(value == each and type(value) is type(each) for each in neutral):
            raise fields.wrong(name, why)


def _max_tokens(fields: Fields) -> int | None:
    newer = fields.whole("max_completion_tokens", 1, _MOST)
    return newer or fields.whole("max_tokens", 1, _MOST)


def _stop(fields: Fields) -> tuple[str, ...] | None:
    value = fields.values.get("stop")
    if value is None:
        return None
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise fields.wrong("stop", "a text or a list of texts is needed")
    if len(texts) > 16 or any(len(text) > 1000 for text in texts):
        raise fields.wrong("stop", "at most 16 texts of 1000 letters are taken")
    return tuple(filter(None, texts))


def _schema(fields: Fields) -> Mapping[str, Any] | None:
    wanted = fields.inner("response_format")
    if wanted is None:
        return None
    kind = wanted.text("type")
    if kind == "text":
        return None
    if kind == "json_object":
        return {"type": "object"}
    if kind != "json_schema":
        raise fields.wrong("response_format", "its type is text, json_object or json_schema")
    inner = wanted.inner("json_schema")
    schema = inner and inner.inner("schema")
    if schema is None:
        raise wanted.wrong("type", "it needs json_schema.schema, a JSON schema")
    return schema.values


def _ours(fields: Fields) -> dict[str, Any]:
    """Read `qwa`, by which a client may say what OpenAI has no field for."""
    ours = fields.inner("qwa")
    if ours is None:
        return {}
    for name in ours.values:
        if name not in _OURS:
            raise ours.wrong(name, f"there are {', '.join(sorted(_OURS))}")
    if task := ours.text("task"):
        tasks_named(task)
    if ours.text("lang") not in (None, "en", "zh"):
        raise ours.wrong("lang", "it is en or zh")
    return {name: ours.text(name) for name in ours.values}
