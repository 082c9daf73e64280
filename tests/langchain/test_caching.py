"""The same clip and question come from a cache, whatever ids and shapes their blocks have."""

import base64

import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.messages.content import create_audio_block

from langchain_qwen_audio import ChatQwenAudio, attach_audio
from qwen_audio_tools.errors import ClipUnreadable
from qwen_audio_tools.testing import tone, write
from qwen_audio_tools.testing.scripted_engine import ScriptedEngine


@pytest.fixture
def engine() -> ScriptedEngine:
    return ScriptedEngine([f"answer {number}" for number in range(20)])


@pytest.fixture
def model(engine, store) -> ChatQwenAudio:
    return ChatQwenAudio(engine=engine, store=store, cache=InMemoryCache())


def asked(encoded: str, question: str = "what is said?") -> HumanMessage:
    block = dict(create_audio_block(base64=encoded, mime_type="audio/wav"))
    return HumanMessage([block, {"type": "text", "text": question}])


def test_the_same_clip_and_question_are_one_generation(model, engine, encoded, said, store):
    first = model.invoke([asked(encoded)])
    again = model.invoke([asked(encoded)])  # LangChain gives the block a new id
    openai = {"type": "input_audio", "input_audio": {"data": encoded, "format": "wav"}}
    text = {"type": "text", "text": "what is said?"}
    other = model.invoke([HumanMessage([openai, text])])
    stored = model.invoke([attach_audio(said, text="what is said?", store=store)])
    assert {each.text for each in (first, again, other, stored)} == {"answer 0"}
    assert len(engine.heard) == 1
    assert first.usage_metadata["input_tokens"] == again.usage_metadata["input_tokens"]


def test_another_clip_question_or_option_is_another_generation(model, engine, encoded, tmp_path):
    write(tmp_path / "tone.wav", tone())
    tune = base64.b64encode((tmp_path / "tone.wav").read_bytes()).decode()
    model.invoke([asked(encoded)])
    model.invoke([asked(tune)])
    model.invoke([asked(encoded, "who speaks?")])
    model.invoke([asked(encoded)], temperature=0.0)
    model.invoke([asked(encoded)], stop=["x"])
    assert len(engine.heard) == 5


async def test_sync_and_async_share_what_is_kept(model, engine, encoded):
    first = await model.ainvoke([asked(encoded)])
    assert model.invoke([asked(encoded)]).text == first.text
    assert (await model.ainvoke([asked(encoded)])).text == first.text
    assert len(engine.heard) == 1


def test_a_further_turn_is_kept_too_whatever_is_known_of_the_last_one(model, engine, encoded):
    def two_turns() -> str:
        first = model.invoke([asked(encoded)])
        return model.invoke([asked(encoded), first, HumanMessage("and then?")]).text

    assert two_turns() == two_turns() == "answer 1"
    bare = [asked(encoded), AIMessage("answer 0"), HumanMessage("and then?")]
    assert model.invoke(bare).text == "answer 1"
    assert len(engine.heard) == 2


def test_a_recording_that_changes_is_heard_anew(engine, tmp_path):
    model = ChatQwenAudio(engine=engine, roots=[tmp_path], cache=InMemoryCache())
    block = {"type": "audio", "url": str(tmp_path / "live.wav")}
    question = HumanMessage([block, {"type": "text", "text": "what?"}])
    write(tmp_path / "live.wav", tone())
    first, again = model.invoke([question]), model.invoke([question])
    write(tmp_path / "live.wav", tone(880.0))
    assert [first.text, again.text] == ["answer 0", "answer 0"]
    assert model.invoke([question]).text == "answer 1"


def test_recordings_of_the_model_are_part_of_the_key(engine):
    cache = InMemoryCache()
    low = ChatQwenAudio(engine=engine, audio=[(tone(), 16_000)], cache=cache)
    high = ChatQwenAudio(engine=engine, audio=[(tone(880.0), 16_000)], cache=cache)
    found = [model.invoke("how high?").text for model in (low, high, low)]
    assert found == ["answer 0", "answer 1", "answer 0"]
    assert [len(turns[0].clips) for turns in engine.heard] == [1, 1]


def test_values_are_kept_as_well(engine):
    engine.script = ['{"mood": "calm"}', '{"mood": "wild"}']
    schema = {"title": "Mood", "type": "object", "properties": {"mood": {"type": "string"}}}
    model = ChatQwenAudio(engine=engine, cache=InMemoryCache()).with_structured_output(schema)
    assert model.invoke("which mood?") == model.invoke("which mood?") == {"mood": "calm"}


def test_audio_that_cannot_be_read_is_told_before_anything_is_looked_up(model):
    block = {"type": "audio", "base64": "…", "mime_type": "audio/wav"}
    with pytest.raises(ClipUnreadable, match="base64"):
        model.invoke([HumanMessage([block])])
