"""The engine says what plain `transformers` says: the examples of the model's own README."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from qwen_audio_tools import Clip, Options, open_engine
from qwen_audio_tools.conversation import Message, assistant, system, user
from qwen_audio_tools.engines.base import join, run_many

GREEDY = Options(temperature=0.0, max_tokens=24)


@pytest.fixture(scope="module")
def engine(checkpoint: Path) -> Any:
    return open_engine(f"transformers:{checkpoint}", device="cpu")


@pytest.fixture(scope="module")
def base_engine(base_checkpoint: Path) -> Any:
    return open_engine(f"transformers:{base_checkpoint}", device="cpu")


@pytest.fixture
def text_of(processor: Any) -> Any:
    """Return the text of token ids, as the README decodes it."""

    def decode(ids: Sequence[int]) -> str:
        return processor.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)

    return decode


def said(engine: Any, conversation: Sequence[Message], options: Options = GREEDY) -> str:
    return join(engine.reply(conversation, options), engine.info).text


def clip(samples: Any) -> Clip:
    return Clip((samples, 16_000))


SYSTEM = "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n"
SOUND = "<|audio_bos|><|AUDIO|><|audio_eos|>\n"
END = "<|im_end|>\n"
REPLY = "<|im_start|>assistant\n"


def test_voice_chat_of_two_turns(engine, plain, made, text_of):
    first = f"{SYSTEM}<|im_start|>user\nAudio 1: {SOUND}{END}{REPLY}"
    heard = text_of(plain([first], [made["speech"]])[0])
    turns = [user(clip(made["speech"]))]
    assert said(engine, turns) == heard
    second = f"{first}{heard}{END}<|im_start|>user\nAudio 2: {SOUND}{END}{REPLY}"
    turns += [assistant(heard), user(clip(made["glass"]))]
    both = [made["speech"], made["glass"]]
    assert said(engine, turns) == text_of(plain([second], both)[0])


def test_audio_analysis_of_several_turns_and_clips(engine, plain, made, text_of):
    text = f"{SYSTEM}<|im_start|>user\nAudio 1: {SOUND}What's that sound?{END}{REPLY}"
    heard = text_of(plain([text], [made["glass"]])[0])
    turns = [system("You are a helpful assistant.")]
    turns += [user(clip(made["glass"]), "What's that sound?")]
    assert said(engine, turns) == heard
    text += f"{heard}{END}<|im_start|>user\nWhat can you do when you hear that?{END}{REPLY}"
    again = text_of(plain([text], [made["glass"]])[0])
    turns += [assistant(heard), user("What can you do when you hear that?")]
    assert said(engine, turns) == again
    text += f"{again}{END}<|im_start|>user\nAudio 2: {SOUND}What does the person say?{END}{REPLY}"
    turns += [assistant(again), user(clip(made["speech"]), "What does the person say?")]
    assert said(engine, turns) == text_of(plain([text], [made["glass"], made["speech"]])[0])


def test_a_batch_of_unequal_conversations(engine, plain, made, text_of):
    sounds = [made["glass"], made["speech"], made["tone"]]
    words = ["What's that sound?", "What does the person say, and to whom?", ""]
    texts = [f"{SYSTEM}<|im_start|>user\nAudio 1: {SOUND}{said}{END}{REPLY}" for said in words]
    chats = [[user(clip(s), w) if w else user(clip(s))] for s, w in zip(sounds, words, strict=True)]
    answers = dict(run_many(engine, chats, GREEDY))
    assert [answers[row].text for row in range(3)] == [text_of(row) for row in plain(texts, sounds)]


def test_a_batch_of_a_long_chat_with_two_clips_and_of_a_single_question(
    engine, plain, made, text_of
):
    said = "It is the sound of glass shattering."
    texts = [
        f"{SYSTEM}<|im_start|>user\nAudio 1: {SOUND}What's that sound?{END}{REPLY}{said}{END}"
        f"<|im_start|>user\nAudio 2: {SOUND}What can you hear?{END}{REPLY}",
        f"{SYSTEM}<|im_start|>user\nAudio 1: {SOUND}What does the person say?{END}{REPLY}",
    ]
    chats = [
        [
            user(clip(made["glass"]), "What's that sound?"),
            assistant(said),
            user(clip(made["noise"]), "What can you hear?"),
        ],
        [user(clip(made["speech"]), "What does the person say?")],
    ]
    expected = plain(texts, [made["glass"], made["noise"], made["speech"]])
    for chosen in ((0, 1), (1, 0)):
        answers = dict(run_many(engine, [chats[index] for index in chosen], GREEDY))
        found = [answers[row].text for row in range(2)]
        assert found == [text_of(expected[index]) for index in chosen]
        engine.forget()


def test_the_base_model_continues_a_raw_prompt(base_engine, base_checkpoint, made):
    from transformers import AutoProcessor, Qwen2AudioForConditionalGeneration

    model = Qwen2AudioForConditionalGeneration.from_pretrained(base_checkpoint).eval()
    processor = AutoProcessor.from_pretrained(base_checkpoint)
    text = "<|audio_bos|><|AUDIO|><|audio_eos|>Generate the caption in English:"
    inputs = processor(text=text, audio=made["glass"], sampling_rate=16_000, return_tensors="pt")
    ids = model.generate(**inputs, max_new_tokens=24, do_sample=False)
    caption = processor.batch_decode(
        ids[:, inputs.input_ids.size(1) :],
        skip_special_tokens=True,
        clean_up_tokenization_spaces=False,
    )[0]
    asked = [user(clip(made["glass"]), "Generate the caption in English:")]
    assert said(base_engine, asked) == caption
