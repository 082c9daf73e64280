"""Many inputs go to an engine at once where it can, each with its own run, error and callbacks."""

from collections.abc import Iterator

import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import HumanMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate

from langchain_qwen_audio import ChatQwenAudio
from qwen_audio_tools import Answer
from qwen_audio_tools.conversation import question
from qwen_audio_tools.engines.base import join
from qwen_audio_tools.errors import ClipError, EngineRefused
from qwen_audio_tools.testing import tone
from qwen_audio_tools.testing.scripted_engine import ScriptedEngine

TONES = [(tone(pitch, 1.0), 16_000) for pitch in (220.0, 440.0, 880.0)]


class Together(ScriptedEngine):
    """Answers many at once with what they ask, in upper case."""

    def __init__(self) -> None:
        super().__init__([lambda turns: question(turns).upper()] * 200)
        self.sizes: list[int] = []

    def replies(self, conversations, options) -> Iterator[tuple[int, Answer]]:
        self.sizes.append(len(conversations))
        for index, conversation in enumerate(conversations):
            yield index, join(self.reply(conversation, options), self.info)


class Runs(BaseCallbackHandler):
    """Counts the runs of a model."""

    def __init__(self) -> None:
        self.started, self.ended, self.failed = 0, 0, 0

    def on_chat_model_start(self, *args, **kwargs):
        self.started += 1

    def on_llm_end(self, *args, **kwargs):
        self.ended += 1

    def on_llm_error(self, *args, **kwargs):
        self.failed += 1


async def both(model, inputs, config=None, **given):
    """Return what `batch` gives, after comparing it with what `abatch` gives."""
    told = model.batch(inputs, config, **given)
    same = await model.abatch(inputs, config, **given)
    assert [str(getattr(each, "text", each)) for each in told] == [
        str(getattr(each, "text", each)) for each in same
    ]
    return told


async def test_all_inputs_are_answered_at_once_and_in_their_order():
    engine = Together()
    found = await both(ChatQwenAudio(engine=engine), ["a", "b", "c"])
    assert [each.text for each in found] == ["A", "B", "C"]
    assert engine.sizes == [3, 3]


async def test_max_concurrency_bounds_how_many():
    engine = Together()
    found = await both(ChatQwenAudio(engine=engine), list("abcde"), {"max_concurrency": 2})
    assert [each.text for each in found] == list("ABCDE")
    assert max(engine.sizes) <= 2
    assert sum(engine.sizes) == 10


async def test_each_input_is_a_run_with_its_own_callbacks():
    model, runs = ChatQwenAudio(engine=Together()), [Runs(), Runs()]
    await both(model, ["a", "b"], [{"callbacks": [each]} for each in runs])
    assert [(each.started, each.ended, each.failed) for each in runs] == [(2, 2, 0)] * 2


async def test_what_fails_comes_back_as_its_error_and_the_rest_as_answers():
    broken = HumanMessage([{"type": "audio", "base64": "…", "mime_type": "audio/wav"}])
    model, runs = ChatQwenAudio(engine=Together()), Runs()
    found = await both(model, ["a", [broken], "c"], {"callbacks": [runs]}, return_exceptions=True)
    assert [found[0].text, found[2].text] == ["A", "C"]
    assert isinstance(found[1], ClipError)
    assert (runs.ended, runs.failed) == (4, 2)
    with pytest.raises(ClipError):
        model.batch(["a", [broken], "c"])
    with pytest.raises(ClipError):
        await model.abatch(["a", [broken], "c"])


async def test_an_engine_that_fails_fails_all_that_it_was_asked():
    engine = ScriptedEngine([EngineRefused("no")] * 4)
    engine_of_many = Together()
    engine_of_many.script = engine.script
    model = ChatQwenAudio(engine=engine_of_many)
    found = model.batch(["a", "b"], return_exceptions=True)
    assert [type(each).__mro__[1] for each in found] == [EngineRefused, EngineRefused]


async def test_what_is_cached_already_is_not_asked_again():
    engine = Together()
    model = ChatQwenAudio(engine=engine, cache=InMemoryCache())
    model.invoke("b")
    assert [each.text for each in model.batch(["a", "b", "c"])] == ["A", "B", "C"]
    assert engine.sizes == [2]
    assert [each.text for each in await model.abatch(["a", "b", "c"])] == ["A", "B", "C"]
    assert engine.sizes == [2]


async def test_a_chain_hands_its_inputs_on_at_once():
    engine = Together()
    prompt = ChatPromptTemplate([("human", "{word}")])
    chain = prompt | ChatQwenAudio(engine=engine) | StrOutputParser()
    assert chain.batch([{"word": each} for each in "xyz"]) == ["X", "Y", "Z"]
    assert await chain.abatch([{"word": each} for each in "xyz"]) == ["X", "Y", "Z"]
    assert engine.sizes == [3, 3]


async def test_other_engines_are_asked_side_by_side():
    engine = ScriptedEngine([lambda turns: question(turns).upper()] * 6)
    found = await both(ChatQwenAudio(engine=engine), ["a", "b", "c"])
    assert [each.text for each in found] == ["A", "B", "C"]


async def test_nothing_in_is_nothing_out():
    assert await both(ChatQwenAudio(engine=Together()), []) == []


async def test_a_real_model_answers_a_batch_as_it_answers_each(tiny):
    model = ChatQwenAudio(engine=tiny, max_tokens=6, temperature=0)
    inputs = [[_about(clip)] for clip in TONES]
    single = [model.invoke(each).text for each in inputs]
    assert len(set(single)) == 3
    assert [each.text for each in await both(model, inputs)] == single


def _about(clip) -> HumanMessage:
    from langchain_qwen_audio import audio_block
    from qwen_audio_tools import Clip

    return HumanMessage([audio_block(Clip(clip)), {"type": "text", "text": "what is it?"}])
