"""Whatever way audio is written into a message, it comes out as the same clip."""

import base64

import pytest

from qwen_audio_tools import Clip, ClipStore
from qwen_audio_tools.content_blocks import Origin, part_of, parts_of
from qwen_audio_tools.decoding.limits import Limits
from qwen_audio_tools.errors import (
    ClipMissing,
    ClipRefused,
    ClipTooLong,
    ClipUnreadable,
    ClipUnsupported,
)
from qwen_audio_tools.sources import agent
from qwen_audio_tools.testing import tone, write


@pytest.fixture(scope="module")
def beep(tmp_path_factory):
    return write(tmp_path_factory.mktemp("beep") / "beep.wav", tone(440, 0.5))


@pytest.fixture(scope="module")
def data(beep) -> str:
    return base64.b64encode(beep.read_bytes()).decode()


@pytest.fixture(scope="module")
def origin(beep) -> Origin:
    store = ClipStore(beep.parent / "store")
    store.put(beep)
    return Origin(policy=agent([beep.parent]), store=store)


def shapes(data: str, path: str, id: str) -> list[dict]:
    uri = f"data:audio/wav;base64,{data}"
    return [
        {"type": "audio", "base64": data, "mime_type": "audio/wav"},
        {"type": "audio", "url": uri},
        {"type": "audio", "file_id": id},
        {"type": "audio", "source_type": "base64", "data": data, "mime_type": "audio/wav"},
        {"type": "audio", "source_type": "url", "url": uri},
        {"type": "audio", "source_type": "id", "id": id},
        {"type": "audio", "data": data, "mime_type": "audio/wav"},
        {"type": "audio", "audio_url": uri},
        {"type": "audio", "audio": path},
        {"type": "audio", "path": path},
        {"type": "input_audio", "input_audio": {"data": data, "format": "wav"}},
        {"type": "input_audio", "input_audio": {"data": f"data:;base64,{data}", "format": "mp3"}},
        {"type": "input_audio", "input_audio": {"url": f"file://{path}"}},
        {"type": "audio_url", "audio_url": {"url": uri}, "uuid": "one"},
        {"type": "audio_url", "audio_url": uri},
        {"type": "file", "base64": data, "mime_type": "audio/x-wav"},
        {"type": "file", "file_id": id, "mime_type": "audio/wav"},
        {"type": "file", "file": {"file_data": uri, "filename": "beep.wav"}},
        {"type": "file", "file": {"file_id": id}},
        {"type": "media", "mime_type": "audio/wav", "data": data},
        {"type": "media", "mime_type": "audio/wav", "file_uri": uri},
        {"audio": uri},
        {"audio": path},
    ]


@pytest.mark.parametrize("number", range(23))
def test_every_way_of_writing_audio_gives_the_same_sound(number, data, beep, origin):
    (id,) = origin.store
    every = shapes(data, str(beep), id)
    assert len(every) == 23
    clip = part_of(every[number], origin)
    assert isinstance(clip, Clip)
    assert clip.sha256 == Clip(beep).sha256


def test_texts_and_clips_keep_their_order(data, origin):
    block = {"type": "input_audio", "input_audio": {"data": data, "format": "wav"}}
    first, clip, last = parts_of(
        ["listen:", block, {"type": "text", "text": "what is it?"}, {"type": "text", "text": ""}],
        origin,
    )
    assert (first, last) == ("listen:", "what is it?")
    assert isinstance(clip, Clip)
    assert parts_of("only words", origin) == ("only words",)
    assert parts_of("", origin) == ()
    assert part_of({"text": "DashScope's text"}, origin) == "DashScope's text"


def test_base64_of_the_web_and_with_line_breaks_is_understood(beep, origin):
    raw = beep.read_bytes()
    web = base64.urlsafe_b64encode(raw).decode().rstrip("=")
    lines = base64.encodebytes(raw).decode()
    for data in (web, lines):
        assert part_of({"type": "audio", "base64": data}, origin).sha256 == Clip(beep).sha256


@pytest.mark.parametrize(
    "block",
    [
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
        {"type": "video", "base64": "AAAA"},
        {"type": "file", "base64": "AAAA", "mime_type": "application/pdf"},
        {"type": "media", "mime_type": "image/png", "data": "AAAA"},
        {"type": "audio"},
        {"type": "audio_url", "audio_url": {}},
        {"type": "input_audio", "input_audio": {"format": "wav"}},
        {"type": "text"},
        {"type": "text", "text": None},
        {},
        3,
    ],
)
def test_a_block_that_is_not_understood_is_refused_by_its_name(block, origin):
    with pytest.raises(ClipUnsupported) as refused:
        part_of(block, origin)
    assert str(block.get("type") if isinstance(block, dict) else block) in str(refused.value)


def test_a_refusal_never_repeats_a_whole_recording(origin):
    with pytest.raises(ClipUnsupported) as refused:
        part_of({"type": "video", "base64": "A" * 1_000_000}, origin)
    assert len(str(refused.value)) < 300


def test_what_is_no_base64_is_said_with_its_place(origin):
    with pytest.raises(ClipUnreadable, match="base64"):
        part_of({"type": "audio", "base64": "!!!not base64!!!"}, origin)
    with pytest.raises(ClipUnreadable, match="base64"):
        part_of({"type": "audio", "base64": "AAAAA"}, origin)
    with pytest.raises(ClipMissing, match="no bytes"):
        part_of({"type": "audio", "base64": ""}, origin)


def test_a_block_over_the_limit_is_refused_before_it_is_decoded():
    origin = Origin(policy=agent((), Limits(max_bytes=1000)))
    with pytest.raises(ClipTooLong, match="1,000"):
        part_of({"type": "audio", "base64": "A" * 4000}, origin)


@pytest.mark.parametrize(
    "where",
    [
        "https://example.com/a.mp3",
        "http://169.254.169.254/latest",
        "/etc/passwd",
        "file:///etc/passwd",
        "concat:/etc/passwd|/etc/hosts",
        "../../etc/passwd",
    ],
)
def test_paths_and_urls_are_opened_only_where_the_policy_allows(where, origin):
    for block in ({"type": "audio_url", "audio_url": {"url": where}}, {"audio": where}):
        with pytest.raises(ClipRefused):
            part_of(block, origin).samples()


def test_an_id_without_a_store_is_an_error_that_says_so():
    with pytest.raises(ClipMissing, match="no store"):
        part_of({"type": "audio", "file_id": "0" * 12}, Origin())
