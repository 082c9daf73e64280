"""What a caller may decide of a reply: its length, its end, its chance, its form, its language."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import torch
from jsonschema import validate

from qwen_audio_tools import Answer, Clip, Message, Options, open_engine
from qwen_audio_tools.conversation import assistant, user
from qwen_audio_tools.engines.base import join, run_many
from qwen_audio_tools.errors import EngineRefused, SettingsError

SYSTEM = "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n"
SOUND = "<|audio_bos|><|AUDIO|><|audio_eos|>\n"
END, REPLY = "<|im_end|>\n", "<|im_start|>assistant\n"


@pytest.fixture(scope="module")
def engine(checkpoint: Path) -> Any:
    return open_engine(f"transformers:{checkpoint}", device="cpu")


@pytest.fixture
def asked(made) -> list[Message]:
    return [user(Clip((made["noise"], 16_000)), "What happens?")]


def answered(engine: Any, conversation: list[Message], **options: Any) -> Answer:
    wanted = Options(**{"temperature": 0.0, "max_tokens": 16, **options})
    return join(engine.reply(conversation, wanted), engine.info)


# Where it ends


def test_a_stop_string_ends_the_text_before_it_and_the_work_with_it(engine, asked, work):
    whole = answered(engine, asked).text
    work.clear()
    found = answered(engine, asked, stop=(whole[4:7],))
    assert found.text == whole[: whole.index(whole[4:7])]
    assert found.usage.output_tokens == len(work.read) == len(found.text) + 3
    assert found.warnings == ()


def test_a_stop_string_that_is_no_tuple_is_one_string_and_not_its_letters(engine, asked):
    whole = answered(engine, asked).text
    assert (
        answered(engine, asked, stop=whole[4:7]).text
        == answered(engine, asked, stop=(whole[4:7],)).text
    )


def test_a_stop_string_ends_its_own_row_of_a_batch_alone(engine, made):
    chats = [[user(Clip((made[name], 16_000)), "What happens?")] for name in ("noise", "glass")]
    whole = [answered(engine, chat).text for chat in chats]
    word = next(whole[0][at : at + 2] for at in range(15) if whole[0][at : at + 2] not in whole[1])
    options = Options(temperature=0.0, max_tokens=16, stop=(word,))
    found = dict(run_many(engine, chats, options))
    assert [found[0].text, found[1].text] == [whole[0][: whole[0].index(word)], whole[1]]


def test_a_reply_is_cut_at_max_tokens_and_says_so(engine, asked):
    longer = answered(engine, asked)
    cut = answered(engine, asked, max_tokens=3)
    assert cut.text == longer.text[:3]
    assert cut.usage.output_tokens == 3
    assert cut.warnings == ("the answer was cut after 3 tokens: max_tokens",)


def test_a_reply_that_the_model_ends_itself_has_no_warning(engine, made):
    ended = answered(engine, [user(Clip((made["glass"], 16_000)), "What's that sound?")])
    assert ended.usage.output_tokens == len(ended.text) + 1 < 16
    assert ended.warnings == ()


def test_a_reply_ends_with_the_models_context_and_says_so(altered, made):
    folder = altered(
        "config.json", lambda said: said["text_config"].update(max_position_embeddings=200)
    )
    engine = open_engine(f"transformers:{folder}", device="cpu")
    found = answered(engine, [user(Clip((made["noise"], 16_000)), "?")], max_tokens=500)
    assert found.usage.input_tokens + found.usage.output_tokens == 200
    assert "the model's context ends" in found.warnings[0]


@pytest.mark.parametrize("most", [0, -1, 2.5, True, None])
def test_max_tokens_that_cannot_be_is_refused(engine, asked, most):
    with pytest.raises(SettingsError, match="max_tokens cannot be"):
        answered(engine, asked, max_tokens=most)


@pytest.mark.parametrize(
    "options",
    [
        {"temperature": -1.0},
        {"temperature": float("nan")},
        {"top_p": 0.0},
        {"top_p": 1.5},
        {"seed": -1},
        {"stop": ("",)},
        {"lang": "fr"},
        {"schema": {"type": "no such type"}},
        {"schema": "an object please"},
        {"schema": {"enum": [object()]}},
    ],
)
def test_an_option_that_cannot_be_is_refused_before_anything_is_computed(
    engine, asked, work, options
):
    with pytest.raises(SettingsError):
        answered(engine, asked, **options)
    assert (work.encoded, work.read) == (0, [])


# Chance


def test_a_seed_repeats_an_answer_and_other_seeds_give_others(engine, asked):
    texts = [answered(engine, asked, temperature=None, seed=seed).text for seed in range(6)]
    again = [answered(engine, asked, temperature=None, seed=seed).text for seed in range(6)]
    assert texts == again
    assert len(set(texts)) > 3


def test_a_seed_gives_in_a_batch_what_it_gives_alone(engine, made):
    chats = [[user(Clip((made[name], 16_000)), "What?")] for name in ("noise", "glass", "tone")]
    options = Options(max_tokens=12, seed=5)
    together = dict(run_many(engine, chats, options))
    alone = [join(engine.reply(chat, options), engine.info).text for chat in chats]
    assert [together[row].text for row in range(3)] == alone


def test_without_a_seed_answers_differ(engine, asked):
    assert len({answered(engine, asked, temperature=None).text for _ in range(6)}) > 1


def test_a_temperature_of_zero_takes_the_likeliest_token_whatever_the_seed(engine, asked):
    assert len({answered(engine, asked, seed=seed).text for seed in range(4)}) == 1


def test_a_small_top_p_leaves_the_likeliest_token_only(engine, asked):
    narrow = answered(engine, asked, temperature=5.0, top_p=1e-6, seed=1)
    assert narrow.text == answered(engine, asked).text
    wide = answered(engine, asked, temperature=5.0, top_p=1.0, seed=1)
    assert wide.text != narrow.text


def first_letters(model, processor, samples, **warped) -> torch.Tensor:
    """Return the distribution of the first token, as plain `transformers` warps it."""
    from transformers import (
        LogitsProcessorList,
        RepetitionPenaltyLogitsProcessor,
        TemperatureLogitsWarper,
        TopKLogitsWarper,
        TopPLogitsWarper,
    )

    text = f"{SYSTEM}<|im_start|>user\nAudio 1: {SOUND}What happens?{END}{REPLY}"
    inputs = processor(text=text, audio=[samples], sampling_rate=16_000, return_tensors="pt")
    with torch.no_grad():
        logits = model(**inputs).logits[:, -1].float()
    steps = LogitsProcessorList(
        [
            RepetitionPenaltyLogitsProcessor(1.1),
            TemperatureLogitsWarper(warped.get("temperature", 0.7)),
            TopKLogitsWarper(20),
            TopPLogitsWarper(warped.get("top_p", 0.5)),
        ]
    )
    return steps(inputs.input_ids, logits).softmax(-1)[0]


@pytest.mark.parametrize("asked_for", [{}, {"temperature": 2.0, "top_p": 0.9}])
def test_letters_are_drawn_as_the_checkpoint_says_where_nothing_else_is_asked_for(
    engine, model, processor, made, asked, asked_for
):
    expected = first_letters(model, processor, made["noise"], **asked_for)
    draws = 300
    options = {"temperature": None, "max_tokens": 1, **asked_for}
    drawn = Counter(answered(engine, asked, seed=seed, **options).text for seed in range(draws))
    likely = {
        processor.decode([token], skip_special_tokens=True): share
        for token, share in enumerate(expected.tolist())
        if share
    }
    assert set(drawn) <= set(likely)
    assert len(likely) > 3
    # Half the sum of the differences; about 0.1 is what chance leaves at so many draws.
    apart = sum(abs(drawn[letter] / draws - share) for letter, share in likely.items()) / 2
    assert apart < 0.2


def test_a_checkpoint_that_does_not_sample_is_greedy_unless_told_otherwise(engine, altered, asked):
    folder = altered("generation_config.json", lambda said: said.update(do_sample=False))
    calm = open_engine(f"transformers:{folder}", device="cpu")
    assert answered(calm, asked, temperature=None).text == answered(engine, asked).text
    wild = {answered(calm, asked, temperature=5.0, top_p=1.0, seed=seed).text for seed in range(3)}
    assert len(wild) == 3


def test_a_generation_setting_that_is_not_followed_is_named(altered, asked):
    folder = altered("generation_config.json", lambda said: said.update(num_beams=4))
    engine = open_engine(f"transformers:{folder}", device="cpu")
    (warning,) = answered(engine, asked, max_tokens=40).warnings[:1]
    assert "num_beams=4" in warning


# Form and language

SCHEMA = {
    "type": "object",
    "properties": {
        "sound": {"enum": ["glass", "noise", "speech"]},
        "loud": {"type": "boolean"},
        "seconds": {"type": "integer", "minimum": 0, "maximum": 99},
    },
    "required": ["sound", "loud", "seconds"],
    "additionalProperties": False,
}


@pytest.mark.parametrize("temperature", [0.0, None])
def test_an_answer_fits_its_schema_greedy_or_drawn(engine, asked, temperature):
    found = answered(engine, asked, schema=SCHEMA, max_tokens=80, temperature=temperature, seed=2)
    validate(json.loads(found.text), SCHEMA)
    assert found.warnings == ()


def test_answers_of_a_batch_fit_their_schema(engine, made):
    chats = [[user(Clip((made[name], 16_000)), "What?")] for name in ("noise", "glass", "tone")]
    options = Options(temperature=0.0, max_tokens=80, schema=SCHEMA)
    for _, answer in run_many(engine, chats, options):
        validate(json.loads(answer.text), SCHEMA)


def test_an_answer_cut_before_its_json_is_complete_says_so(engine, asked):
    found = answered(engine, asked, schema=SCHEMA, max_tokens=5)
    assert any("does not fit the schema" in warning for warning in found.warnings)


def test_the_model_is_told_the_schema_it_is_held_to(engine, asked):
    plain = answered(engine, asked).usage.input_tokens
    told = answered(engine, asked, schema={"type": "boolean"}).usage.input_tokens
    assert told == plain + len('\nAnswer with JSON that fits this schema: {"type": "boolean"}')


def test_another_language_than_the_questions_is_asked_for_in_words(engine, made):
    sound = Clip((made["noise"], 16_000))
    wanted = answered(engine, [user(sound, "What happens?")], lang="zh")
    words = answered(engine, [user(sound, "What happens?\n请用中文回答。")])
    assert (wanted.text, wanted.usage) == (words.text, words.usage)
    wanted = answered(engine, [user(sound, "发生了什么？")], lang="en")
    words = answered(engine, [user(sound, "发生了什么？\nAnswer in English.")])
    assert (wanted.text, wanted.usage) == (words.text, words.usage)


@pytest.mark.parametrize(("question", "lang"), [("What happens?", "en"), ("发生了什么？", "zh")])
def test_the_questions_own_language_needs_no_words(engine, made, question, lang):
    chat = [user(Clip((made["noise"], 16_000)), question)]
    assert answered(engine, chat, lang=lang).usage == answered(engine, chat).usage


def test_a_transcript_is_never_asked_for_in_another_language(engine, asked):
    assert (
        answered(engine, asked, lang="zh", task="transcribe").usage == answered(engine, asked).usage
    )


# What is no question


@pytest.mark.parametrize(
    ("turns", "words"),
    [
        ([], "does not end with a turn of the user"),
        ([assistant("I said so.")], "does not end with a turn of the user"),
        ([user("Hello?"), assistant("Yes?")], "does not end with a turn of the user"),
        ([user()], "a turn of the user is empty"),
        ([user("  ")], "a turn of the user is empty"),
        ([user(""), assistant("Yes?"), user("What?")], "a turn of the user is empty"),
    ],
)
def test_a_conversation_that_asks_nothing_is_refused(engine, turns, words):
    with pytest.raises(EngineRefused, match=words):
        answered(engine, turns)


def test_words_alone_are_answered_too(engine):
    found = answered(engine, [user("Who are you?")])
    assert found.text
    assert (found.coverage.total, found.evidence, found.usage.audio_tokens) == (0.0, (), 0)


def test_no_conversations_give_no_answers(engine):
    assert list(run_many(engine, [], Options())) == []
