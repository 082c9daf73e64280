"""An agent's attachments: kept once, small in checkpoints, shown as each model can take them."""

import base64

import pytest
from langchain.agents import create_agent
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langgraph.checkpoint.memory import InMemorySaver

from langchain_qwen_audio import (
    AudioAttachmentMiddleware,
    ChatQwenAudio,
    QwenAudioToolkit,
    attach_audio,
)
from qwen_audio_tools import Clip, ClipStore
from qwen_audio_tools.errors import ClipError, ClipRefused
from qwen_audio_tools.sources import agent as only
from qwen_audio_tools.testing import speech, white_noise, write
from qwen_audio_tools.testing.scripted_engine import ScriptedEngine


class Reader(BaseChatModel):
    """Calls the tools of its script, one a turn, then says "done"; keeps what it was shown."""

    script: list = []  # noqa: RUF012
    shown: list = []  # noqa: RUF012

    @property
    def _llm_type(self) -> str:
        return "reader"

    def bind_tools(self, tools, **kwargs):
        return self

    def _generate(self, messages, *args, **kwargs) -> ChatResult:
        self.shown.append(messages)
        step = sum(isinstance(message, ToolMessage) for message in messages)
        answer = AIMessage("done")
        if step < len(self.script):
            name, arguments = self.script[step]
            call = {"name": name, "args": arguments, "id": f"call_{step}"}
            answer = AIMessage("", tool_calls=[call])
        return ChatResult(generations=[ChatGeneration(message=answer)])


@pytest.fixture
def middleware(store) -> AudioAttachmentMiddleware:
    return AudioAttachmentMiddleware(store=store)


@pytest.fixture
def spoken(encoded) -> HumanMessage:
    """A message with its audio inside."""
    block = {"type": "input_audio", "input_audio": {"data": encoded, "format": "wav"}}
    return HumanMessage([block, {"type": "text", "text": "what is said?"}])


def test_a_model_that_reads_sees_an_id_and_the_state_holds_no_bytes(middleware, spoken, store):
    model = Reader(shown=[])
    end = create_agent(model, middleware=[middleware]).invoke({"messages": [spoken]})
    (id,) = store
    assert end["audio_refs"] == [id]
    kept = end["messages"][0].content
    assert kept[0]["file_id"] == id
    assert kept[0]["mime_type"] == "audio/wav"
    assert kept[1] == {"type": "text", "text": "what is said?"}
    assert "base64" not in str(end["messages"])
    (shown,) = model.shown
    assert shown[0].content[0]["text"].startswith(f"[audio:{id} ")
    assert "0:0" in shown[0].content[0]["text"]


def test_a_model_of_ours_hears_by_the_id(middleware, spoken, store, said):
    engine = ScriptedEngine(["good"])
    model = ChatQwenAudio(engine=engine, store=store)
    create_agent(model, middleware=[middleware]).invoke({"messages": [spoken]})
    ((turn,),) = engine.heard
    assert turn.clips[0].sha256 == Clip(said).sha256


@pytest.mark.parametrize("kind", ["wav", "flac"])
def test_another_model_that_hears_gets_the_bytes_in_a_form_that_all_take(
    middleware, store, tmp_path, kind
):
    sound = write(tmp_path / f"sound.{kind}", speech("Hello there."))
    model = Reader(shown=[], profile={"audio_inputs": True})
    message = attach_audio(sound, text="what?", store=store)
    end = create_agent(model, middleware=[middleware]).invoke({"messages": [message]})
    (block, _) = model.shown[0][0].content
    assert block["mime_type"] == "audio/wav"
    assert Clip(base64.b64decode(block["base64"])).duration > 0.5
    assert "file_id" in end["messages"][0].content[0]


async def test_in_asyncio_it_is_the_same(middleware, spoken, store):
    model = Reader(shown=[])
    end = await create_agent(model, middleware=[middleware]).ainvoke({"messages": [spoken]})
    assert end["audio_refs"] == [*store]
    assert model.shown[0][0].content[0]["text"].startswith("[audio:")


def test_tools_find_what_is_attached_the_latest_first(middleware, folder, store, spoken):
    tools = QwenAudioToolkit(engine="embedded", store=store).get_tools()
    bell = attach_audio(folder / "bell.wav", text="and this?", store=store)
    model = Reader(script=[("transcribe", {})], shown=[])
    agent = create_agent(model, tools, middleware=[middleware], checkpointer=InMemorySaver())
    thread = {"configurable": {"thread_id": "1"}}
    first = agent.invoke({"messages": [spoken]}, thread)
    assert "budget" in first["messages"][2].text
    model.script = [("describe_audio", {}), ("describe_audio", {})]
    second = agent.invoke({"messages": [bell]}, thread)
    assert len(second["audio_refs"]) == 2
    assert "budget" not in second["messages"][-2].text
    again = agent.invoke({"messages": [spoken.model_copy(update={"id": None})]}, thread)
    assert again["audio_refs"] == second["audio_refs"][::-1]


def test_pictures_and_files_of_others_stay_as_they_are(middleware):
    blocks = [
        {"type": "image", "url": "https://example.com/a.png"},
        {"type": "file", "base64": "JVBERi0x", "mime_type": "application/pdf"},
        {"type": "text", "text": "see?"},
    ]
    model = Reader(shown=[])
    create_agent(model, middleware=[middleware]).invoke({"messages": [HumanMessage(blocks)]})
    assert model.shown[0][0].content == blocks


