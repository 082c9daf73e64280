"""Agents with ears: each kind reaches the tools and quotes their words; one hears audio itself."""

import asyncio
import json

import pytest
from llama_index.agent.qwen_audio import AudioReActAgent, AudioReActChatFormatter
from llama_index.core.agent.workflow import AgentWorkflow, FunctionAgent, ReActAgent
from llama_index.core.llms import AudioBlock, ChatMessage, TextBlock
from llama_index.core.memory import Memory
from llama_index.core.tools import FunctionTool
from llama_index.llms.qwen_audio import QwenAudioLLM
from llama_index.tools.qwen_audio import QwenAudioToolSpec

from qwen_audio_tools import ClipStore


@pytest.fixture(scope="module")
def spec(embedded, audio, tmp_path_factory) -> QwenAudioToolSpec:
    store = ClipStore(tmp_path_factory.mktemp("store"))
    return QwenAudioToolSpec(embedded, roots=[audio], store=store)


def act(tool: str, **arguments) -> str:
    return f"Thought: I must listen.\nAction: {tool}\nAction Input: {json.dumps(arguments)}"


def observed(conversation) -> str:
    """Return what the last turn tells a model that writes."""
    return f"Thought: I know now.\nAnswer: It said: {conversation[-1].text}"


def run(agent, message) -> str:
    async def answer() -> str:
        return str(await agent.run(user_msg=message))

    return asyncio.run(answer())


@pytest.mark.parametrize("streaming", [True, False])
def test_a_function_agent_reaches_the_tool_and_reads_its_words(
    function_caller, spec, audio, streaming
):
    ask = {"audio_ref": str(audio / "said.wav"), "question": "what is the budget?"}
    llm = function_caller(script=[("ask_audio", ask), "The budget is $200."])
    agent = FunctionAgent(tools=spec.to_tool_list(), llm=llm, streaming=streaming)
    assert run(agent, "What is the budget in said.wav?") == "The budget is $200."
    tool_turn = llm.given[-1][-1]
    assert tool_turn.role == "tool"
    assert "200" in tool_turn.content


def test_a_workflow_of_agents_reaches_the_tool(function_caller, spec, audio):
    listen = {"audio_ref": spec.attach(audio / "said.wav")}
    llm = function_caller(script=[("transcribe", listen), "Two hundred dollars."])
    workflow = AgentWorkflow.from_tools_or_functions(spec.to_tool_list(), llm=llm)
    message = f"What is said? {spec.attach(audio / 'said.wav')}"
    assert run(workflow, message) == "Two hundred dollars."
    assert "budget" in llm.given[-1][-1].content.lower()


def test_a_react_agent_reaches_the_tool_and_quotes_its_words(writer, spec, audio):
    path = str(audio / "said.wav")
    driver = writer(act("ask_audio", audio_ref=path, question="what is the budget?"), observed)
    agent = ReActAgent(tools=spec.to_tool_list(), llm=QwenAudioLLM(engine=driver))
    assert "200" in run(agent, "What is the budget in said.wav?")


def test_a_workflow_picks_a_react_agent_for_a_model_that_only_writes(writer, spec, audio):
    driver = writer(act("transcribe", audio_ref=str(audio / "said.wav")), observed)
    workflow = AgentWorkflow.from_tools_or_functions(
        spec.to_tool_list(), llm=QwenAudioLLM(engine=driver)
    )
    assert "budget" in run(workflow, "What is said?").lower()


def test_an_error_of_a_tool_is_told_and_the_agent_goes_on(function_caller, writer, spec):
    wrong = {"audio_ref": "/etc/passwd"}
    llm = function_caller(script=[("transcribe", wrong), "I may not open that."])
    agent = FunctionAgent(tools=spec.to_tool_list(), llm=llm)
    assert run(agent, "What is in /etc/passwd?") == "I may not open that."
    assert "outside the allowed folders" in llm.given[-1][-1].content
    assert "What to do: copy it" in llm.given[-1][-1].content
    driver = writer(act("transcribe", **wrong), observed)
    react = ReActAgent(tools=spec.to_tool_list(), llm=QwenAudioLLM(engine=driver))
    assert "What to do: copy it" in run(react, "What is in /etc/passwd?")


