"""What goes wrong between us and a server: an error of ours, and what may be done about it."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from qwen_audio_tools.errors import (
    EngineError,
    EngineOutOfMemory,
    EngineRefused,
    EngineUnreachable,
    EngineUnsupported,
)

_READ, _SHOWN = 8192, 300
_MEMORY = re.compile(r"out of memory|OutOfMemory|CUDA error: out|cannot allocate", re.IGNORECASE)
_CONTEXT = re.compile(
    r"context (?:length|size|window)|maximum.{0,20}tokens|longer than the maximum|exceed_context",
    re.IGNORECASE,
)
_DEAF = re.compile(
    r"(?:audio|modalit|input_audio|mmproj).{0,60}not.{0,12}support"
    r"|not.{0,12}support.{0,60}(?:audio|modalit)"
    r"|At most 0 audio|unsupported content\[\]\.type",
    re.IGNORECASE | re.DOTALL,
)
_SEVERAL = re.compile(r"At most \d+ audio", re.IGNORECASE)
_QUOTA = re.compile(r"insufficient_quota|billing|arrearage|exceeded your current quota", re.I)


class Fault(Exception):
    """A request failed with `error`; it never leaves this package.

    `here` is whether the same server may do better later, `elsewhere` whether another one may at
    all: then the request may be sent again, as long as none of its answer was handed out. `wait`
    are the seconds that the server asks for, `tries` how often it is worth it; `status` is that of
    its answer, 0 if there was none.
    """

    def __init__(
        self,
        error: EngineError,
        *,
        here: bool = False,
        elsewhere: bool = False,
        wait: float | None = None,
        tries: int = 6,
        status: int = 0,
    ) -> None:
        super().__init__(str(error))
        self.error = error
        self.here, self.elsewhere = here, elsewhere or here
        self.wait, self.tries, self.status = wait, tries, status
        self.began = False  # whether some of the answer was handed out before it

    def hide(self, hidden_in: Callable[[str], str]) -> None:
        """Take what `hidden_in` hides out of all that a person will read."""
        self.args = (hidden_in(str(self)),)
        self.error.args = (hidden_in(str(self.error)),)
        self.error.hint = hidden_in(self.error.hint)


@dataclass(frozen=True, slots=True)
class Where:
    """A server and a model as errors name them."""

    shown: str
    model: str = ""

    def __str__(self) -> str:
        return f"{self.shown} ({self.model})" if self.model else self.shown


def of_status(status: int, body: bytes, where: Where, wait: float | None) -> Fault:
    """Return what an answer with an error status means; `body` is the beginning of it."""
    said, clues = words_of(body), words_of(body, kinds=True)
    told = f": {said}" if said else f" and says no more than {status}"
    if status in (401, 403):
        return _key_refused(status, where, told)
    if status == 429:
        return _busy(where, clues, told, wait)
    if status in (502, 503, 504):
        error: EngineError = EngineUnreachable(
            f"{where} is not ready ({status}){told}", hint="a model may still be loading"
        )
        return Fault(error, here=True, wait=wait, status=status)
    if _MEMORY.search(clues):
        return Fault(
            EngineOutOfMemory(
                f"{where} ran out of memory{told}",
                hint="fewer or shorter clips, a lower server_concurrency, or more memory there",
            ),
            status=status,
        )
    return Fault(_refusal(status, clues, where, told), status=status)


def _refusal(status: int, clues: str, where: Where, told: str) -> EngineError:
    if _SEVERAL.search(clues) and "At most 0 audio" not in clues:
        return EngineUnsupported(
            f"{where} takes fewer clips at once{told}",
            hint="ask about each clip on its own, or start it with --limit-mm-per-prompt",
        )
    if _DEAF.search(clues):  # llama-server says so with a 500
        return EngineUnsupported(
            f"{where} does not hear audio{told}", hint="serve a model that does: qwa engines"
        )
    if status < 500 and _CONTEXT.search(clues):
        return EngineRefused(
            f"the conversation is too long for {where}{told}",
            hint="fewer or shorter clips, a lower max_tokens, or a new conversation",
        )
    hints = {
        404: "a base URL ends in /v1, such as http://host:8000/v1; the model is one that it lists",
        405: "a base URL ends in /v1, such as http://host:8000/v1",
        413: "fewer clips in one question, or a server or proxy that takes larger requests",
    }
    kind = "failed while answering" if status >= 500 else "refused the request"
    hint = hints.get(status, "its own log says more" if status >= 500 else "")
    return EngineRefused(f"{where} {kind} ({status}){told}", hint=hint)


def _key_refused(status: int, where: Where, told: str) -> Fault:
    error = EngineRefused(
        f"{where} wants another key, or one at all ({status}){told}",
        hint="put the key into QWA_SERVER_KEY, or its file's path into QWA_SERVER_KEY_FILE",
    )
    return Fault(error, elsewhere=True, status=status)


def _busy(where: Where, clues: str, told: str, wait: float | None) -> Fault:
    if _QUOTA.search(clues):
        return Fault(EngineRefused(f"{where} answers no more on this account{told}"), status=429)
    error = EngineRefused(
        f"{where} has too much to do (429){told}",
        hint="a lower server_concurrency, a longer server_timeout, or another server",
    )
    return Fault(error, here=True, wait=wait, status=429, tries=12)


def of_event(event: Any, where: Where) -> Fault:
    """Return what an error in the middle of a stream means."""
    code = event.get("code") if isinstance(event, dict) else None
    status = code if isinstance(code, int) and 400 <= code < 600 else 500
    if status in (401, 403, 404, 405):
        status = 400  # of a request that it has taken already
    return of_status(status, json.dumps({"error": event}).encode(), where, None)


def mute(where: Where, seconds: float) -> Fault:
    """Return the fault of a server that does not even say what it is."""
    error = EngineUnreachable(
        f"{where} does not answer within {seconds:g} s",
        hint=f"curl {where.shown}/v1/models",
    )
    return Fault(error, here=True, tries=3)


def unreadable(where: Where, what: str, hint: str = "") -> Fault:
    """Return the fault of an answer that is not what the protocol says."""
    usual = "is it a server of OpenAI's chat completions, and does its base URL end in /v1?"
    return Fault(EngineRefused(f"{where} {what}", hint=hint or usual))


def words_of(body: bytes, *, kinds: bool = False) -> str:
    """Return what the body of an error says, in one line: JSON of any server, else its text.

    With `kinds` it is longer, and names the kind of error too: that is for telling them apart.
    """
    text = body[:_READ].decode("utf-8", errors="replace")
    try:
        found = " ".join(filter(None, _said(json.loads(text), kinds)))
    except (ValueError, RecursionError):
        found = _without_markup(text)
    line = " ".join("".join(c if c.isprintable() else " " for c in found).split())
    most = _READ if kinds else _SHOWN
    return line if len(line) <= most else line[: most - 1] + "…"


def _said(value: Any, kinds: bool) -> list[str]:
    """Return the messages of an error: of OpenAI, vLLM, SGLang, llama.cpp, FastAPI or DashScope."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, list):
        return [text for item in value[:3] for text in _said(item, kinds)]
    if not isinstance(value, dict):
        return []
    if isinstance(value.get("error"), dict | str | list) and value["error"]:
        return _said(value["error"], kinds)
    told = _said(value.get("message") or value.get("msg") or value.get("detail"), kinds)
    kind = [str(value[name]) for name in ("type", "code") if value.get(name)]
    return told + kind if kinds or not told else told


def _without_markup(text: str) -> str:
    if "<" not in text:
        return text
    body = re.sub(r"(?is)<(script|style|head)\b.*?</\1>", " ", text)
    title = re.search(r"(?is)<title[^>]*>(.*?)</title>", text)
    return f"{title.group(1) if title else ''} {re.sub(r'(?s)<[^>]*>', ' ', body)}"