def test_ids_are_known_in_each_way_and_those_of_others_left_alone(middleware, said, store):
    id = store.put(said)
    blocks = [
        {"type": "audio", "source_type": "id", "id": id},
        {"type": "audio", "file_id": "file-of-another"},
    ]
    model = Reader(shown=[], profile={"audio_inputs": True})
    end = create_agent(model, middleware=[middleware]).invoke({"messages": [HumanMessage(blocks)]})
    assert end["audio_refs"] == [id]
    ours, others = model.shown[0][0].content
    assert "base64" in ours
    assert others == blocks[1]


def test_audio_that_cannot_be_opened_is_told_to_the_agent(middleware, tmp_path):
    text = base64.b64encode(b"no audio at all" * 20).decode()
    bad = {"type": "audio", "base64": text, "mime_type": "audio/wav"}
    far = {"type": "audio", "url": "https://example.com/a.mp3"}
    near = {"type": "audio", "url": "/etc/passwd"}
    model = Reader(shown=[])
    agent = create_agent(model, middleware=[middleware], checkpointer=InMemorySaver())
    thread = {"configurable": {"thread_id": "1"}}
    agent.invoke({"messages": [HumanMessage([bad, far, near])]}, thread)
    told = [block["text"] for block in model.shown[0][0].content]
    assert all(each.startswith("[audio that can't be opened: ") for each in told)
    assert "is a URL" in told[1]
    assert "outside the allowed folders" in told[2]
    agent.invoke({"messages": [HumanMessage("what now?")]}, thread)  # the thread lives on
    assert len(model.shown) == 2


def test_or_it_is_raised(store, tmp_path):
    strict = AudioAttachmentMiddleware(store=store, on_error="raise")
    message = HumanMessage([{"type": "audio", "url": "/etc/passwd"}])
    with pytest.raises(ClipRefused):
        create_agent(Reader(), middleware=[strict]).invoke({"messages": [message]})


def test_a_policy_opens_what_it_says(store, said, folder):
    middleware = AudioAttachmentMiddleware(store=store, policy=only([folder]))
    message = HumanMessage([{"type": "audio", "url": str(said)}])
    end = create_agent(Reader(), middleware=[middleware]).invoke({"messages": [message]})
    assert end["audio_refs"] == [*store]


def test_a_clip_that_was_evicted_is_told(middleware, said, store):
    message = attach_audio(said, text="what?", store=store)
    for id in store:
        store.remove(id)
    model = Reader(shown=[])
    create_agent(model, middleware=[middleware]).invoke({"messages": [message]})
    assert "no longer kept here" in model.shown[0][0].content[0]["text"]


def test_nothing_is_attached_of_what_is_no_audio(store, tmp_path):
    (tmp_path / "notes.wav").write_text("these are notes")
    with pytest.raises(ClipError):
        attach_audio(tmp_path / "notes.wav", store=store)
    assert list(store) == []


def _checkpoint_bytes(saver: InMemorySaver) -> int:
    """Count all that a saver keeps: values of channels, checkpoints, pending writes."""
    blobs = sum(len(value[1]) for value in saver.blobs.values())
    steps = sum(
        len(checkpoint[1]) + len(metadata[1])
        for namespaces in saver.storage.values()
        for checkpoints in namespaces.values()
        for checkpoint, metadata, _ in checkpoints.values()
    )
    writes = sum(
        len(value[1]) for pending in saver.writes.values() for _, _, value, *_ in pending.values()
    )
    return blobs + steps + writes


def test_three_tools_on_a_megabyte_of_audio_leave_a_small_checkpoint(store, tmp_path):
    noise = white_noise(33.0)
    hello = speech("Hello, this is a long call about the budget.")
    noise[: len(hello)] += hello
    sound = write(tmp_path / "call.wav", noise)
    assert sound.stat().st_size > 1_000_000
    inside = base64.b64encode(sound.read_bytes()).decode()
    block = {"type": "audio", "base64": inside, "mime_type": "audio/wav"}
    text = {"type": "text", "text": "what is heard?"}
    messages = {
        "by reference": attach_audio(sound, text="what is heard?", store=store),
        "in the message": HumanMessage([block, text]),
    }
    script = [
        ("transcribe", {}),
        ("describe_audio", {}),
        ("ask_audio", {"question": "Which sounds are heard?"}),
    ]
    found = {}
    for name, message in messages.items():
        saver = InMemorySaver()
        tools = QwenAudioToolkit(engine="embedded", store=store).get_tools()
        model = Reader(script=script, shown=[])
        agent = create_agent(
            model, tools, middleware=[AudioAttachmentMiddleware(store=store)], checkpointer=saver
        )
        end = agent.invoke({"messages": [message]}, {"configurable": {"thread_id": "1"}})
        assert [m.status for m in end["messages"] if m.type == "tool"] == ["success"] * 3
        found[name] = _checkpoint_bytes(saver)
    assert found["by reference"] < 100_000
    # What a caller puts into a message is in the first checkpoints already: attach by reference.
    assert found["in the message"] < 5 * len(inside)


def test_a_store_is_shared_or_the_bytes_are_given(middleware, spoken, tmp_path, said):
    engine = ScriptedEngine(["good"])
    model = ChatQwenAudio(engine=engine, store=ClipStore(tmp_path / "another"))
    create_agent(model, middleware=[middleware]).invoke({"messages": [spoken]})
    assert engine.heard[0][0].clips[0].sha256 == Clip(said).sha256
