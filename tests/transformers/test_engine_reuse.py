"""What was heard and read once is not heard or read again, and never more is held than was said."""

import random
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

from qwen_audio_tools import Answer, Clip, Message, Options, open_engine
from qwen_audio_tools.conversation import assistant, system, user
from qwen_audio_tools.engines.base import join, run_many

GREEDY = Options(temperature=0.0, max_tokens=12)
ONE = Options(temperature=0.0, max_tokens=1)
# One token a letter, and one for each mark of the model.
END_AND_REPLY = len("|\n|assistant\n")
QUESTIONS = (
    "What is heard here?",
    "Is anybody speaking?",
    "Name all sounds.",
    "Loud or quiet?",
    "How long does it take?",
    "Describe the place.",
    "Summarize.",
    "Any music?",
)


@pytest.fixture(scope="module")
def opened(checkpoint: Path) -> Any:
    return open_engine(f"transformers:{checkpoint}", device="cpu", reuse_mb=64)


@pytest.fixture
def engine(opened: Any) -> Any:
    """An engine that remembers nothing yet."""
    opened.forget()
    return opened


def answered(engine: Any, conversation: list[Message], options: Options = GREEDY) -> Answer:
    return join(engine.reply(conversation, options), engine.info)


def clip(samples: np.ndarray) -> Clip:
    return Clip((samples, 16_000))


def test_a_second_question_encodes_nothing_and_reads_only_its_own_words(engine, made, work):
    sound = clip(made["speech"])
    answered(engine, [user(sound, "What is heard here?")])
    assert work.encoded == 1
    work.clear()
    answered(engine, [user(sound, "Is anybody speaking?")], ONE)
    assert (work.encoded, work.read) == (0, [len("Is anybody speaking?") + END_AND_REPLY])


def test_the_same_question_again_reads_a_single_token(engine, made, work):
    asked = [user(clip(made["speech"]), "What is heard here?")]
    first = answered(engine, asked, ONE)
    work.clear()
    assert answered(engine, asked, ONE).text == first.text
    assert (work.encoded, work.read) == (0, [1])


def test_a_clip_is_known_by_what_it_holds_and_not_by_where_it_lies(engine, made, work, tmp_path):
    answered(engine, [user(clip(made["tone"]), "What is heard here?")])
    soundfile.write(tmp_path / "same.wav", made["tone"], 16_000, subtype="FLOAT")
    work.clear()
    found = answered(engine, [user(Clip(tmp_path / "same.wav"), "Is anybody speaking?")], ONE)
    assert (work.encoded, len(work.read)) == (0, 1)
    assert found.evidence[0].clip.endswith("same.wav")


def test_a_part_of_a_clip_is_heard_anew(engine, made, work):
    whole = clip(made["speech"])
    answered(engine, [user(whole, "What is heard here?")], ONE)
    work.clear()
    answered(engine, [user(whole[0.5:1.5], "What is heard here?")], ONE)
    assert work.encoded == 1


def test_a_further_turn_of_a_chat_reads_only_what_is_new(engine, made, work):
    turns = [user(clip(made["glass"]), "What's that sound?")]
    said = answered(engine, turns, Options(temperature=0.0, max_tokens=3)).text
    assert len(said) == 3
    work.clear()
    answered(engine, [*turns, assistant(said), user("And then?")], ONE)
    # The last letter of the reply was said, but not read yet.
    new = len(said[-1:]) + len("|\n|user\nAnd then?") + END_AND_REPLY
    assert (work.encoded, work.read) == (0, [new])


def test_a_further_clip_in_a_chat_is_the_only_one_that_is_encoded(engine, made, work):
    turns = [user(clip(made["glass"]), "What's that sound?")]
    turns += [assistant(answered(engine, turns).text), user(clip(made["speech"]), "And that?")]
    work.clear()
    assert (
        answered(engine, turns).usage.audio_tokens > answered(engine, turns[:1]).usage.audio_tokens
    )
    assert work.encoded == 1


