"""Bytes into pieces: however they are cut, ended and commented, the same text comes of them."""

import asyncio
from contextlib import aclosing

import pytest

from qwen_audio_tools.engines.server.events import Counts, Piece, events, parsed, pieces
from qwen_audio_tools.engines.server.faults import Fault, Where

HERE = Where("http://here", "m")
STREAM = (
    b": a comment\n\n"
    b"event: message\r\nid: 1\r\ndata: one\r\n\r\n"
    b"data:two\ndata: three\n\n"
    b"retry: 10\rdata: four\r\r"
    b"\n\n\ndata: \xe4\xbd\xa0\n\n"
    b"data: [DONE]\n\n"
)
EVENTS = [b"one", b"two\nthree", b"four", "你".encode(), b"[DONE]"]


async def _source(chunks):
    for chunk in chunks:
        yield chunk


def read(chunks) -> list[bytes]:
    async def run() -> list[bytes]:
        return [each async for each in events(_source(chunks), HERE)]

    return asyncio.run(run())


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_events_are_the_same_however_the_bytes_are_cut(size):
    chunks = [STREAM[at : at + size] for at in range(0, len(STREAM), size)]
    assert read(chunks) == EVENTS


def test_an_end_without_an_empty_line_is_an_end():
    assert read([b"data: one\n\ndata: two"]) == [b"one", b"two"]
    assert read([b"data: one\r"]) == [b"one"]
    assert read([]) == read([b"\n\n"]) == []


def test_nothing_after_done_is_read():
    async def run() -> list[Piece]:
        chunks = [b'data: {"choices": []}\n\ndata: [DONE]\n\ndata: nonsense\n\n']
        async with aclosing(pieces(True, _source(chunks), HERE)) as found:
            return [piece async for piece in found]

    assert asyncio.run(run()) == [Piece()]


@pytest.mark.parametrize(
    ("payload", "piece"),
    [
        (b'{"choices": [{"delta": {"content": "a"}}]}', Piece(text="a")),
        (b'{"choices": [{"message": {"content": "a"}}]}', Piece(text="a")),
        (
            b'{"choices": [{"delta": {"content": [{"type": "text", "text": "a"}]}}]}',
            Piece(text="a"),
        ),
        (b'{"choices": [{"delta": {"refusal": "No."}}]}', Piece(text="No.")),
        (b'{"choices": [{"delta": {"content": null}}]}', Piece()),
        (b'{"choices": [{"delta": {"reasoning_content": "hm"}}]}', Piece()),
        (b'{"choices": [{"delta": {}, "finish_reason": "length"}]}', Piece(finish="length")),
        (b'{"choices": [{"delta": {}, "finish_reason": 3}]}', Piece()),
        (b'{"choices": null}', Piece()),
        (b"{}", Piece()),
        (
            b'{"choices": [{"delta": {"content": "\\ud83d\\ude00 \\ud83d"}}]}',
            Piece(text="😀 \ufffd"),
        ),
        (
            b'{"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 2}}',
            Piece(counts=Counts(prompt=7, output=2)),
        ),
        (
            b'{"usage": {"prompt_tokens": true, "completion_tokens": "2",'
            b' "prompt_tokens_details": {"audio_tokens": -4}}}',
            Piece(),
        ),
        (b'{"usage": [1], "choices": []}', Piece()),
    ],
)
def test_a_piece_is_read_as_servers_write_it(payload, piece):
    assert parsed(payload, HERE) == piece


def test_an_error_in_an_event_is_one():
    with pytest.raises(Fault, match="it is full"):
        parsed(b'{"error": {"message": "it is full", "code": 429}}', HERE)


def test_newer_counts_win_where_they_say_something():
    old = Counts(prompt=5, audio=3)
    assert old.updated(Counts(output=2)) == Counts(prompt=5, audio=3, output=2)
    assert old.updated(Counts(prompt=6)) == Counts(prompt=6, audio=3)
