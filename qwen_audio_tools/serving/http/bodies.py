"""Bodies of requests, read within limits: JSON that can't be a bomb, and multipart forms."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any, NoReturn, TypeVar

from starlette.datastructures import Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from qwen_audio_tools.serving.http.exchange import Exchange
from qwen_audio_tools.serving.http.limits import MB, ServerLimits
from qwen_audio_tools.serving.http.refusals import (
    BUSY,
    INVALID,
    Kind,
    Refused,
    invalid,
    too_large,
)

_LARGE = 512 * 1024
T = TypeVar("T")

Form = dict[str, list[str]]


@dataclass(slots=True)
class Holding:
    """How many bytes of bodies are held at the moment, by all requests together."""

    limits: ServerLimits
    held: int = 0

    @contextmanager
    def counted(self) -> Iterator["_Count"]:
        """Count the bytes of one body until its request is over."""
        count = _Count(self)
        try:
            yield count
        finally:
            self.held -= count.size


@dataclass(slots=True)
class _Count:
    holding: Holding
    size: int = 0

    def add(self, size: int) -> None:
        """Count more bytes of the body.

        Raises:
            Refused: more than one body may have, or all bodies together.
        """
        limits = self.holding.limits
        self.size += size
        self.holding.held += size
        if self.size > limits.body_bytes:
            raise _too_large(self.size, limits)
        if self.holding.held > limits.held_bytes:
            raise Refused(
                Kind(429, BUSY, "memory_full", retry=True),
                f"the requests that are here hold {limits.held_bytes // MB:,} MB already",
                "try again when some of them are answered",
                headers={"retry-after": "5"},
            )


async def chunks_of(
    exchange: Exchange, limits: ServerLimits, count: _Count
) -> AsyncIterator[bytes]:
    """Yield the body as it comes, within its limit.

    Raises:
        Refused: it is too large, or packed.
        Gone: the client left.
    """
    packed = exchange.headers.get("content-encoding", "identity").lower()
    if packed != "identity":
        raise Refused(
            Kind(415, INVALID, "encoding_unsupported"),
            f"a body that is packed ({packed!r:.40}) is not taken",
            "send it as it is",
        )
    claimed = exchange.headers.get("content-length", "")
    if claimed.isdecimal() and int(claimed) > limits.body_bytes:
        raise _too_large(int(claimed), limits)
    async for chunk in exchange.chunks():
        count.add(len(chunk))
        yield chunk


@asynccontextmanager
async def in_time(limits: ServerLimits) -> AsyncIterator[None]:
    """Let a body take its time, but not for ever."""
    try:
        async with asyncio.timeout(limits.receive_seconds):
            yield
    except TimeoutError:
        raise Refused(
            Kind(408, INVALID, "body_too_slow", retry=True),
            f"the body did not come within {limits.receive_seconds:g} s",
        ) from None


async def json_body(exchange: Exchange, limits: ServerLimits, count: _Count) -> bytes:
    """Return the body, which says that it is JSON.

    Raises:
        Refused: it says otherwise, or is larger than the limits allow.
        Gone: the client left.
    """
    _check_media(exchange, "application/json")
    async with in_time(limits):
        return b"".join([chunk async for chunk in chunks_of(exchange, limits, count)])


async def off_the_loop(size: int, read: Callable[[], T]) -> T:
    """Return what `read` makes of a body; of a large one in a thread, for others would wait."""
    return read() if size < _LARGE else await asyncio.to_thread(read)


def parsed(body: bytes, limits: ServerLimits) -> dict[str, Any]:
    """Return the JSON object that a body holds.

    Raises:
        Refused: it holds none, or more values or deeper ones than the limits allow.
    """
    # Counted before anything is made of it: an empty list takes thirty times its two letters.
    if _holds_more(body, limits.values):
        raise too_large(f"the JSON holds more than {limits.values:,} values", code="json_too_large")
    try:
        value = json.loads(body, parse_constant=_no_number)
    except RecursionError:
        raise _too_deep(limits) from None
    except ValueError as error:  # UnicodeDecodeError and numbers without end are among them
        raise invalid(f"the body is no JSON: {error}") from None
    if not isinstance(value, dict):
        raise invalid(f"the body is a JSON object, not {type(value).__name__}")
    _check_values(value, limits)
    return value


def _holds_more(body: bytes, values: int) -> bool:
    """Return whether there are more values: each but the first has one of these marks before it."""
    left = values
    for mark in (b"{", b"[", b","):
        at = body.find(mark)
        while at >= 0:
            left -= 1
            if left < 0:
                return True
            at = body.find(mark, at + 1)
    return False


def _check_values(value: Any, limits: ServerLimits) -> None:
    """Refuse what is nested too deep, and letters that no text can have."""
    level = [value]
    for _ in range(limits.depth):
        inner: list[Any] = []
        for each in level:
            if isinstance(each, dict):
                inner.extend(each)
                inner.extend(each.values())
            elif isinstance(each, list):
                inner.extend(each)
            elif isinstance(each, str) and not each.isascii():
                _check_letters(each)
        if not inner:
            return
        level = inner
    raise _too_deep(limits)


def _check_letters(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise invalid(f"a text holds half a letter, {text[error.start]!r}") from None


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")


async def form_of(
    exchange: Exchange, limits: ServerLimits, count: _Count
) -> tuple[Form, list[tuple[str, str, bytes]]]:
    """Return the fields of a form, and its files as (field, file name, bytes).

    Raises:
        Refused: it is no form, or larger than the limits allow.
        Gone: the client left.
    """
    _check_media(exchange, "multipart/form-data")
    stream = chunks_of(exchange, limits, count)
    parser = MultiPartParser(Headers(exchange.headers), stream, max_files=1, max_fields=64)  # type: ignore[arg-type]
    parser.spool_max_size = limits.body_bytes  # never on disk: what is held is counted
    try:
        async with in_time(limits):
            form = await parser.parse()
    except MultiPartException as error:
        raise invalid(f"the form can't be read: {error.message}") from None
    fields: Form = {}
    files = []
    for name, value in form.multi_items():
        if isinstance(value, UploadFile):
            files.append((name, value.filename or "", value.file.read()))
            value.file.close()
        else:
            _check_letters(value)
            fields.setdefault(name.removesuffix("[]"), []).append(value)
    return fields, files


def _check_media(exchange: Exchange, wanted: str) -> None:
    given = exchange.headers.get("content-type", "")
    if given.partition(";")[0].strip().lower() != wanted:
        raise Refused(
            Kind(415, INVALID, "media_unsupported"),
            f"the body is {given!r:.60}; {wanted} is taken here",
            f"Content-Type: {wanted}",
        )


def _too_large(size: int, limits: ServerLimits) -> Refused:
    return too_large(
        f"the body has {size:,} bytes or more; {limits.body_bytes:,} are taken",
        code="body_too_large",
        hint="send a shorter or a compressed recording (mp3, opus)",
    )


def _too_deep(limits: ServerLimits) -> Refused:
    return invalid(f"the JSON is nested deeper than {limits.depth} levels")
