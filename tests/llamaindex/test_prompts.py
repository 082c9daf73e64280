"""Prompts with places for audio, whatever people give for it, and the tasks in two languages."""

import asyncio

import pytest
from llama_index.core.base.llms.types import AudioBlock, TextBlock
from llama_index.core.prompts import RichPromptTemplate
from llama_index.llms.qwen_audio import QwenAudioLLM
from llama_index.prompts.qwen_audio import AudioPromptTemplate, rich_task_prompt, task_prompt

from qwen_audio_tools import Clip, ClipStore
from qwen_audio_tools.errors import ClipMissing, ClipUnsupported, SettingsError
from qwen_audio_tools.tasks import TASKS


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return ClipStore(tmp_path_factory.mktemp("store"))


def heard(writer, messages) -> list[float]:
    """Return how long the clips are that an engine hears of the messages."""
    engine = writer("a bell")
    QwenAudioLLM(engine=engine).chat(messages)
    return [clip.duration for turn in engine.heard[0] for clip in turn.clips]


def test_audio_may_be_anything_that_is_audio(writer, audio, store):
    path = audio / "bell.wav"
    id = store.put(path)
    seconds = Clip(path).duration
    prompt = AudioPromptTemplate("{clip:audio}\nwhat is heard?", store=store)
    values = (
        *(path, str(path), path.read_bytes(), bytearray(path.read_bytes()), f"file://{path}"),
        *(Clip(path), AudioBlock(path=path), id, f"audio:{id}", f"[audio:{id} bell.wav 0:01.5]"),
        *(store.get(id), Clip(path.read_bytes())),
    )
    for value in values:
        assert heard(writer, prompt.format_messages(clip=value)) == [pytest.approx(seconds)]
    assert len(heard(writer, prompt.format_messages(clip=list(values[:3])))) == 3
    assert heard(writer, prompt.format_messages(clip=Clip(path)[0.5:1.0])) == [0.5]


def test_bytes_that_look_like_base64_are_not_decoded():
    (message,) = AudioPromptTemplate("{clip:audio}").format_messages(clip=b"AAAA" * 10)
    assert message.blocks[0].resolve_audio().read() == b"AAAA" * 10


def test_a_url_stays_a_url(writer):
    (message,) = AudioPromptTemplate("{clip:audio}").format_messages(clip="https://x.org/a.mp3?k=1")
    assert str(message.blocks[0].url) == "https://x.org/a.mp3?k=1"


def test_texts_and_audio_stand_in_the_order_of_their_places(audio):
    prompt = AudioPromptTemplate(
        [
            ("system", "You compare {{things}}."),
            ("user", "First: {a:audio} Second: {b:audio}\nWhich is {what}? {score:.1f}"),
        ]
    )
    assert prompt.template_vars == ["a", "b", "what", "score"]
    system, user = prompt.format_messages(
        a=audio / "bell.wav", b=audio / "said.wav", what="louder", score=0.25
    )
    assert (system.role, system.content) == ("system", "You compare {things}.")
    kinds = [type(block) for block in user.blocks]
    assert kinds == [TextBlock, AudioBlock, TextBlock, AudioBlock, TextBlock]
    assert user.blocks[4].text == "Which is louder? 0.2"


def test_a_value_cannot_bring_places_of_its_own(audio):
    prompt = AudioPromptTemplate("{clip:audio}\n{question}")
    (message,) = prompt.format_messages(clip=audio / "bell.wav", question="{clip:audio} {x}?")
    assert message.content == "{clip:audio} {x}?"


def test_a_prompt_is_filled_in_parts_and_stays_as_it_was(audio):
    prompt = AudioPromptTemplate("{clip:audio}\n{question}")
    filled = prompt.partial_format(clip=audio / "bell.wav")
    assert filled.format_messages(question="what?")[0].content == "what?"
    assert prompt.kwargs == {}
    mapped = AudioPromptTemplate("{q}", template_var_mappings={"query_str": "q"})
    assert mapped.format_messages(query_str="who?")[0].content == "who?"
    shouted = AudioPromptTemplate(
        "{q}", function_mappings={"q": lambda **given: given["w"].upper()}
    )
    assert shouted.format_messages(w="who?")[0].content == "WHO?"


def test_an_llm_takes_it_wherever_it_takes_a_prompt(writer, audio):
    engine = writer("a bell", "a bell")
    llm = QwenAudioLLM(engine=engine)
    prompt = AudioPromptTemplate("{clip:audio}\n{question}")
    values = {"clip": audio / "bell.wav", "question": "what?"}
    assert llm.predict(prompt, **values) == "a bell"
    assert asyncio.run(llm.apredict(prompt, **values)) == "a bell"
    assert [len(turns[-1].clips) for turns in engine.heard] == [1, 1]


def test_a_prompt_with_audio_is_never_written_as_bare_text(audio):
    prompt = AudioPromptTemplate("{clip:audio}\nwhat?")
    with pytest.raises(SettingsError, match="can't be written as one text"):
        prompt.format(clip=audio / "bell.wav")
    assert AudioPromptTemplate("only {a}").format(a="words") == "only words"
    assert prompt.get_template() == "{clip:audio}\nwhat?"


@pytest.mark.parametrize(
    ("value", "error"),
    [
        ("gone.wav", ClipMissing),
        ("", ClipMissing),
        (b"", ClipMissing),
        (7, ClipUnsupported),
        (None, ClipUnsupported),
        ("0123456789ab", ClipMissing),
    ],
)
def test_what_is_no_audio_is_refused(value, error):
    with pytest.raises(error):
        AudioPromptTemplate("{clip:audio}").format_messages(clip=value)


def test_a_template_that_is_none_and_a_missing_value_are_said():
    with pytest.raises(SettingsError, match="no template"):
        AudioPromptTemplate("{clip")
    with pytest.raises(SettingsError, match="'question' has no value"):
        AudioPromptTemplate("{question}").format_messages()


@pytest.mark.parametrize("task", TASKS)
def test_each_task_has_a_prompt_in_english_and_chinese(writer, audio, task):
    for lang, words in (("en", TASKS[task].instruct), ("zh", TASKS[task].chinese)):
        prompt = task_prompt(task, lang)
        given = {"question": "who?"} if task == "question" else {}
        (message,) = prompt.format_messages(clip=audio / "bell.wav", **given)
        assert message.content == words.replace("{question}", "who?")
        assert len(heard(writer, [message])) == 1


def test_a_task_or_language_that_there_is_none_of_is_refused():
    with pytest.raises(SettingsError, match="no task is called 'sing'"):
        task_prompt("sing")
    with pytest.raises(SettingsError, match="'de'"):
        task_prompt("caption", "de")


def test_rich_prompts_of_tasks_take_urls(writer, audio):
    prompt = rich_task_prompt("question")
    assert isinstance(prompt, RichPromptTemplate)
    (message,) = prompt.format_messages(clip="https://x.org/a.mp3", question="who?")
    block, words = message.blocks
    assert str(block.url) == "https://x.org/a.mp3"
    assert words.text.strip() == "who?"
    assert "音频" in rich_task_prompt("caption", "zh").template_str
