"""What is a file, what is the question, and which files a folder or glob means."""

import pytest
from qwa.inputs import EXAMPLE, part, seconds, split

from qwen_audio_tools.errors import ClipMissing
from qwen_audio_tools.sources.naming import expand


@pytest.fixture
def folder(tmp_path, monkeypatch):
    for name in ("a.wav", "b.mp3", "notes.txt", ".hidden.wav", "sub/c.FLAC", "sub/.x/d.wav"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("words", "files", "question"),
    [
        (["a.wav", "what emotion?"], ["a.wav"], "what emotion?"),
        (["a.wav", "b.mp3", "how many speakers"], ["a.wav", "b.mp3"], "how many speakers"),
        (["a.wav", "happy?"], ["a.wav"], "happy?"),
        (["a.wav", "yes/no?"], ["a.wav"], "yes/no?"),
        (["a.wav", "说了什么？"], ["a.wav"], "说了什么？"),
        (["-", "what is said"], ["-"], "what is said"),
        (["*.wav", "what is said"], ["*.wav"], "what is said"),
        (["nosuch.mp3", "what emotion?"], ["nosuch.mp3"], "what emotion?"),
        (["what emotion is this?", "a.wav"], ["a.wav"], "what emotion is this?"),
        (["sub", "what?"], ["sub"], "what?"),
    ],
)
def test_the_question_is_the_argument_that_is_no_file(folder, words, files, question):
    assert split(words, [], task=None) == (files, (question,))


def test_a_missing_file_is_never_taken_for_the_question(folder):
    for name in ("nosuch.mp3", "my talk.m4a", "./nosuch", "/no/such", "http://x.org/a.mp3"):
        files, question = split(["a.wav", name], [], task="transcribe")
        assert (files, question) == (["a.wav", name], ())


def test_a_question_by_name_leaves_all_words_to_files(folder):
    asked = ("what?", "who?")
    assert split(["a.wav", "b"], asked, task=None) == (["a.wav", "b"], asked)


@pytest.mark.parametrize("words", [["a.wav"], ["what emotion?"], ["a.wav", "b.mp3"]])
def test_without_file_or_question_an_example_is_shown(folder, words):
    with pytest.raises(Exception, match=r"no question|no audio file") as caught:
        split(words, [], task=None)
    assert caught.value.example == EXAMPLE


def test_an_empty_question_is_none(folder):
    with pytest.raises(Exception, match="no question"):
        split(["a.wav"], ["  "], task=None)


def test_a_folder_means_its_audio_files_sorted_without_hidden_ones(folder):
    assert expand(["."]) == ["a.wav", "b.mp3", "sub/c.FLAC"]


def test_a_glob_means_its_files_and_each_file_comes_once(folder):
    assert expand(["b.mp3", "*.*3", "[ab].*"]) == ["b.mp3", "a.wav"]
    assert expand(["**/*.FLAC"]) == ["sub/c.FLAC"]


def test_a_file_with_glob_characters_in_its_name_is_that_file(folder):
    (folder / "take[1]?.wav").write_bytes(b"x")
    assert expand(["take[1]?.wav"]) == ["take[1]?.wav"]


def test_a_glob_without_files_stays_as_it_is_to_be_reported(folder):
    assert expand(["*.ogg"]) == ["*.ogg"]


def test_an_empty_name_is_no_folder(folder):
    assert expand([""]) == [""]


def test_a_folder_without_audio_is_an_error(folder):
    (folder / "empty.mp3").mkdir()
    with pytest.raises(ClipMissing, match=r"'empty\.mp3'"):
        expand(["empty.mp3"])


@pytest.mark.parametrize(
    ("text", "value"),
    [("90", 90.0), ("1:30", 90.0), ("0:01:30.5", 90.5), ("0", 0.0), ("2:00:00", 7200.0)],
)
def test_times(text, value):
    assert seconds(text, "--start") == value


@pytest.mark.parametrize("text", ["", "a", "-3", "1:", ":30", "1:2:3:4", "1e3", "nan", "1,5"])
def test_what_is_no_time_is_refused(text):
    with pytest.raises(Exception, match="--start"):
        seconds(text, "--start")


def test_an_end_before_the_start_is_refused():
    with pytest.raises(Exception, match="not after"):
        part("1:00", "59")
