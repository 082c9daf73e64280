"""Tokens are counted with those of the audio, so that trimming and summarising know its weight."""

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import SummarizationMiddleware
from langchain_core.messages import AIMessage, HumanMessage, trim_messages
from langchain_core.tools import tool

from langchain_qwen_audio import ChatQwenAudio, attach_audio
from qwen_audio_tools.errors import ClipMissing
from qwen_audio_tools.testing import tone
from qwen_audio_tools.testing.scripted_engine import ScriptedEngine


@pytest.fixture
def ten(store):
    """A message with ten seconds of audio."""
    return attach_audio((tone(seconds=10.0), 16_000), text="what is it?", store=store)


@pytest.fixture
def model(store) -> ChatQwenAudio:
    return ChatQwenAudio(engine=ScriptedEngine(["a tone"] * 9), store=store)


def test_a_second_of_audio_is_25_tokens(model, ten):
    words = model.get_num_tokens_from_messages([HumanMessage("what is it?")])
    heard = model.get_num_tokens_from_messages([ten])
    assert 250 <= heard - words <= 265
    assert model.get_num_tokens("what is it?") == 4


def test_recordings_of_the_model_weigh_too(store):
    sound = (tone(seconds=4.0), 16_000)
    model = ChatQwenAudio(engine=ScriptedEngine([]), audio=[sound])
    assert model.get_num_tokens_from_messages([HumanMessage("hi")]) > 100
    assert model.get_num_tokens_from_messages([AIMessage("hi")]) < 20


def test_the_count_is_near_what_a_real_model_reads(tiny, ten, store):
    model = ChatQwenAudio(engine=tiny, store=store, max_tokens=1)
    said = model.invoke([ten]).usage_metadata
    counted = model.get_num_tokens_from_messages([ten])
    # The tokenizer of the small checkpoint has a token for each letter; audio weighs the same.
    assert said["input_token_details"]["audio"] == 250
    assert 0.7 * said["input_tokens"] < counted < 1.3 * said["input_tokens"]


def test_tools_weigh_too(model):
    @tool
    def add(a: int, b: int) -> int:
        """Add two numbers."""
        return a + b

    bare = model.get_num_tokens_from_messages([HumanMessage("hi")])
    assert model.get_num_tokens_from_messages([HumanMessage("hi")], tools=[add]) > bare + 40


def test_trimming_keeps_what_fits_with_its_audio(model, ten):
    turns = [ten, AIMessage("a tone"), HumanMessage("how high?"), AIMessage("440 Hz")]
    turns.append(HumanMessage("sure?"))
    wide, narrow = (
        trim_messages(turns, max_tokens=most, token_counter=model, start_on="human")
        for most in (400, 200)
    )
    assert wide == turns
    assert narrow == turns[2:]


def test_summarising_begins_when_the_audio_is_too_much(model, ten, store):
    writer = ScriptedEngine(["They heard a tone."])
    middleware = SummarizationMiddleware(
        ChatQwenAudio(engine=writer, store=store),
        trigger=("tokens", 400),
        keep=("messages", 1),
        token_counter=model.get_num_tokens_from_messages,
    )
    agent = create_agent(model, middleware=[middleware])
    agent.invoke({"messages": [ten]})
    assert writer.heard == []
    agent.invoke({"messages": [ten, AIMessage("a tone"), ten.model_copy(update={"id": None})]})
    assert len(writer.heard) == 1


def test_a_clip_that_is_gone_has_no_count(model, ten, store):
    for id in store:
        store.remove(id)
    with pytest.raises(ClipMissing):
        model.get_num_tokens_from_messages([ten])


def test_the_profile_says_that_it_hears_and_how_much_it_reads(tiny, model):
    assert ChatQwenAudio(engine=tiny).profile["max_input_tokens"] == 8192
    assert ChatQwenAudio(engine=tiny).profile["audio_inputs"] is True
    assert "max_input_tokens" not in model.profile
    assert model.profile["image_inputs"] is False
    assert model.model_copy(update={"engine": tiny}).profile["max_input_tokens"] == 8192
    prompted = ChatQwenAudio(engine=ScriptedEngine([]), tool_calling="prompt")
    assert prompted.profile["tool_calling"] is True
    assert ChatQwenAudio(engine=tiny, profile={"max_input_tokens": 5}).profile == {
        "max_input_tokens": 5
    }