def test_audio_of_the_user_reaches_a_react_agent_at_every_step(writer, spec, audio):
    path = str(audio / "said.wav")
    driver = writer("I cannot say Action: yet", act("audio_info", audio_ref=path), observed)
    blocks = [AudioBlock(path=audio / "bell.wav"), TextBlock(text="the same bell?")]
    agent = ReActAgent(tools=spec.to_tool_list(), llm=QwenAudioLLM(engine=driver))
    run(agent, ChatMessage(blocks=blocks))
    assert [sum(len(turn.clips) for turn in turns) for turns in driver.heard] == [1, 1, 1]


@pytest.mark.parametrize("streaming", [True, False])
def test_audio_that_a_tool_returns_is_heard_by_the_model(writer, spec, audio, streaming):
    path = str(audio / "market.wav")
    cut = act("clip_audio", audio_ref=path, start=2.5, end=5.0)
    driver = writer(cut, "Thought: I heard it.\nAnswer: a bell")
    agent = AudioReActAgent(
        tools=spec.to_tool_list(), llm=QwenAudioLLM(engine=driver), streaming=streaming
    )
    assert run(agent, "Which sound is between the sentences?") == "a bell"
    (clip,) = driver.heard[1][-1].clips
    assert driver.heard[1][-1].text.startswith("Observation: Cut 0:02.5 to 0:05.0 of market.wav")
    assert (clip.start, clip.end) == (2.5, 5.0)  # of the recording, not of the cut


def test_a_plain_react_agent_would_not_hear_it(writer, spec, audio):
    # What AudioReActAgent is for: once LlamaIndex keeps audio itself, it can go.
    cut = act("clip_audio", audio_ref=str(audio / "market.wav"), start=2.5, end=5.0)
    driver = writer(cut, "Thought: ?\nAnswer: nothing")
    run(ReActAgent(tools=spec.to_tool_list(), llm=QwenAudioLLM(engine=driver)), "Which sound?")
    assert driver.heard[1][-1].clips == ()


def test_a_tool_of_others_that_returns_audio_alone_is_heard_too(writer, audio):
    def bell() -> AudioBlock:
        """Return the sound of the bell."""
        return AudioBlock(path=audio / "bell.wav")

    for direct in (False, True):
        driver = writer(act("bell"), "Thought: I heard it.\nAnswer: ding")
        tool = FunctionTool.from_defaults(bell, return_direct=direct)
        agent = AudioReActAgent(tools=[tool], llm=QwenAudioLLM(engine=driver))
        answer = run(agent, "Which sound?")
        if not direct:
            assert answer == "ding"
            assert len(driver.heard[1][-1].clips) == 1


def test_observations_without_audio_are_as_llama_index_writes_them(writer, spec, audio):
    script = (act("audio_info", audio_ref=str(audio / "said.wav")), observed)
    given = []
    for kind in (ReActAgent, AudioReActAgent):
        driver = writer(*script)
        run(kind(tools=spec.to_tool_list(), llm=QwenAudioLLM(engine=driver)), "What is it?")
        given.append([(turn.role, turn.text) for turn in driver.heard[1]])
    assert given[0] == given[1]
    assert isinstance(
        AudioReActAgent(llm=QwenAudioLLM(engine=writer())).formatter, AudioReActChatFormatter
    )


def test_a_memory_keeps_the_audio_of_a_conversation(writer, audio):
    driver = writer("Thought: easy.\nAnswer: a bell", "Thought: easy.\nAnswer: still a bell")
    agent = AudioReActAgent(llm=QwenAudioLLM(engine=driver))
    memory = Memory.from_defaults(audio_token_size_estimate=750, token_limit=20_000)

    async def talk() -> str:
        blocks = [AudioBlock(path=audio / "bell.wav"), TextBlock(text="what is it?")]
        await agent.run(user_msg=ChatMessage(blocks=blocks), memory=memory)
        reply = str(await agent.run(user_msg="are you sure?", memory=memory))
        await memory.sql_store._async_engine.dispose()  # LlamaIndex never closes its database
        return reply

    assert asyncio.run(talk()) == "still a bell"
    assert sum(len(turn.clips) for turn in driver.heard[1]) == 1
