"""Answers as values, and tools called by a model that only writes."""

import asyncio
import json

import pytest
from llama_index.core.llms import AudioBlock, ChatMessage, TextBlock
from llama_index.core.prompts import ChatPromptTemplate, PromptTemplate
from llama_index.core.tools import FunctionTool
from llama_index.llms.qwen_audio import QwenAudioLLM
from llama_index.prompts.qwen_audio import AudioPromptTemplate
from pydantic import BaseModel, Field

from qwen_audio_tools import open_engine
from qwen_audio_tools.errors import EngineRefused, EngineUnsupported
from qwen_audio_tools.testing.made_checkpoints import write_checkpoint


class Heard(BaseModel):
    """What is heard."""

    sound: str = Field(max_length=20)
    loud: bool


GOOD = '{"sound": "bell", "loud": true}'


class Unconstrained:
    """An engine that converses, and can't be held to a schema."""

    def __init__(self, engine):
        self.engine, self.info = engine, engine.info

    def reply(self, conversation, options):
        if options.schema is not None:
            raise EngineUnsupported("no schemas here")
        return self.engine.reply(conversation, options)


@pytest.fixture
def prompt(audio):
    return AudioPromptTemplate("{clip:audio}\nWhat is heard in {place}?").partial_format(
        clip=audio / "bell.wav"
    )


def test_a_structured_llm_answers_with_its_class(writer, audio):
    blocks = [AudioBlock(path=audio / "bell.wav"), TextBlock(text="what is heard?")]
    llm = QwenAudioLLM(engine=writer(GOOD, GOOD)).as_structured_llm(Heard)
    messages = [ChatMessage(blocks=blocks)]
    assert llm.chat(messages).raw == Heard(sound="bell", loud=True)
    assert asyncio.run(llm.achat(messages)).raw == Heard(sound="bell", loud=True)


def test_a_reply_that_does_not_fit_is_mended_by_asking_again(writer, prompt):
    engine = writer("It is a bell.", '{"sound": "bell"}', f"Here: ```json\n{GOOD}\n```")
    found = QwenAudioLLM(engine=engine).structured_predict(Heard, prompt, place="town")
    assert found == Heard(sound="bell", loud=True)
    assert "loud" in engine.heard[2][-1].text  # what was wrong is told
    assert len(engine.heard[2][0].clips) == 1


def test_a_reply_that_never_fits_is_an_error(writer, prompt):
    with pytest.raises(EngineRefused, match="no JSON"):
        QwenAudioLLM(engine=writer("no", "no", "no")).structured_predict(Heard, prompt, place="x")


def test_an_engine_that_takes_no_schema_is_asked_for_it_in_plain_json(writer, prompt):
    engine = writer(GOOD)
    llm = QwenAudioLLM(engine=Unconstrained(engine))
    assert asyncio.run(llm.astructured_predict(Heard, prompt, place="town")).loud
    (turns,) = engine.heard
    schema = json.dumps(Heard.model_json_schema())
    assert schema in turns[-1].text  # no doubled braces
    assert prompt.output_parser is None


def test_a_stream_of_values_grows_and_ends_with_the_whole(writer, prompt):
    llm = QwenAudioLLM(engine=writer(GOOD, GOOD))
    found = list(llm.stream_structured_predict(Heard, prompt, place="town"))
    assert found[-1] == Heard(sound="bell", loud=True)
    assert any(getattr(each, "loud", None) is None for each in found[:-1])

    async def last():
        async for each in await llm.astream_structured_predict(Heard, prompt, place="town"):
            found = each
        return found

    assert asyncio.run(last()) == Heard(sound="bell", loud=True)


def test_what_cannot_stream_comes_at_once(writer, prompt):
    llm = QwenAudioLLM(engine=Unconstrained(writer(GOOD)))
    found = list(llm.stream_structured_predict(Heard, prompt, place="town"))
    assert found == [Heard(sound="bell", loud=True)]


def test_the_embedded_engine_has_no_values(embedded, prompt):
    with pytest.raises(EngineUnsupported, match="no JSON schema"):
        QwenAudioLLM(engine=embedded).structured_predict(Heard, prompt, place="town")


def test_a_real_model_is_held_to_the_schema(tmp_path_factory, prompt):
    model = write_checkpoint(tmp_path_factory.mktemp("models") / "Tiny-Audio-Instruct")
    llm = QwenAudioLLM(engine=open_engine(f"transformers:{model}"), max_tokens=200, seed=1)
    found = llm.structured_predict(Heard, prompt, place="town")  # random words in a sound form
    assert isinstance(found, Heard)


def seconds_in(minutes: float) -> str:
    """Return how many seconds so many minutes have."""
    return f"{minutes * 60:g} seconds"


CALLS = 'Thought: I must count.\nAction: seconds_in\nAction Input: {"minutes": 2}'


def test_a_model_that_only_writes_calls_a_tool(writer):
    tools = [FunctionTool.from_defaults(seconds_in)]
    llm = QwenAudioLLM(engine=writer(CALLS, CALLS))
    found = llm.predict_and_call(tools, "how long are two minutes?")
    assert found.response == "120 seconds"
    assert [source.tool_name for source in found.sources] == ["seconds_in"]
    assert asyncio.run(llm.apredict_and_call(tools, "how long?")).response == "120 seconds"


def test_a_model_that_needs_no_tool_is_heard_all_the_same(writer):
    tools = [FunctionTool.from_defaults(seconds_in)]
    llm = QwenAudioLLM(engine=writer("Thought: I know.\nAnswer: two", "just two"))
    assert llm.predict_and_call(tools, "how many?").response == "two"
    assert asyncio.run(llm.apredict_and_call(tools, "how many?")).response == "just two"


def test_audio_of_the_user_reaches_a_model_that_calls_tools(writer, audio):
    engine = writer(CALLS)
    message = ChatMessage(blocks=[AudioBlock(path=audio / "bell.wav"), TextBlock(text="how long?")])
    QwenAudioLLM(engine=engine).predict_and_call([FunctionTool.from_defaults(seconds_in)], message)
    assert len(engine.heard[0][-1].clips) == 1


def test_prompts_of_llama_index_give_values_too(writer):
    chat = ChatPromptTemplate([ChatMessage(content="What is heard in {place}?")])
    for prompt in (PromptTemplate("What is heard in {place}?"), chat):
        llm = QwenAudioLLM(engine=writer(GOOD))
        assert llm.structured_predict(Heard, prompt, place="{town}").sound == "bell"
