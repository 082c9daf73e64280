"""What tracing tools are given: little, no audio and no keys; and the tokens that count."""

import asyncio
import base64
from typing import Any

import pytest
from llama_index.core import instrumentation
from llama_index.core.callbacks import CallbackManager, TokenCountingHandler
from llama_index.core.instrumentation.event_handlers import BaseEventHandler
from llama_index.core.instrumentation.span import SimpleSpan
from llama_index.core.instrumentation.span_handlers import BaseSpanHandler
from llama_index.core.llms import AudioBlock, ChatMessage, TextBlock
from llama_index.core.prompts import ChatPromptTemplate
from llama_index.llms.qwen_audio import QwenAudioLLM
from pydantic import BaseModel

from qwen_audio_tools.sources import SourcePolicy
from qwen_audio_tools.testing import tone, write


class Events(BaseEventHandler):
    seen: list[Any] = []  # noqa: RUF012

    def handle(self, event: Any, **_: Any) -> None:
        self.seen.append(event)


class Spans(BaseSpanHandler[SimpleSpan]):
    seen: list[Any] = []  # noqa: RUF012

    def new_span(self, id_: str, bound_args: Any, **_: Any) -> None:
        self.seen.append((id_, bound_args))

    def prepare_to_exit_span(self, **_: Any) -> None:
        return None

    def prepare_to_drop_span(self, **_: Any) -> None:
        return None


@pytest.fixture
def traced():
    """All events and spans of LlamaIndex while a test runs."""
    dispatcher = instrumentation.get_dispatcher()
    events, spans = Events(), Spans()
    dispatcher.add_event_handler(events)
    dispatcher.add_span_handler(spans)
    yield events.seen, spans.seen
    dispatcher.event_handlers.remove(events)
    dispatcher.span_handlers.remove(spans)


@pytest.fixture(scope="module")
def half_a_minute(tmp_path_factory):
    return write(tmp_path_factory.mktemp("long") / "half-a-minute.wav", tone(seconds=30.0))


def size(events) -> int:
    return max(len(event.model_dump_json()) for event in events)


def test_the_trace_of_half_a_minute_is_small_by_path_and_by_bytes(writer, half_a_minute, traced):
    events, spans = traced
    question = TextBlock(text="what is heard?")
    data = half_a_minute.read_bytes()
    for block in (
        AudioBlock(path=half_a_minute),
        AudioBlock(audio=data),
        AudioBlock(url=f"data:audio/wav;base64,{base64.b64encode(data).decode()}"),
    ):
        message = ChatMessage(blocks=[block, question])
        QwenAudioLLM(engine=writer("a tone")).chat([message])
        list(QwenAudioLLM(engine=writer("a tone")).stream_chat([message]))
        asyncio.run(QwenAudioLLM(engine=writer("a tone")).achat([message]))
    names = {event.class_name() for event in events}
    assert {"LLMChatStartEvent", "LLMChatInProgressEvent", "LLMChatEndEvent"} <= names
    assert size(events) < 2000
    assert {id.partition("-")[0] for id, _ in spans} == {
        *("QwenAudioLLM.chat", "QwenAudioLLM.stream_chat", "QwenAudioLLM.achat")
    }
    assert max(len(repr(bound)) for _, bound in spans) < 2000


def test_keys_in_urls_are_not_traced(writer, web, traced):
    events, spans = traced
    block = AudioBlock(url=f"{web}/bell.wav?X-Signature=verysecret")
    policy = SourcePolicy(allow_urls=True, allow_private=True)
    QwenAudioLLM(engine=writer("x"), policy=policy).chat([ChatMessage(blocks=[block])])
    assert events
    assert "/bell.wav" in events[0].model_dump_json()
    assert not any("verysecret" in event.model_dump_json() for event in events)
    assert not any("verysecret" in repr(bound) for _, bound in spans)


def test_the_payload_names_the_model_and_nothing_else_of_the_engine(writer):
    payload = QwenAudioLLM(engine=writer("x")).to_payload()
    assert payload["model_name"] == "scripted:script"
    assert payload["class_name"] == "QwenAudioLLM"
    assert "engine" not in payload


def test_a_value_is_traced_as_one_chat_without_audio(half_a_minute, writer, traced):
    class Tone(BaseModel):
        hertz: int

    events, _ = traced
    block = AudioBlock(audio=half_a_minute.read_bytes())
    prompt = ChatPromptTemplate([ChatMessage(blocks=[block, TextBlock(text="Which tone?")])])
    found = QwenAudioLLM(engine=writer('{"hertz": 440}')).structured_predict(Tone, prompt)
    assert found.hertz == 440
    names = [event.class_name() for event in events]
    assert names.count("LLMChatStartEvent") == names.count("LLMStructuredPredictStartEvent") == 1
    light = [event for event in events if event.class_name() != "LLMStructuredPredictStartEvent"]
    assert size(light) < 2000
    (start,) = [event for event in events if event not in light]
    assert len(start.template.model_dump_json()) < 2000


def test_a_token_counter_reads_the_usage_of_the_engine_once(writer, half_a_minute):
    counter = TokenCountingHandler(tokenizer=str.split)
    llm = QwenAudioLLM(engine=writer("a tone", "a tone", "yes"))
    llm.callback_manager = CallbackManager([counter])
    message = ChatMessage(blocks=[AudioBlock(path=half_a_minute), TextBlock(text="what?")])
    llm.chat([message])
    list(llm.stream_chat([message]))
    counts = [(e.prompt_token_count, e.completion_token_count) for e in counter.llm_token_counts]
    assert counts == [(750, 2), (750, 2)]
    llm.complete("is it?")
    assert len(counter.llm_token_counts) == 3


class Turnstile:
    """Counts who passes."""

    passed = 0

    def acquire(self) -> None:
        self.passed += 1

    async def async_acquire(self) -> None:
        self.passed += 1


def test_a_rate_limiter_is_asked_once_for_each_chat(writer, half_a_minute):
    turnstile = Turnstile()
    llm = QwenAudioLLM(engine=writer("a", "b", "c"), rate_limiter=turnstile)
    message = ChatMessage(blocks=[AudioBlock(path=half_a_minute)])
    llm.chat([message])
    list(llm.stream_chat([message]))
    asyncio.run(llm.achat([message]))
    assert turnstile.passed == 3
