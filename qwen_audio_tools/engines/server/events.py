"""Bytes of a reply into its pieces: server-sent events, or one JSON object of who can't stream."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import Any

from qwen_audio_tools.engines.server.faults import Fault, Where, of_event, unreadable
from qwen_audio_tools.errors import EngineUnreachable

_LINE_BYTES = 4 * 1024 * 1024
_END_SECONDS = 1.0
DONE = b"[DONE]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What the server counted, in tokens; None where it didn't say."""

    prompt: int | None = None
    audio: int | None = None
    output: int | None = None

    def updated(self, newer: "Counts") -> "Counts":
        """Return these counts with what is newer in the other."""

        def last(name: str) -> int | None:
            value: int | None = getattr(newer, name)
            return getattr(self, name) if value is None else value

        return Counts(prompt=last("prompt"), audio=last("audio"), output=last("output"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A piece of a reply. `finish` is why the server ended the text, once it did.

    `ours` is what `qwa serve` tells at the end: evidence, coverage, warnings.
    """

    text: str = ""
    finish: str = ""
    counts: Counts = Counts()
    ours: Mapping[str, Any] | None = None


async def pieces(
    stream: bool, received: AsyncIterator[bytes], where: Where
) -> AsyncGenerator[Piece, None]:
    """Yield the pieces of a reply as they come.

    Raises:
        Fault: what came is not of the protocol, is an error, or ended before the reply did.
    """
    whole = False
    async with aclosing(events(received, where) if stream else _one(received)) as payloads:
        async for payload in payloads:
            if payload == DONE:
                whole = True
                break
            piece = parsed(payload, where)
            whole = whole or bool(piece.finish)
            yield piece
    if not whole:
        raise _ended(where)
    await _drain(received)


async def _drain(received: AsyncIterator[bytes]) -> None:
    """Take the end of a body too: only then can its connection be used again."""
    with suppress(TimeoutError):
        async with asyncio.timeout(_END_SECONDS):
            async for _ in received:
                pass


async def events(received: AsyncIterator[bytes], where: Where) -> AsyncGenerator[bytes, None]:
    """Yield the data of each server-sent event; an unfinished one at the end is none."""
    data: list[bytes] = []
    async for line in _lines(received, where):
        if not line:
            if data:
                yield b"\n".join(data)
            data = []
        elif line.startswith(b"data:"):
            data.append(line[5:].removeprefix(b" "))


async def _lines(received: AsyncIterator[bytes], where: Where) -> AsyncIterator[bytes]:
    rest = b""
    async for some in received:
        # A line may end in \n, \r\n or \r; the last byte may be the first half of \r\n.
        rest += some
        cut = len(rest) - 1 if rest.endswith(b"\r") else len(rest)
        lines = rest[:cut].replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        rest = lines.pop() + rest[cut:]
        if len(rest) > _LINE_BYTES:
            raise unreadable(where, f"wrote a line of over {_LINE_BYTES >> 20} MB")
        for line in lines:
            yield line
    if rest:
        yield rest.rstrip(b"\r")
        yield b""  # the last event of some servers lacks its empty line


async def _one(received: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    yield b"".join([some async for some in received])


def parsed(payload: bytes, where: Where) -> Piece:
    """Return the piece that an event holds.

    Raises:
        Fault: it is no JSON of a reply, or tells of an error.
    """
    try:
        value = json.loads(payload.decode("utf-8"))
    except (ValueError, RecursionError):
        raise _malformed(where, payload) from None
    if not isinstance(value, dict):
        raise _malformed(where, payload)
    if value.get("error") or value.get("object") == "error":
        raise of_event(value.get("error") or value, where)
    choices = value.get("choices") or []
    if not isinstance(choices, list) or not all(isinstance(each, dict) for each in choices):
        raise _malformed(where, payload)
    counts, ours = _counts(value.get("usage")), value.get("qwa")
    if not choices:
        return Piece(counts=counts)
    said = choices[0].get("delta") or choices[0].get("message") or {}
    finish = choices[0].get("finish_reason")
    if not isinstance(said, dict):
        raise _malformed(where, payload)
    text = _text(said.get("content")) or _text(said.get("refusal"))
    return Piece(
        text=text,
        finish=finish if isinstance(finish, str) else "",
        counts=counts,
        ours=ours if isinstance(ours, Mapping) else None,
    )


def _text(content: Any) -> str:
    if isinstance(content, list):
        return "".join(_text(part.get("text")) for part in content if isinstance(part, dict))
    if not isinstance(content, str):
        return ""
    if any("\ud800" <= letter <= "\udfff" for letter in content):  # half a letter, by an escape
        return content.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return content


def _counts(usage: Any) -> Counts:
    if not isinstance(usage, Mapping):
        return Counts()
    details = usage.get("prompt_tokens_details")
    details = details if isinstance(details, Mapping) else {}
    by_kind = details.get("multimodal_tokens")  # of vLLM, with --enable-prompt-tokens-details
    audio = by_kind.get("audio") if isinstance(by_kind, Mapping) else details.get("audio_tokens")
    return Counts(
        prompt=_number(usage.get("prompt_tokens")) or None,  # no prompt has none: it didn't count
        audio=_number(audio),
        output=_number(usage.get("completion_tokens")),
    )


def _number(value: Any) -> int | None:
    usable = isinstance(value, int) and not isinstance(value, bool) and value >= 0
    return value if usable else None


def _malformed(where: Where, payload: bytes) -> Fault:
    begin = payload[:80].decode("utf-8", errors="replace")
    return unreadable(where, f"answers with what is no piece of a reply: {begin!r}")


def _ended(where: Where) -> Fault:
    error = EngineUnreachable(
        f"{where} ended the stream before the answer was complete",
        hint="look at the server's log; a proxy before it may have a time limit of its own",
    )
    return Fault(error, here=True, tries=3)
