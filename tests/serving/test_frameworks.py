"""LangChain's and LlamaIndex's OpenAI clients, as users set them up, against a real server."""

import asyncio
import base64

import pytest

from qwen_audio_tools import open_engine
from qwen_audio_tools.testing.scripted_engine import ScriptedEngine


@pytest.fixture
def langchain():
    """Return what makes LangChain's client of a running server."""
    from langchain_openai import ChatOpenAI

    def make(running, **options):
        return ChatOpenAI(base_url=f"{running.url}/v1", api_key="x", max_retries=0, **options)

    return make


@pytest.fixture
def llama_index():
    """Return what makes LlamaIndex's client of a running server."""
    from llama_index.llms.openai_like import OpenAILike

    def make(running, **options):
        return OpenAILike(
            api_base=f"{running.url}/v1",
            api_key="x",
            is_chat_model=True,  # without it LlamaIndex sends no audio
            max_retries=0,
            **options,
        )

    return make


def _langchain_turn(path):
    from langchain_core.messages import HumanMessage

    data = base64.b64encode(path.read_bytes()).decode()
    audio = {"type": "audio", "base64": data, "mime_type": "audio/wav"}
    return HumanMessage(content=[{"type": "text", "text": "what is the budget?"}, audio])


def test_langchain_asks_about_audio_and_counts_its_tokens(serve, langchain, said):
    engine = ScriptedEngine(["It is small."])
    model = langchain(serve(engine), model="scripted", temperature=0, max_tokens=64)
    reply = model.invoke([_langchain_turn(said)])
    assert reply.content == "It is small."
    assert reply.usage_metadata["input_token_details"]["audio"] > 0
    assert reply.response_metadata["finish_reason"] == "stop"
    assert reply.response_metadata["model_name"] == "scripted"
    assert engine.heard[0][-1].clips[0].duration > 1.0


def test_langchain_streams_and_is_told_the_cost(serve, langchain, said):
    model = langchain(serve(ScriptedEngine(["one two three"])), model="scripted", stream_usage=True)
    whole = None
    texts = []
    for chunk in model.stream([_langchain_turn(said)]):
        texts.append(chunk.content)
        whole = chunk if whole is None else whole + chunk
    assert [text for text in texts if text] == ["one", " two", " three"]
    assert whole.usage_metadata["output_tokens"] == 3
    assert whole.response_metadata["finish_reason"] == "stop"


def test_langchain_asks_many_at_once(serve, langchain, said):
    engine = ScriptedEngine([f"answer {n}" for n in range(6)])
    model = langchain(serve(engine), model="scripted")
    replies = model.batch([[_langchain_turn(said)]] * 6)
    assert {reply.content for reply in replies} == {f"answer {n}" for n in range(6)}


def test_langchain_gets_values_of_a_schema(serve, langchain):
    from pydantic import BaseModel

    class Mood(BaseModel):
        mood: str

    engine = ScriptedEngine(['{"mood": "happy"}'])
    model = langchain(serve(engine), model="scripted")
    assert model.with_structured_output(Mood, method="json_schema").invoke("how?") == Mood(
        mood="happy"
    )


def test_langchain_is_told_clearly_that_no_tools_are_called(serve, langchain):
    import openai

    model = langchain(serve(ScriptedEngine([])), model="scripted")
    tool = {
        "type": "function",
        "function": {"name": "f", "parameters": {"type": "object", "properties": {}}},
    }
    with pytest.raises(openai.BadRequestError, match="calls no tools"):
        model.bind_tools([tool]).invoke("hi")


def test_langchain_asks_the_embedded_engine(serve, langchain, said):
    model = langchain(serve(open_engine("embedded")), model="embedded")
    assert "budget" in model.invoke([_langchain_turn(said)]).content.lower()


def _llama_index_turn(path):
    from llama_index.core.llms import AudioBlock, ChatMessage, MessageRole, TextBlock

    blocks = [TextBlock(text="what is the budget?"), AudioBlock(path=path, format="wav")]
    return ChatMessage(role=MessageRole.USER, blocks=blocks)


def test_llama_index_asks_about_audio(serve, llama_index, said):
    engine = ScriptedEngine(["It is small."])
    model = llama_index(serve(engine), model="scripted")
    reply = model.chat([_llama_index_turn(said)])
    assert reply.message.content == "It is small."
    assert reply.raw.usage.prompt_tokens_details.audio_tokens > 0
    assert reply.raw.qwa["coverage"]["gaps"] == []
    assert engine.heard[0][-1].clips[0].duration > 1.0


def test_llama_index_streams(serve, llama_index, said):
    model = llama_index(serve(ScriptedEngine(["one two three"])), model="scripted")
    pieces = [each.delta for each in model.stream_chat([_llama_index_turn(said)])]
    assert "".join(filter(None, pieces)) == "one two three"


def test_llama_index_asks_in_asyncio(serve, llama_index, said):
    import httpx

    running = serve(ScriptedEngine(["It is small."]))

    async def ask():
        async with httpx.AsyncClient() as client:
            model = llama_index(running, model="scripted", async_http_client=client)
            return await model.achat([_llama_index_turn(said)])

    assert asyncio.run(ask()).message.content == "It is small."


def test_llama_index_asks_the_embedded_engine(serve, llama_index, said):
    model = llama_index(serve(open_engine("embedded")), model="embedded")
    reply = model.chat([_llama_index_turn(said)])
    assert "budget" in reply.message.content.lower()
    assert any("temperature changed nothing" in each for each in reply.raw.qwa["warnings"])
