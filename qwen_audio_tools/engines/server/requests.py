"""The body of a request: what is asked, in the fields of the dialect."""

from collections.abc import Mapping
from typing import Any

from qwen_audio_tools.engines.base import Options
from qwen_audio_tools.engines.server.learning import Facts
from qwen_audio_tools.errors import EngineUnsupported, SettingsError
from qwen_audio_tools.tasks import Ability

_LEAST = 64


def fields(facts: Facts, options: Options, prompt: int) -> dict[str, Any]:
    """Return all of a request but its messages; `prompt` is about how many tokens they take.

    Raises:
        EngineUnsupported: a JSON schema, and the server holds no answer to one.
        SettingsError: the schema is no JSON object.
    """
    dialect = facts.dialect
    body: dict[str, Any] = {
        "model": facts.model,
        "stream": True,
        **dialect.fields,
    }
    if not dialect.ours or Ability.CHAT in facts.abilities:  # others write in their own words
        body[dialect.limit] = _limit(facts, options, prompt)
    if dialect.counts:
        wanted = {"include_usage": True}
        body["stream_options"] = wanted | (
            {"continuous_usage_stats": True} if dialect.counts_early else {}
        )
    for name in ("temperature", "top_p", "seed"):
        if (value := getattr(options, name)) is not None:
            body[name] = value
    if options.stop and dialect.stops:
        body["stop"] = list(options.stop)
    if dialect.ours:
        own = {name: getattr(options, name) for name in ("task", "language", "lang")}
        if own := {name: value for name, value in own.items() if value is not None}:
            body["qwa"] = own
    if options.schema is not None:
        body["response_format"] = _form(facts, options.schema)
    return body


def _limit(facts: Facts, options: Options, prompt: int) -> int:
    """Return the longest answer: a server refuses what its context could not hold."""
    if facts.context is None:
        return options.max_tokens
    return min(options.max_tokens, max(_LEAST, facts.context - prompt))


def _form(facts: Facts, schema: Mapping[str, Any]) -> dict[str, Any]:
    if not isinstance(schema, Mapping):
        raise SettingsError(f"the schema {schema!r} is no JSON object")
    if not facts.dialect.schema:
        raise EngineUnsupported(
            f"{facts.dialect.about} holds no answer to a JSON schema",
            hint="vLLM, SGLang and llama-server do; so does --engine transformers:MODEL",
        )
    return {
        "type": "json_schema",
        "json_schema": {"name": "answer", "schema": dict(schema), "strict": True},
    }
