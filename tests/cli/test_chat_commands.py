"""What a line of a chat asks for."""

from pathlib import Path

import pytest
from qwa.chatting import commands
from qwa.chatting.terminal import completions
from qwa.inputs import Part

from qwen_audio_tools.errors import QwenAudioError, SettingsError


@pytest.mark.parametrize(
    ("line", "name", "rest"),
    [
        ("what is it?", "", "what is it?"),
        ("  ", "", ""),
        ("/audio  a b.mp3 ", "/audio", "a b.mp3"),
        ("/help", "/help", ""),
        ("//audio", "", "/audio"),
        ("and/or", "", "and/or"),
        ("first\n/quit", "", "first\n/quit"),
    ],
)
def test_a_line_is_a_turn_or_a_command(line, name, rest):
    assert commands.read(line) == commands.Command(name, rest)


def test_an_unknown_command_is_never_sent_to_the_model():
    for line in ("/", "/rec 5", "/audio.mp3", "/ audio"):
        with pytest.raises(SettingsError, match="no command is called") as caught:
            commands.read(line)
        assert "/help" in caught.value.hint


@pytest.mark.parametrize(
    ("words", "source", "part"),
    [
        ("clip.mp3", "clip.mp3", Part()),
        ("my clip.mp3", "my clip.mp3", Part()),
        ("clip.mp3 0:10-0:20.5", "clip.mp3", Part(start=10.0, end=20.5)),
        ("my clip.mp3 90-", "my clip.mp3", Part(start=90.0)),
        ("clip.mp3 -1:00:00", "clip.mp3", Part(end=3600.0)),
        ('"my clip.mp3" 1-2', "my clip.mp3", Part(start=1.0, end=2.0)),
        ("'1-2'", "1-2", Part()),
        ("1-2", "1-2", Part()),
        ("it's.mp3", "it's.mp3", Part()),
        ("https://example.org/a.mp3 5-6", "https://example.org/a.mp3", Part(start=5.0, end=6.0)),
    ],
)
def test_a_file_is_told_from_its_span(words, source, part):
    assert commands.source_and_part(words) == (source, part)


def test_a_file_whose_name_ends_like_a_span_is_that_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("take 1-2").touch()
    assert commands.source_and_part("take 1-2") == ("take 1-2", Part())
    assert commands.source_and_part("take 1-2 3-4") == ("take 1-2", Part(start=3.0, end=4.0))


def test_a_file_dropped_on_a_terminal_is_found(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("my (new) clip.mp3").touch()
    assert commands.source_and_part(r"my\ \(new\)\ clip.mp3") == ("my (new) clip.mp3", Part())


@pytest.mark.parametrize("words", ["", "-", "'' 1-2", "clip.mp3 20-10", "clip.mp3 5-5"])
def test_audio_that_can_not_be_is_refused(words):
    with pytest.raises(SettingsError) as caught:
        commands.source_and_part(words)
    assert caught.value.hint.startswith("/audio clip.mp3")


@pytest.mark.parametrize(("words", "seconds"), [("", None), ("5", 5.0), ("1:30", 90.0)])
def test_a_recording_has_a_length_or_an_end(words, seconds):
    assert commands.duration(words) == seconds


@pytest.mark.parametrize("words", ["0", "soon", "-5", "1e9", "5 seconds"])
def test_a_recording_of_no_length_is_refused(words):
    with pytest.raises(QwenAudioError, match="nothing is recorded"):
        commands.duration(words)


def test_the_help_names_every_command():
    assert [line.partition(" ")[0] for line, _ in commands.help_lines()] == list(commands.COMMANDS)


def test_commands_and_files_are_completed(tmp_path):
    (tmp_path / "my clip.mp3").touch()
    (tmp_path / "my folder").mkdir()
    assert completions("/re") == ["/record ", "/reset "]
    assert completions(f"/audio {tmp_path}/my c") == [f"/audio {tmp_path}/my clip.mp3"]
    assert completions(f"/audio {tmp_path}/my f") == [f"/audio {tmp_path}/my folder/"]
    assert completions("") == completions("what") == completions("/help x") == []