def test_a_clip_is_not_encoded_again_for_a_further_one_while_the_model_knows_what_it_read(
    checkpoint, made, work
):
    engine = open_engine(f"transformers:{checkpoint}", device="cpu", reuse_mb=1)
    turns = [user(clip(made["tone"][:8_000]), "What is heard here?")]
    while engine.held < 950_000:  # in the end what the encoder gave had to make room
        turns += [assistant(answered(engine, turns, ONE).text), user("Say more, and be precise.")]
    turns += [assistant(answered(engine, turns, ONE).text), user(clip(made["glass"][:8_000]))]
    work.clear()
    answered(engine, turns, ONE)
    assert work.encoded == 1
    assert engine.held <= 1_000_000


def test_many_questions_at_once_encode_and_read_the_clip_once(engine, made, work):
    sound = clip(made["speech"])
    chats = [[user(sound, question)] for question in QUESTIONS]
    answers = dict(run_many(engine, chats, ONE))
    assert work.encoded == 1
    shared = answers[0].usage.input_tokens - len(QUESTIONS[0]) - END_AND_REPLY
    longest = max(map(len, QUESTIONS)) + END_AND_REPLY
    assert work.read[0] == shared > answers[0].usage.audio_tokens
    assert sum(work.read[1:]) <= len(QUESTIONS) * longest


def test_questions_at_once_are_answered_as_one_by_one(engine, made):
    chats = [[user(clip(made["speech"]), question)] for question in QUESTIONS]
    together = dict(run_many(engine, chats, GREEDY))
    engine.forget()
    assert [together[row].text for row in range(len(chats))] == [
        answered(engine, chat).text for chat in chats
    ]


def test_answers_with_and_without_reuse_are_the_same(engine, checkpoint, made, work):
    forgetful = open_engine(f"transformers:{checkpoint}", device="cpu", reuse_mb=0)
    turns = [system("You hear well."), user(clip(made["glass"]), "What's that sound?")]
    for sound, question in (("speech", "And that?"), ("glass", "Again?"), ("tone", "")):
        told = answered(engine, turns)
        work.clear()
        assert answered(forgetful, turns).text == told.text
        assert work.read[0] == told.usage.input_tokens
        assert forgetful.held == 0
        turns += [assistant(told.text), user(clip(made[sound]), question)]


def test_nothing_beyond_the_budget_is_held_at_any_token(checkpoint, made):
    engine = open_engine(f"transformers:{checkpoint}", device="cpu", reuse_mb=1)
    plenty = open_engine(f"transformers:{checkpoint}", device="cpu", reuse_mb=64)
    for name in ("speech", "noise", "glass", "tone", "speech"):
        asked = [user(clip(made[name]), "What is heard here?")]
        pieces = []
        for delta in engine.reply(asked, GREEDY):
            assert engine.held <= 1_000_000
            pieces.append(delta)
        assert engine.held <= 1_000_000
        assert join(pieces, engine.info).text == answered(plenty, asked).text
    assert engine.held > 0
    assert plenty.held > 1_000_000


def test_forgetting_gives_all_back_and_changes_no_answer(engine, made, work):
    asked = [user(clip(made["glass"]), "What's that sound?")]
    before = answered(engine, asked)
    assert engine.held > 0
    engine.forget()
    assert engine.held == 0
    work.clear()
    assert answered(engine, asked) == before
    assert work.encoded == 1


def test_another_engine_of_the_same_model_answers_alike_and_shares_nothing(
    engine, checkpoint, made, work
):
    asked = [user(clip(made["glass"]), "What's that sound?")]
    before = answered(engine, asked)
    work.clear()
    other = open_engine(f"transformers:{checkpoint}", device="cpu", reuse_mb=64)
    assert answered(other, asked) == before
    assert work.encoded == 1


def test_an_engine_that_was_not_asked_yet_holds_nothing_and_has_nothing_to_forget(checkpoint):
    engine = open_engine(f"transformers:{checkpoint}", device="cpu")
    engine.forget()
    assert engine.held == 0


SYSTEM = "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n"
SOUND = "<|audio_bos|><|AUDIO|><|audio_eos|>\n"
END, REPLY = "<|im_end|>\n", "<|im_start|>assistant\n"


