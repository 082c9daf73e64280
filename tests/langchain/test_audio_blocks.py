"""Every way in which audio stands in a message is heard as the same clip, and none is dropped."""

import base64

import pytest
from langchain_core.exceptions import ModelInvalidRequestError
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.messages.content import create_audio_block

from langchain_qwen_audio import ChatQwenAudio, attach_audio
from qwen_audio_tools import Clip, ClipStore, errors
from qwen_audio_tools.testing.scripted_engine import ScriptedEngine

ASKED = {"type": "text", "text": "what is said?"}


def heard(content, **given) -> Clip:
    """Return the one clip that an engine hears when it gets a message with this content."""
    engine = ScriptedEngine(["words"])
    model = ChatQwenAudio(engine=engine, **given)
    assert model.invoke([HumanMessage(content)]).text == "words"
    ((turn,),) = engine.heard
    assert turn.text == "what is said?"
    (clip,) = turn.clips
    return clip


def blocks(data: str) -> dict[str, dict]:
    uri = f"data:audio/wav;base64,{data}"
    return {
        "v1": {"type": "audio", "base64": data, "mime_type": "audio/wav"},
        "v1, made": dict(create_audio_block(base64=data, mime_type="audio/wav")),
        "v1, data URI": {"type": "audio", "url": uri},
        "v0": {"type": "audio", "source_type": "base64", "data": data, "mime_type": "audio/wav"},
        "OpenAI": {"type": "input_audio", "input_audio": {"data": data, "format": "wav"}},
        "OpenAI file": {"type": "file", "file": {"file_data": uri, "filename": "said.wav"}},
        "file": {"type": "file", "base64": data, "mime_type": "audio/wav"},
        "vLLM": {"type": "audio_url", "audio_url": {"url": uri}},
        "Gemini": {"type": "media", "data": data, "mime_type": "audio/wav"},
        "bare data": {"type": "audio", "data": data},
        "Qwen": {"type": "audio", "audio_url": uri},
        "DashScope": {"audio": uri},
    }


@pytest.mark.parametrize("way", blocks("AAAA"))
def test_audio_is_heard_however_it_is_written(way, encoded, said):
    assert heard([blocks(encoded)[way], ASKED]).sha256 == Clip(said).sha256


def test_a_path_or_url_is_opened_only_where_it_may_be(said, folder):
    block = {"type": "audio", "url": str(said)}
    assert heard([block, ASKED], roots=[folder]).sha256 == Clip(said).sha256
    for given in ({}, {"roots": [folder / "elsewhere"]}):
        with pytest.raises(errors.ClipRefused, match="outside"):
            ChatQwenAudio(engine="embedded", **given).invoke([HumanMessage([block, ASKED])])
    remote = HumanMessage([{"type": "audio", "url": "https://example.com/a.mp3"}, ASKED])
    with pytest.raises(errors.ClipRefused, match="URL"):
        ChatQwenAudio(engine="embedded", roots=[folder]).invoke([remote])


def test_an_id_is_looked_up_in_the_store(said, store):
    message = attach_audio(said, text="what is said?", store=store)
    clip = heard(message.content, store=store)
    assert clip.name == "said.wav"
    assert clip.sha256 == Clip(said).sha256
    with pytest.raises(errors.ClipMissing, match="no clip"):
        ChatQwenAudio(engine="embedded", store=ClipStore(store.folder / "no")).invoke([message])


def test_a_tool_may_give_audio_back(encoded):
    engine = ScriptedEngine(["words"])
    block = {"type": "file", "base64": encoded, "mime_type": "audio/wav"}
    call = AIMessage("", tool_calls=[{"name": "record", "args": {}, "id": "1"}])
    ChatQwenAudio(engine=engine).invoke(
        [HumanMessage("listen"), call, ToolMessage([block], tool_call_id="1", name="record")]
    )
    assert len(engine.heard[0][-1].clips) == 1


@pytest.mark.parametrize(
    ("block", "word"),
    [
        ({"type": "image", "url": "https://example.com/a.png"}, "image"),
        ({"type": "video", "base64": "AAAA", "mime_type": "video/mp4"}, "video"),
        ({"type": "file", "base64": "JVBERi0x", "mime_type": "application/pdf"}, "application/pdf"),
        ({"type": "audio"}, "no audio"),
        ({"type": "audio", "base64": "…", "mime_type": "audio/wav"}, "not base64"),
        ({"type": "audio", "base64": "", "mime_type": "audio/wav"}, "no bytes"),
        ({"type": "sculpture"}, "sculpture"),
    ],
)
def test_what_is_not_understood_is_an_error_and_never_dropped(block, word):
    engine = ScriptedEngine(["x"])
    with pytest.raises(errors.ClipError, match=word) as refused:
        ChatQwenAudio(engine=engine).invoke([HumanMessage([block, ASKED])])
    assert isinstance(refused.value, ModelInvalidRequestError)
    assert engine.heard == []


def test_audio_in_a_turn_of_the_assistant_is_an_error(encoded):
    block = {"type": "audio", "base64": encoded, "mime_type": "audio/wav"}
    turns = [HumanMessage("sing"), AIMessage([block]), HumanMessage("again")]
    with pytest.raises(errors.ClipUnsupported, match="message of the assistant"):
        ChatQwenAudio(engine=ScriptedEngine(["x"])).invoke(turns)


def test_bytes_that_are_no_audio_are_told_by_the_engine():
    data = base64.b64encode(b"this is a text file, not audio" * 10).decode()
    block = {"type": "audio", "base64": data, "mime_type": "audio/wav"}
    with pytest.raises(errors.ClipError) as refused:
        ChatQwenAudio(engine="embedded").invoke([HumanMessage([block, ASKED])])
    assert isinstance(refused.value, ModelInvalidRequestError)
