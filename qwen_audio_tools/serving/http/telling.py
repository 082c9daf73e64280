"""What all answers have in common: JSON, server-sent events, and what OpenAI has no field for."""

import json
from typing import Any

from qwen_audio_tools.answer import Answer

DONE = b"data: [DONE]\n\n"
BEAT = b": still at work\n\n"
"""A comment, which clients skip; it keeps proxies from thinking that nobody is there."""


_write = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def encoded(value: Any) -> bytes:
    """Return a value as JSON."""
    return _write(value).encode()


def event(value: Any) -> bytes:
    """Return a value as one server-sent event."""
    return b"data: " + encoded(value) + b"\n\n"


def beyond(answer: Answer) -> dict[str, Any]:
    """Return what an answer rests on: no field of OpenAI's holds it, and its clients let it be."""
    told = answer.to_dict()
    return {
        "engine": told["engine"],
        "task": told["task"],
        "coverage": told["coverage"],
        "evidence": told["evidence"],
        "warnings": told["warnings"],
        "seconds_heard": told["usage"]["seconds_heard"],
    }
