"""The phrases of answers: each said somewhere, and the same in both languages."""

import string
from pathlib import Path

import pytest

from qwen_audio_tools.engines.embedded import answers
from qwen_audio_tools.engines.embedded.answers.phrases import PHRASES, Say

FOLDER = Path(answers.__file__).parent
SOURCES = "".join(
    path.read_text(encoding="utf-8")
    for path in (*FOLDER.glob("*.py"), FOLDER.parent / "cascade.py")
    if path.name != "phrases.py"
)
COMPOSED = {"voice_calm", "voice_even", "voice_active"}  # f"voice_{level}"


def fields(phrase):
    return {name for _, name, _, _ in string.Formatter().parse(phrase) if name}


@pytest.mark.parametrize("key", PHRASES)
def test_both_languages_take_the_same_values(key):
    english, chinese = PHRASES[key]
    assert fields(english) == fields(chinese)


def test_every_phrase_is_said_somewhere():
    assert [key for key in PHRASES if f'"{key}"' not in SOURCES and key not in COMPOSED] == []


def test_a_language_without_phrases_is_answered_in_english():
    assert Say("fr")("silent") == Say("en")("silent")


def test_times_are_those_of_the_recording():
    assert Say("en", offset=60.0).at(1.5, 2.0) == "1:01.5–1:02.0"
