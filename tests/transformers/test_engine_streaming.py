"""Tokens come one by one, and stop when nobody wants more; the engine lives on."""

import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from qwen_audio_tools import Answer, Clip, Message, Options, open_engine
from qwen_audio_tools.conversation import user
from qwen_audio_tools.engines.base import Delta, join, run_many

LONG = Options(temperature=0.0, max_tokens=40)
SHORT = Options(temperature=0.0, max_tokens=6)


@pytest.fixture(scope="module")
def opened(checkpoint: Path) -> Any:
    return open_engine(f"transformers:{checkpoint}", device="cpu")


@pytest.fixture
def engine(opened: Any) -> Any:
    """An engine that remembers nothing yet."""
    opened.forget()
    return opened


def answered(engine: Any, conversation: list[Message], options: Options = LONG) -> Answer:
    return join(engine.reply(conversation, options), engine.info)


def clip(samples: np.ndarray) -> Clip:
    return Clip((samples, 16_000))


@pytest.fixture
def asked(made) -> list[Message]:
    """A question that this model has much to say to."""
    return [user(clip(made["noise"]), "What happens from the beginning to the end?")]


def test_each_letter_comes_before_the_next_one_is_computed(engine, asked, work):
    passes, letters = [], []
    for delta in engine.reply(asked, LONG):
        passes.append(len(work.read))
        letters.append(delta.text)
    assert passes[:5] == [1, 2, 3, 4, 5]
    assert [len(letter) for letter in letters[:5]] == [1] * 5
    assert "".join(letters) == answered(engine, asked).text


def test_nothing_is_loaded_or_decoded_before_the_first_piece_is_wanted(checkpoint, tmp_path, work):
    engine = open_engine(f"transformers:{checkpoint}", device="cpu")
    engine.reply([user(Clip(tmp_path / "there-is-none.wav"), "What is it?")], LONG)
    assert work.read == []


def test_closing_the_reply_stops_at_the_next_token(engine, asked, work):
    whole = answered(engine, asked).text
    engine.forget()
    work.clear()
    reply = engine.reply(asked, LONG)
    heard = "".join(next(reply).text for _ in range(3))
    reply.close()
    assert len(work.read) == 3
    assert whole.startswith(heard)
    with pytest.raises(StopIteration):
        next(reply)
    assert len(work.read) == 3


def test_a_reply_that_was_let_go_computes_nothing_more_and_what_it_read_is_known(
    engine, asked, work
):
    next(iter(engine.reply(asked, LONG)))
    assert (work.encoded, len(work.read)) == (1, 1)
    work.clear()
    answered(engine, asked, SHORT)
    assert (work.encoded, work.read[0]) == (0, 1)


def test_closing_many_replies_stops_all_of_them(engine, made, work):
    chats = [[user(clip(made["noise"]), f"What is number {n}?")] for n in range(4)]
    replies = engine.replies(chats, LONG)
    next(replies)
    passes = len(work.read)
    replies.close()
    assert len(work.read) == passes < 40 + len(chats)


@pytest.fixture
def interrupt() -> Iterator[Any]:
    """Press Ctrl-C at the start of the n-th pass of the language model."""
    handles = []

    def at_pass(number: int) -> None:
        passes = 0

        def press(module: torch.nn.Module, given: object) -> None:
            nonlocal passes
            if type(module).__name__ == "Qwen2DecoderLayer" and module.self_attn.layer_idx == 1:
                passes += 1
                if passes == number:
                    signal.raise_signal(signal.SIGINT)

        handles.append(torch.nn.modules.module.register_module_forward_pre_hook(press))

    yield at_pass
    for handle in handles:
        handle.remove()


@pytest.mark.parametrize("at", [1, 2, 5])
def test_ctrl_c_in_the_middle_of_a_pass_leaves_the_engine_usable(engine, asked, interrupt, at):
    whole = answered(engine, asked)
    engine.forget()
    interrupt(at)
    heard: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        heard.extend(delta.text for delta in engine.reply(asked, LONG))
    assert len(heard) == at - 1
    assert whole.text.startswith("".join(heard))
    assert answered(engine, asked) == whole


def test_ctrl_c_in_a_batch_leaves_the_engine_usable(engine, made, interrupt):
    chats = [[user(clip(made[name]), "What is heard?")] for name in ("glass", "tone", "noise")]
    whole = dict(run_many(engine, chats, SHORT))
    engine.forget()
    interrupt(5)
    with pytest.raises(KeyboardInterrupt):
        dict(run_many(engine, chats, SHORT))
    assert dict(run_many(engine, chats, SHORT)) == whole


@pytest.mark.parametrize("megabytes", [0, 1, 64])
def test_threads_that_ask_at_once_get_the_answers_of_those_who_ask_alone(
    checkpoint, made, megabytes
):
    engine = open_engine(f"transformers:{checkpoint}", device="cpu", reuse_mb=megabytes)
    chats = [
        [user(clip(made[name]), question)]
        for question in ("What is heard?", "Who speaks?", "Where is it?")
        for name in ("glass", "tone", "speech")
    ]
    alone = [answered(engine, chat, SHORT) for chat in chats]
    with ThreadPoolExecutor(6) as threads:
        found = list(threads.map(lambda chat: answered(engine, chat, SHORT), chats * 3))
    assert found == alone * 3
    assert engine.held <= megabytes * 1_000_000


def test_threads_that_ask_about_one_clip_at_once_encode_it_once(engine, made, work):
    chats = [[user(clip(made["speech"]), f"What is number {n}?")] for n in range(6)]
    with ThreadPoolExecutor(6) as threads:
        list(threads.map(lambda chat: answered(engine, chat, SHORT), chats))
    assert work.encoded == 1


def test_the_first_question_of_many_threads_loads_the_model_once(checkpoint, asked):
    engine = open_engine(f"transformers:{checkpoint}", device="cpu")
    loaded: list[float] = []

    def progress(what: str, done: float, total: float) -> None:
        if what == "loading" and done == total:
            loaded.append(total)

    options = Options(temperature=0.0, max_tokens=2, progress=progress)
    with ThreadPoolExecutor(4) as threads:
        texts = set(threads.map(lambda _: answered(engine, asked, options).text, range(4)))
    assert len(texts) == 1
    assert len(loaded) == 1


def test_a_reply_may_be_read_by_another_thread_than_it_was_asked_by(engine, asked):
    whole = answered(engine, asked)
    reply = engine.reply(asked, LONG)
    first = next(reply)
    with ThreadPoolExecutor(1) as threads:
        rest = threads.submit(lambda: list(reply)).result()
    assert join([first, *rest], engine.info) == whole


def test_replies_that_are_read_in_turns_do_not_disturb_each_other(engine, made):
    chats = [[user(clip(made[name]), "What is heard?")] for name in ("glass", "noise")]
    alone = [answered(engine, chat).text for chat in chats]
    engine.forget()
    one, other = (engine.reply(chat, LONG) for chat in chats)
    in_turns = zip_longest(one, other, fillvalue=Delta())
    texts = [(first.text, second.text) for first, second in in_turns]
    assert ["".join(pieces) for pieces in zip(*texts, strict=True)] == alone
