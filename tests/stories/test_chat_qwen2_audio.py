"""A chat with Qwen2-Audio itself, small and random: its words are nonsense, but no accident."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from qwen_audio_tools.testing import smoke_alarm, tone, write
from qwen_audio_tools.testing.made_checkpoints import write_checkpoint

Turns = list[dict[str, object]]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory) -> Path:
    return write_checkpoint(tmp_path_factory.mktemp("models") / "Tiny-Audio-Instruct")


@pytest.fixture
def chat(run_qwa, checkpoint, tmp_path) -> Callable[..., Turns]:
    """Hold a chat of these lines and return its turns."""
    write(tmp_path / "alarm.wav", smoke_alarm(4.0))
    write(tmp_path / "tone.wav", tone(440.0, 2.0))

    def run(lines: str, *arguments: object) -> Turns:
        (tmp_path / "lines").write_text(lines)
        with (tmp_path / "lines").open("rb") as stdin:
            done = run_qwa(
                *("chat", "--engine", f"transformers:{checkpoint}", "--json"),
                *("--temperature", "0", "--max-tokens", "20", *arguments),
                stdin=stdin,
                cwd=tmp_path,
                limit_s=120,
            )
        assert done.code == 0, done.err
        return [json.loads(line) for line in done.out.splitlines()]

    return run


def test_a_saved_chat_goes_on_as_if_it_had_never_stopped(chat):
    first, rest = "what is it?\n/audio tone.wav\n\n", "what differs?\n"
    whole = chat(first + rest, "alarm.wav")
    begun = chat(first + "/save kept.json\n", "alarm.wav")
    ended = chat(rest, "--load", "kept.json")
    assert [turn["text"] for turn in whole] == [turn["text"] for turn in begun + ended]
    assert len({turn["text"] for turn in whole}) == 3


def test_each_turn_hears_all_that_was_shown_before(chat):
    turns = chat("what is it?\n/audio tone.wav\n\n/reset\nwhat is it?\n", "alarm.wav")
    heard = [turn["usage"]["audio_tokens"] for turn in turns]
    assert heard == [100, 150, 0]  # 25 a second
    assert [turn["coverage"]["heard"] for turn in turns] == [4.0, 6.0, 0.0]


def test_a_chat_takes_the_options_of_an_engine_that_writes(chat):
    whole, cut = (chat("what?\n", "alarm.wav", *more)[0] for more in ((), ("--max-tokens", "3")))
    assert cut["usage"]["output_tokens"] == 3 < whole["usage"]["output_tokens"]
