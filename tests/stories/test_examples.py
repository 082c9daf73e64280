"""The examples run as they stand; on a small random checkpoint their words are nonsense."""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from qwen_audio_tools.testing.made_checkpoints import write_checkpoint

EXAMPLES = Path(__file__).parents[2] / "examples"
AUDIO = EXAMPLES / "audio"


@pytest.fixture(scope="module")
def example(tmp_path_factory) -> Callable[..., list[str]]:
    """Run an example in an empty folder and return the lines that it prints."""
    model = write_checkpoint(tmp_path_factory.mktemp("models") / "Tiny-Audio-Instruct")
    folder = tmp_path_factory.mktemp("elsewhere")

    def run(name: str, *arguments: object) -> list[str]:
        done = subprocess.run(
            [sys.executable, EXAMPLES / name, "--model", model, *map(str, arguments)],
            capture_output=True,
            encoding="utf-8",
            cwd=folder,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    return run


def test_voice_chat_hears_turns_of_audio_alone_and_in_their_order(example):
    lines = example("voice_chat.py")
    assert lines[::2] == ["you: voicemail.wav", "you: happy.mp3"]
    replies = lines[1::2]
    assert all(re.fullmatch("model: .+", line) for line in replies)
    swapped = example("voice_chat.py", AUDIO / "happy.mp3", AUDIO / "voicemail.wav")[1::2]
    assert len({*replies, *swapped}) == 4


def test_audio_analysis_asks_of_a_clip_and_of_both(example):
    lines = example("audio_analysis.py")
    assert lines[0] == "you: [bell] What's that sound?"
    assert lines[4] == "you: [speech] And what does the person say in this one?"
    tokens = [int(re.search(r"\((\d+) audio tokens\)$", line)[1]) for line in lines[1::2]]
    assert tokens[0] == tokens[1] > 0
    assert tokens[2] == tokens[3] > tokens[0]


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.name)
def test_an_example_is_short_and_uses_public_names_alone(path):
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) < 60
    imported = set(re.findall(r"^from (\S*qwen_audio\S*) import", text, re.MULTILINE))
    assert imported
    front_doors = (
        r"qwen_audio_tools(\.testing.*)?|langchain_qwen_audio|llama_index\.\w+\.qwen_audio"
    )
    assert [name for name in imported if not re.fullmatch(front_doors, name)] == []