@pytest.fixture(scope="module")
def plain_bf16(checkpoint: Path, processor: Any) -> Any:
    """Return the text that plain `generate` gives in bfloat16, greedily."""
    from transformers import Qwen2AudioForConditionalGeneration

    model = Qwen2AudioForConditionalGeneration.from_pretrained(checkpoint, dtype=torch.bfloat16)

    def generate(text: str, audio: list[np.ndarray]) -> str:
        inputs = processor(text=text, audio=audio, sampling_rate=16_000, return_tensors="pt")
        inputs["input_features"] = inputs["input_features"].to(torch.bfloat16)
        ids = model.eval().generate(**inputs, max_new_tokens=24, do_sample=False)
        return str(processor.decode(ids[0, inputs.input_ids.shape[1] :], skip_special_tokens=True))

    return generate


def test_exact_is_plain_generate_in_bf16_for_a_chat_of_two_clips(checkpoint, plain_bf16, made):
    engine = open_engine(
        f"transformers:{checkpoint}", device="cpu", dtype="bfloat16", exact=True, reuse_mb=64
    )
    options = Options(temperature=0.0, max_tokens=24)
    text, audio, turns = SYSTEM, [], []
    for number, name in enumerate(("speech", "glass", "noise", "speech"), start=1):
        text += f"<|im_start|>user\nAudio {number}: {SOUND}And that?{END}{REPLY}"
        audio.append(made[name])
        turns.append(user(clip(made[name]), "And that?"))
        said = answered(engine, turns, options).text
        assert said == plain_bf16(text, audio)
        text += f"{said}{END}"
        turns.append(assistant(said))


def test_exact_keeps_encoder_outputs_for_the_same_clips(checkpoint, made, work):
    engine = open_engine(f"transformers:{checkpoint}", device="cpu", exact=True, reuse_mb=64)
    both = [clip(made["glass"]), clip(made["tone"])]
    chats = [[user(*both, "Do they differ?")], [user(*both, "Which one is louder?")]]
    answers = dict(run_many(engine, chats, ONE))
    assert (work.encoded, len(work.read)) == (2, 2)
    assert work.read == [answers[0].usage.input_tokens, answers[1].usage.input_tokens]


def asked_at_random(chance: random.Random, clips: list[Clip]) -> list[Message]:
    turns = [user(*chance.sample(clips, chance.randint(0, 2)), chance.choice(QUESTIONS))]
    for _ in range(chance.randint(0, 2)):
        turns.append(assistant(chance.choice(["It is a bell.", "No.", "Two people."])))
        turns.append(user(chance.choice(QUESTIONS), *chance.sample(clips, chance.randint(0, 1))))
    return turns


def test_whatever_threads_ask_close_or_forget_answers_are_those_of_an_engine_that_keeps_nothing(
    checkpoint, made
):
    short = Options(temperature=0.0, max_tokens=5)
    noise = made["noise"]
    clips = [clip(noise[at : 5_000 + 2 * at]) for at in range(0, 36_000, 7_000)]
    small = open_engine(f"transformers:{checkpoint}", device="cpu", reuse_mb=1)
    forgetful = open_engine(f"transformers:{checkpoint}", device="cpu", reuse_mb=0)

    def work_on(seed: int) -> list[tuple[str, str]]:
        chance = random.Random(seed)
        chats = [asked_at_random(chance, clips) for _ in range(chance.randint(1, 4))]
        if seed % 8 == 0:
            small.forget()
        if seed % 4 == 0:
            reply = small.reply(chats[0], short)
            next(reply)
            reply.close()
        found = dict(run_many(small, chats, short))
        assert small.held <= 1_000_000
        return [
            (found[row].text, answered(forgetful, chat, short).text)
            for row, chat in enumerate(chats)
        ]

    with ThreadPoolExecutor(4) as threads:
        pairs = [pair for pairs in threads.map(work_on, range(40)) for pair in pairs]
    assert [one for one, _ in pairs] == [other for _, other in pairs]
