"""QwenAudioLLM: whoever talks to an LLM of LlamaIndex talks to an engine that hears."""

import asyncio

import pytest
from llama_index.core.base.llms.base import BaseLLM
from llama_index.core.base.llms.types import ToolCallBlock
from llama_index.core.llms import AudioBlock, ChatMessage, TextBlock
from llama_index.core.prompts import PromptTemplate
from llama_index.llms.qwen_audio import QwenAudioLLM

from qwen_audio_tools.errors import EngineUnsupported, SettingsError


@pytest.fixture
def asked(audio) -> list[ChatMessage]:
    blocks = [AudioBlock(path=audio / "bell.wav"), TextBlock(text="what is heard?")]
    return [ChatMessage(role="user", blocks=blocks)]


def test_it_is_an_llm_of_llama_index():
    assert BaseLLM.__name__ in [base.__name__ for base in QwenAudioLLM.__mro__]


def test_it_says_that_it_chats_and_calls_no_functions(writer):
    metadata = QwenAudioLLM(engine=writer(), max_tokens=100).metadata
    assert metadata.is_chat_model
    assert not metadata.is_function_calling_model
    assert (metadata.model_name, metadata.num_output) == ("scripted:script", 100)


def test_all_eight_methods_give_the_same_words(writer, asked):
    engine = writer(*["a church bell"] * 8)
    llm = QwenAudioLLM(engine=engine)

    async def in_asyncio() -> list[str]:
        found = [str((await llm.achat(asked)).message.content)]
        found.append((await llm.acomplete("which bell?")).text)
        async for response in await llm.astream_chat(asked):
            last = response.message.content
        async for piece in await llm.astream_complete("which bell?"):
            words = piece.text
        return [*found, str(last), words]

    texts = [str(llm.chat(asked).message.content), llm.complete("which bell?").text]
    texts.append([each.message.content for each in llm.stream_chat(asked)][-1] or "")
    texts.append([each.text for each in llm.stream_complete("which bell?")][-1])
    assert [*texts, *asyncio.run(in_asyncio())] == ["a church bell"] * 8
    assert [len(turns[-1].clips) for turns in engine.heard] == [1, 0, 1, 0, 1, 0, 1, 0]


def test_a_stream_tells_each_piece_and_in_the_end_what_it_cost(writer, asked):
    pieces = list(QwenAudioLLM(engine=writer("a church bell")).stream_chat(asked))
    assert [piece.delta for piece in pieces] == ["a", " church", " bell", ""]
    assert [piece.message.content for piece in pieces][:2] == ["a", "a church"]
    usage = pieces[-1].raw["usage"]
    assert usage["prompt_tokens"] == usage["audio_tokens"] > 0
    assert usage["total_tokens"] == usage["prompt_tokens"] + 3


def test_raw_has_evidence_coverage_and_warnings(embedded, audio):
    blocks = [AudioBlock(path=audio / "market.wav"), TextBlock(text="when does the bell ring?")]
    response = QwenAudioLLM(engine=embedded).chat([ChatMessage(blocks=blocks)])
    (bell,) = [item for item in response.raw["evidence"] if item["kind"] == "sound"]
    assert bell["start"] > 2
    assert response.raw["coverage"]["gaps"] == []
    assert response.raw["usage"]["seconds_heard"] > 5


def test_turns_keep_their_roles_and_order(writer, asked):
    engine = writer("yes")
    system = ChatMessage(role="system", content="You are brief.")
    reply = ChatMessage(role="assistant", content="A bell.")
    QwenAudioLLM(engine=engine).chat([system, *asked, reply, ChatMessage(content="A big one?")])
    (turns,) = engine.heard
    assert [turn.role for turn in turns] == ["system", "user", "assistant", "user"]
    assert turns[1].clips[0].name.endswith("bell.wav")
    assert turns[3].text == "A big one?"


@pytest.mark.parametrize("role", ["system", "developer", "assistant", "tool", "function", "model"])
def test_audio_in_any_role_reaches_the_model(writer, audio, role):
    engine = writer("yes")
    blocks = [TextBlock(text="here"), AudioBlock(path=audio / "bell.wav")]
    messages = [ChatMessage(role=role, blocks=blocks), ChatMessage(content="is it a bell?")]
    QwenAudioLLM(engine=engine).chat(messages)
    turns = engine.heard[0]
    assert len([clip for turn in turns for clip in turn.clips]) == 1
    assert all(not turn.clips for turn in turns if turn.role != "user")
    assert "here" in "".join(turn.text for turn in turns)


def test_calls_of_tools_in_a_history_are_told_as_text(writer):
    engine = writer("yes")
    call = ToolCallBlock(tool_name="clock", tool_kwargs={"zone": "CET"})
    history = [
        ChatMessage(content="when?"),
        ChatMessage(role="assistant", blocks=[call]),
        ChatMessage(role="tool", content="noon"),
    ]
    QwenAudioLLM(engine=engine).chat(history)
    assert 'called clock with {"zone": "CET"}' in engine.heard[0][1].text
    assert engine.heard[0][2].text == "noon"


def test_an_engine_that_does_not_converse_answers_the_last_question(embedded, audio):
    clip = AudioBlock(path=audio / "said.wav")
    messages = [
        ChatMessage(role="system", content="You are a poet."),
        ChatMessage(blocks=[clip, TextBlock(text="who speaks?")]),
        ChatMessage(role="assistant", content="One voice."),
        ChatMessage(content="what is the budget?"),
    ]
    assert "200" in str(QwenAudioLLM(engine=embedded).chat(messages))
    assert "200" in str(asyncio.run(QwenAudioLLM(engine=embedded).achat(messages)))


def test_an_engine_that_does_not_converse_says_so_where_there_is_no_audio(embedded):
    llm = QwenAudioLLM(engine=embedded)
    with pytest.raises(EngineUnsupported, match="conversation holds none"):
        llm.chat([ChatMessage(content="hello")])
    with pytest.raises(EngineUnsupported, match="conversation holds none"):
        llm.complete("hello")


class Recorder:
    """An engine that keeps the options it was given."""

    def __init__(self, engine):
        self.engine, self.options = engine, []
        self.info = engine.info

    def reply(self, conversation, options):
        self.options.append(options)
        return self.engine.reply(conversation, options)


def test_fields_are_options_and_a_call_may_give_others(writer, asked):
    recorder = Recorder(writer("a", "b"))
    llm = QwenAudioLLM(engine=recorder, temperature=0.5, stop=["."], max_tokens=7, lang="zh")
    llm.chat(asked)
    llm.chat(asked, temperature=0, stop="!")
    first, second = recorder.options
    assert (first.temperature, first.stop, first.max_tokens) == (0.5, (".",), 7)
    assert (second.temperature, second.stop, second.lang) == (0, ("!",), "zh")


def test_a_call_with_something_that_is_no_option_is_refused(writer, asked):
    with pytest.raises(SettingsError, match="'max_new_tokens'"):
        QwenAudioLLM(engine=writer("a")).chat(asked, max_new_tokens=5)


def test_predict_takes_the_prompts_of_llama_index(writer):
    engine = writer("tea")
    llm = QwenAudioLLM(engine=engine, system_prompt="Be brief.")
    assert llm.predict(PromptTemplate("A drink from {place}?"), place="China") == "tea"
    assert [turn.text for turn in engine.heard[0]] == ["Be brief.", "A drink from China?"]


def test_components_of_one_name_share_one_engine():
    first, second = QwenAudioLLM(engine="embedded"), QwenAudioLLM(engine="embedded")
    assert first.opened_engine() is second.opened_engine()
