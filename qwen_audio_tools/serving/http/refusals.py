"""Errors to HTTP: the status, and the JSON that OpenAI's clients read; foreign ones stay inside."""

import json
from dataclasses import dataclass, field
from typing import Any

from qwen_audio_tools import errors
from qwen_audio_tools.errors import QwenAudioError

NO_RETRY = {"x-should-retry": "false"}
"""OpenAI's clients send again after any 5xx, 408 and 429, unless they are told not to."""


@dataclass(frozen=True, slots=True)
class Kind:
    """How one kind of error is told: status, OpenAI's `type`, and a `code` for programs."""

    status: int
    type: str
    code: str
    retry: bool = False


INVALID, SERVER, BUSY = "invalid_request_error", "server_error", "rate_limit_error"

KINDS: tuple[tuple[type[QwenAudioError], Kind], ...] = (  # the first that fits counts
    (errors.ClipTooLong, Kind(413, INVALID, "clip_too_long")),
    (errors.ClipRefused, Kind(403, INVALID, "clip_refused")),
    (errors.ClipMissing, Kind(400, INVALID, "clip_missing")),
    (errors.ClipUnsupported, Kind(400, INVALID, "clip_unsupported")),
    (errors.ClipError, Kind(400, INVALID, "clip_unreadable")),
    (errors.EngineUnsupported, Kind(400, INVALID, "engine_unsupported")),
    (errors.EngineUnreachable, Kind(503, SERVER, "engine_unreachable", retry=True)),
    (errors.EngineOutOfMemory, Kind(503, SERVER, "engine_out_of_memory", retry=True)),
    (errors.MissingExtra, Kind(500, SERVER, "engine_not_installed")),
    (errors.WeightsMissing, Kind(500, SERVER, "weights_missing")),
    (errors.Cancelled, Kind(503, SERVER, "cancelled", retry=True)),
    (errors.EngineError, Kind(502, SERVER, "engine_failed")),
    (errors.SettingsError, Kind(400, INVALID, "invalid_value")),
    (QwenAudioError, Kind(500, SERVER, "internal_error")),
)
INTERNAL = Kind(500, SERVER, "internal_error")


@dataclass(slots=True, eq=False)
class Refused(Exception):
    """A request that is answered with an error: what was wrong, and what would be right."""

    kind: Kind
    message: str
    hint: str = ""
    param: str | None = None
    headers: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.message

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self.kind.status

    @property
    def value(self) -> dict[str, Any]:
        """The error as OpenAI shapes it; the hint follows the message."""
        told = f"{self.message.rstrip('.')}. Hint: {self.hint}" if self.hint else self.message
        inner = {
            "message": told,
            "type": self.kind.type,
            "param": self.param,
            "code": self.kind.code,
        }
        return {"error": inner}

    @property
    def body(self) -> bytes:
        """The error as the body of a response."""
        return json.dumps(self.value, ensure_ascii=False).encode()


def invalid(message: str, *, param: str | None = None, hint: str = "") -> Refused:
    """Return the refusal of a request that isn't what it should be: 400."""
    return Refused(Kind(400, INVALID, "invalid_value"), message, hint, param)


def too_large(message: str, *, code: str, hint: str = "", param: str | None = None) -> Refused:
    """Return the refusal of more than a limit allows: 413."""
    return Refused(Kind(413, INVALID, code), message, hint, param)


def not_found(message: str, *, code: str = "not_found", hint: str = "") -> Refused:
    """Return the refusal of what isn't here: 404."""
    return Refused(Kind(404, INVALID, code), message, hint)


def too_busy(waiting: int, seconds: int) -> Refused:
    """Return the refusal of a request for which there is no more room: 429."""
    return Refused(
        Kind(429, BUSY, "queue_full", retry=True),
        f"{waiting} requests wait already, and no more are taken in",
        f"try again in {seconds} s",
        headers={"retry-after": str(seconds)},
    )


def too_late(seconds: float) -> Refused:
    """Return what ends a request that was not answered in time: 504."""
    return Refused(
        Kind(504, SERVER, "deadline_passed"),
        f"there was no answer within {seconds:g} s, and the work was stopped",
        "send a shorter recording, or let the server wait longer (--deadline)",
        headers=dict(NO_RETRY),
    )


def shutting_down() -> Refused:
    """Return what ends a request when the server stops: 503."""
    return Refused(
        Kind(503, SERVER, "shutting_down", retry=True),
        "the server is shutting down",
        headers={"retry-after": "10", "connection": "close"},
    )


def refusal_of(error: Exception, *, param: str | None = None) -> Refused:
    """Return how an error is told: ours with its message and hint, others without a word of it."""
    if isinstance(error, Refused):
        return error
    if not isinstance(error, QwenAudioError):
        message = "something unexpected went wrong here; the server's own log tells what"
        return Refused(INTERNAL, message, headers=dict(NO_RETRY))
    kind = next(kind for fits, kind in KINDS if isinstance(error, fits))
    headers = {} if kind.retry or kind.status < 500 else dict(NO_RETRY)
    if kind.status == 503:
        headers["retry-after"] = "5"
    return Refused(kind, " ".join(str(error).split()), error.hint, param, headers)


def with_param(error: Refused, param: str) -> Refused:
    """Return the same refusal, told of a certain part of the request."""
    error.param = error.param or param
    return error
