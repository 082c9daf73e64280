"""Answers as OpenAI's chat completions, whole or in chunks; what we know beyond it is in `qwa`."""

import time
import uuid
from dataclasses import dataclass, field
from typing import Any

from qwen_audio_tools.answer import Answer, Usage
from qwen_audio_tools.serving.http.telling import beyond


def usage_of(usage: Usage) -> dict[str, Any]:
    """Return what an answer cost in tokens, where the engine counts them."""
    return {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.input_tokens + usage.output_tokens,
        "prompt_tokens_details": {"audio_tokens": usage.audio_tokens, "cached_tokens": 0},
    }


@dataclass(frozen=True, slots=True)
class Completion:
    """One completion: its id and time, and the model that was asked for."""

    model: str
    id: str = field(default_factory=lambda: f"chatcmpl-{uuid.uuid4().hex}")
    created: int = field(default_factory=lambda: int(time.time()))

    def whole(self, answer: Answer) -> dict[str, Any]:
        """Return the whole completion."""
        message = {"role": "assistant", "content": answer.text, "refusal": None}
        choice = {
            "index": 0,
            "message": message,
            "logprobs": None,
            "finish_reason": answer.finish or "stop",
        }
        return {
            **self._head("chat.completion"),
            "choices": [choice],
            "usage": usage_of(answer.usage),
            "qwa": beyond(answer),
        }

    def first(self) -> dict[str, Any]:
        """Return the chunk that opens a stream."""
        return self._chunk({"role": "assistant", "content": "", "refusal": None})

    def piece(self, text: str) -> dict[str, Any]:
        """Return a chunk of text."""
        return self._chunk({"content": text})

    def last(self, answer: Answer) -> dict[str, Any]:
        """Return the chunk that says why the text ended, and what it rests on."""
        return {**self._chunk({}, answer.finish or "stop"), "qwa": beyond(answer)}

    def cost(self, answer: Answer) -> dict[str, Any]:
        """Return the chunk that says what it cost, for those who asked."""
        head = self._head("chat.completion.chunk")
        return {**head, "choices": [], "usage": usage_of(answer.usage)}

    def _chunk(self, delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return {**self._head("chat.completion.chunk"), "choices": [choice]}

    def _head(self, kind: str) -> dict[str, Any]:
        return {
            "id": self.id,
            "object": kind,
            "created": self.created,
            "model": self.model,
            "system_fingerprint": None,
        }
