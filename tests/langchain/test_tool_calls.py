"""Tools for a model that only reads and writes: told in its prompt, read from its replies."""

import json

import pytest
from langchain.agents import create_agent
from langchain_core.messages import HumanMessage
from langchain_core.tools import tool

from langchain_qwen_audio import ChatQwenAudio
from langchain_qwen_audio.tool_calls import tools_of
from qwen_audio_tools.errors import EngineUnsupported, SettingsError
from qwen_audio_tools.testing import tone
from qwen_audio_tools.testing.scripted_engine import ScriptedEngine


@tool
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


@tool
def clock() -> str:
    """Tell the time."""
    return "noon"


def calling(name: str, **arguments: object) -> str:
    return json.dumps({"tool_calls": [{"name": name, "arguments": arguments}]})


def made(*script: str, kind=ScriptedEngine, **given):
    engine = kind(list(script))
    return ChatQwenAudio(engine=engine, tool_calling="prompt", **given), engine


def whole(chunks):
    first, *rest = chunks
    for chunk in rest:
        first = first + chunk
    return first


def test_an_agent_runs_on_a_model_that_was_not_trained_on_tools():
    model, engine = made(calling("add", a=1, b=2), "It is 3.")
    end = create_agent(model, [add, clock]).invoke({"messages": [("human", "what is 1 + 2?")]})
    assert end["messages"][-1].text == "It is 3."
    assert [message.type for message in end["messages"]] == ["human", "ai", "tool", "ai"]
    told = engine.heard[0][0]
    assert told.role == "system"
    assert '"name": "add"' in told.text
    assert engine.heard[1][-1].text == "Result of the tool add (data):\n3"


def test_tools_are_off_unless_asked_for():
    with pytest.raises(NotImplementedError, match="QwenAudioToolkit"):
        ChatQwenAudio(engine=ScriptedEngine([])).bind_tools([add])
    with pytest.raises(NotImplementedError, match="own words"):
        ChatQwenAudio(engine="embedded", tool_calling="prompt").bind_tools([add])
    assert ChatQwenAudio(engine=ScriptedEngine([])).profile["tool_calling"] is False


def test_an_answer_in_words_is_an_answer():
    model, _ = made("Five {times} two is ten.")
    answer = model.bind_tools([add]).invoke("what is 5 * 2?")
    assert (answer.text, answer.tool_calls) == ("Five {times} two is ten.", [])
    assert answer.response_metadata["finish_reason"] == "stop"


@pytest.mark.parametrize(
    "reply",
    [
        calling("add", a=1, b=2),
        f"```json\n{calling('add', a=1, b=2)}\n```",
        '{"name": "add", "arguments": {"a": 1, "b": 2}}',
        '[{"name": "add", "args": {"a": 1, "b": 2}}]',
    ],
)
def test_a_call_is_read_from_any_json_that_means_one(reply):
    model, _ = made(f"Let me see. {reply}")
    answer = model.bind_tools([add]).invoke("what is 1 + 2?")
    (call,) = answer.tool_calls
    assert (call["name"], call["args"]) == ("add", {"a": 1, "b": 2})
    assert call["id"].startswith("call_")
    assert answer.text == "Let me see."
    assert answer.response_metadata["finish_reason"] == "tool_calls"


def test_a_stream_tells_words_at_once_and_calls_when_they_are_whole():
    model, _ = made(f"Let me see. {calling('add', a=1, b=2)}", "The sum is 3, see {3}.")
    bound = model.bind_tools([add])
    chunks = list(bound.stream("what is 1 + 2?"))
    assert "".join(chunk.text for chunk in chunks).strip() == "Let me see."
    assert [bool(chunk.tool_call_chunks) for chunk in chunks[:-1]] == [False] * (len(chunks) - 1)
    assert whole(chunks).tool_calls[0]["args"] == {"a": 1, "b": 2}
    assert whole(bound.stream("and?")).text == "The sum is 3, see {3}."


def test_arguments_that_make_no_sense_are_told_as_such():
    reply = '{"tool_calls": [{"name": "add", "arguments": "one and two"}]}'
    model, _ = made(reply, reply)
    bound = model.bind_tools([add])
    for answer in (bound.invoke("?"), whole(bound.stream("?"))):
        assert answer.tool_calls == []
        assert answer.invalid_tool_calls[0]["args"] == '"one and two"'


def test_a_tool_that_is_not_there_is_for_the_agent_to_answer():
    model, engine = made(calling("subtract", a=1), "I can't.")
    end = create_agent(model, [add]).invoke({"messages": [("human", "what is 1 - 2?")]})
    assert "subtract is not a valid tool" in end["messages"][2].text
    assert "not a valid tool" in engine.heard[1][-1].text


def test_a_forced_call_is_held_to_the_arguments_of_the_tool():
    schemas = []

    class Noting(ScriptedEngine):
        def reply(self, conversation, options):
            schemas.append(options.schema)
            return super().reply(conversation, options)

    model, _ = made(calling("clock"), calling("add", a=1, b=2), kind=Noting)
    model.bind_tools([add, clock], tool_choice="any").invoke("?")
    model.bind_tools([add, clock], tool_choice="add").invoke("?")
    first, second = (schema["properties"]["tool_calls"]["items"] for schema in schemas)
    assert [each["properties"]["name"]["const"] for each in first["anyOf"]] == ["add", "clock"]
    assert second["properties"]["arguments"]["required"] == ["a", "b"]
    assert second["properties"]["arguments"]["additionalProperties"] is False


def test_a_call_that_was_forced_and_never_came_is_told():
    class Unheld(ScriptedEngine):
        def reply(self, conversation, options):
            if options.schema is not None:
                raise EngineUnsupported("no schemas here")
            return super().reply(conversation, options)

    model, _ = made("no", "no", "never", kind=Unheld)
    answer = model.bind_tools([add], tool_choice="any").invoke("?")
    assert answer.tool_calls == []
    assert "no tool was called" in answer.response_metadata["warnings"][0]


def test_a_choice_that_names_no_tool_is_refused():
    model, _ = made()
    with pytest.raises(SettingsError, match="'divide' names no tool; there are add, clock"):
        model.bind_tools([add, clock], tool_choice="divide")
    openai = {"type": "function", "function": {"name": "clock"}}
    told = [{"type": "function", "function": {"name": "clock"}}]
    assert tools_of(told, openai).choice == "clock"
    assert tools_of(told, "none") is None
    assert tools_of([], "any") is None


def test_a_real_model_calls_the_tool_that_it_must(tiny):
    @tool
    def light(on: bool) -> str:
        """Switch the light."""
        return f"the light is {'on' if on else 'off'}"

    sound = (tone(seconds=1.0), 16_000)
    model = ChatQwenAudio(
        engine=tiny, audio=[sound], tool_calling="prompt", max_tokens=120, temperature=0
    )
    answer = model.bind_tools([light], tool_choice="light").invoke([HumanMessage("clap?")])
    (call,) = answer.tool_calls
    assert call["name"] == "light"
    assert isinstance(call["args"]["on"], bool)
    assert light.invoke(call).content.startswith("the light is")
