"""A chat that was saved is the same chat, and a file that is none is refused."""

import json

import numpy as np
import pytest
from qwa.chatting.growing import Chat
from qwa.chatting.saved_chats import load, save
from qwa.exits import OutputFailed

from qwen_audio_tools.clip import Clip
from qwen_audio_tools.conversation import user
from qwen_audio_tools.errors import ClipMissing, SettingsError
from qwen_audio_tools.testing import tone, write


@pytest.fixture
def chat(tmp_path) -> Chat:
    sound = str(write(tmp_path / "tone.wav", tone(440.0, 2.0)))
    kept = Chat(system="be brief")
    kept.keep(user(Clip(sound, 0.5, 1.5), 'what is "it"?\n声音'), "a <|im_end|> tone")
    kept.waiting.append(Clip(sound))
    return kept


def test_a_saved_chat_is_the_same_when_loaded(chat, tmp_path):
    save(chat, tmp_path / "chat.json", "made:model")
    assert load(tmp_path / "chat.json") == chat
    assert json.loads((tmp_path / "chat.json").read_text("utf-8"))["engine"] == "made:model"


def test_a_recording_is_kept_with_the_chat_and_found_again(tmp_path, monkeypatch):
    monkeypatch.setenv("QWA_DATA", str(tmp_path / "data"))
    recording = Clip((tone(440.0, 1.0), 16_000), title="recording of 1.0 s")
    kept = Chat()
    kept.keep(user(recording), "a tone")
    save(kept, tmp_path / "chat.json", "made")
    loaded = load(tmp_path / "chat.json")
    [clip] = loaded.turns[0].clips
    assert clip.name == recording.name
    np.testing.assert_allclose(clip.samples(), recording.samples(), atol=1e-4)
    save(loaded, tmp_path / "again.json", "made")
    assert (tmp_path / "again.json").read_text() == (tmp_path / "chat.json").read_text()


def test_a_chat_may_be_saved_over_itself_but_over_nothing_else(chat, tmp_path):
    save(chat, tmp_path / "chat.json", "made")
    chat.reset()
    save(chat, tmp_path / "chat.json", "made")
    assert load(tmp_path / "chat.json").turns == []
    with pytest.raises(SettingsError, match="no saved chat"):
        save(chat, tmp_path / "tone.wav", "made")
    assert (tmp_path / "tone.wav").read_bytes().startswith(b"RIFF")


def test_a_chat_that_can_not_be_written_says_so(chat, tmp_path):
    with pytest.raises(OutputFailed, match=r"no folder/chat\.json"):
        save(chat, tmp_path / "no folder" / "chat.json", "made")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"format": "qwa chat", "version": 2}',
        '{"format": "qwa chat", "version": 1}',
        '{"format": "qwa chat", "version": 1, "system": "", "turns": [1], "waiting": []}',
        '{"format": "qwa chat", "version": 1, "system": "", "waiting": [], '
        '"turns": [{"role": "root", "parts": [{"text": "x"}]}]}',
        '{"format": "qwa chat", "version": 1, "system": "", "turns": [], "waiting": [{}]}',
    ],
)
def test_a_file_that_is_no_chat_is_refused(tmp_path, text):
    (tmp_path / "chat.json").write_text(text)
    with pytest.raises(SettingsError, match=r"chat\.json"):
        load(tmp_path / "chat.json")


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(SettingsError, match="there is no file"):
        load(tmp_path / "chat.json")


def test_a_chat_about_a_file_that_is_gone_says_which(chat, tmp_path):
    save(chat, tmp_path / "chat.json", "made")
    (tmp_path / "tone.wav").unlink()
    with pytest.raises(ClipMissing, match=r"tone\.wav"):
        load(tmp_path / "chat.json")
