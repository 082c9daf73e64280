"""A prompt for each task in two languages; its audio is a path, id, URL, bytes, block or Clip."""

import base64

import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate

from langchain_qwen_audio import (
    AudioTurn,
    ChatQwenAudio,
    attach_audio,
    audio_block,
    audio_prompt,
    audio_prompts,
)
from qwen_audio_tools import Clip
from qwen_audio_tools.errors import ClipError, ClipRefused, SettingsError
from qwen_audio_tools.tasks import TASKS
from qwen_audio_tools.testing.scripted_engine import ScriptedEngine


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("task", TASKS)
def test_each_task_has_a_prompt_in_each_language(task, lang):
    prompt = audio_prompt(task, lang=lang)
    values = {"audio": {"type": "audio", "file_id": "0" * 12}, "question": "Who speaks?"}
    needed = {name: values[name] for name in prompt.input_variables}
    (message,) = prompt.format_messages(**needed)
    words = TASKS[task].instruct if lang == "en" else TASKS[task].chinese
    assert message.content[-1]["text"] == words.replace("{question}", "Who speaks?")
    assert message.content[0]["file_id"] == "0" * 12
    assert isinstance(prompt, ChatPromptTemplate)
    assert ("question" in prompt.input_variables) == (task == "question")


def test_all_prompts_are_listed():
    assert list(audio_prompts(lang="zh")) == list(TASKS)


def test_a_prompt_drives_a_model(said):
    chain = audio_prompt() | ChatQwenAudio(engine="embedded") | StrOutputParser()
    answer = chain.invoke({"audio": said, "question": "What is the budget?"})
    assert "200" in answer or "two hundred" in answer


@pytest.mark.parametrize("way", ["path", "name", "id", "block", "bytes", "clip", "stored clip"])
def test_audio_is_given_in_any_way(way, said, folder, store, encoded):
    id = store.put(said)
    ways = {
        "path": said,
        "name": str(said),
        "id": id,
        "block": {"type": "audio", "base64": encoded, "mime_type": "audio/wav"},
        "bytes": said.read_bytes(),
        "clip": Clip(said),
        "stored clip": store.get(id),
    }
    engine = ScriptedEngine(["words"])
    chain = audio_prompt() | ChatQwenAudio(engine=engine, store=store, roots=[folder])
    chain.invoke({"audio": ways[way], "question": "what?"})
    assert engine.heard[0][0].clips[0].sha256 == Clip(said).sha256


def test_any_number_of_clips_stand_before_the_words(said, folder):
    prompt = audio_prompt("compare")
    for given, count in (([], 0), (None, 0), (said, 1), ([said, folder / "bell.wav"], 2)):
        (message,) = prompt.format_messages(audio=given)
        assert [block["type"] for block in message.content] == ["audio"] * count + ["text"]


def test_a_part_of_a_clip_goes_in_as_a_part(said):
    block = audio_block(Clip(said)[1.0:2.0])
    assert block["mime_type"] == "audio/wav"
    assert Clip(base64.b64decode(block["base64"])).duration == pytest.approx(1.0, abs=0.01)


def test_a_name_opens_nothing_by_itself(tmp_path):
    secret = "/etc/passwd"
    (message,) = audio_prompt("transcribe").format_messages(audio=secret)
    assert message.content[0] == {"type": "audio", "url": secret}
    chain = audio_prompt("transcribe") | ChatQwenAudio(engine="embedded", roots=[tmp_path])
    with pytest.raises(ClipRefused):
        chain.invoke({"audio": secret})


def test_earlier_turns_and_a_system_prompt_have_their_places(said, store):
    prompt = audio_prompt("question", system="Be brief, {name}.")
    history = [attach_audio(said, text="who?", store=store), AIMessage("a woman")]
    messages = prompt.format_messages(
        name="ear", history=history, audio=[], question="How old is she?"
    )
    assert messages[0] == SystemMessage("Be brief, ear.")
    assert messages[1:3] == history
    assert messages[3] == HumanMessage([{"type": "text", "text": "How old is she?"}])


def test_prompts_are_shown_and_joined():
    shown = audio_prompt("music").pretty_repr()
    assert "{audio}" in shown
    assert "instruments" in shown
    joined = ChatPromptTemplate([("system", "Listen.")]) + audio_prompt("music")
    assert "audio" in joined.input_variables


def test_a_turn_of_ones_own_names_its_variable():
    from langchain_core.prompts import PromptTemplate

    turn = AudioTurn(words=PromptTemplate.from_template("Rate {what}."), audio="call")
    prompt = ChatPromptTemplate([turn])
    assert sorted(prompt.input_variables) == ["call", "what"]
    (message,) = prompt.format_messages(call="0" * 12, what="the tone")
    assert message.content == [
        {"type": "audio", "file_id": "0" * 12},
        {"type": "text", "text": "Rate the tone."},
    ]


def test_braces_in_what_is_asked_are_only_braces():
    (message,) = audio_prompt().format_messages(audio=[], question="What is {this} {{that}}?")
    assert message.content[0]["text"] == "What is {this} {{that}}?"


@pytest.mark.parametrize("given", [5, 2.5, "", " ", object()])
def test_what_stands_for_no_audio_is_refused(given):
    with pytest.raises(SettingsError, match="stands for no audio"):
        audio_block(given)


def test_a_file_of_ones_own_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(ClipError):
        audio_block(tmp_path / "no.wav")


@pytest.mark.parametrize(("task", "lang"), [("dance", "en"), ("music", "fr")])
def test_there_is_no_other_task_or_language(task, lang):
    with pytest.raises(SettingsError, match=r"there (are|is)"):
        audio_prompt(task, lang=lang)
