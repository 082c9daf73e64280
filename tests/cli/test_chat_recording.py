"""A microphone that is there, one that is not, and one that was never installed.

`sounddevice` needs a sound card: a module with its names stands in for it, as large as we use it.
"""

import sys
import threading
import time
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from qwa.chatting.recording import record

from qwen_audio_tools.errors import ClipUnreadable, MissingExtra

RATE = 44_100


class PortAudioError(Exception):
    pass


class InputStream:
    """Calls back from a thread of its own with 10 ms of a tone, as PortAudio does."""

    def __init__(self, *, samplerate: int, channels: int, dtype: str, callback: Any) -> None:
        assert (channels, dtype) == (1, "float32")
        self._callback, self._size = callback, samplerate // 100
        self._open = threading.Event()

    def __enter__(self) -> "InputStream":
        self._open.set()
        self._thread = threading.Thread(target=self._play)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._open.clear()
        self._thread.join()

    def _play(self) -> None:
        buffer = np.empty((self._size, 1), np.float32)
        number = 0
        while self._open.is_set():
            buffer[:, 0] = number  # PortAudio, too, writes every block into the same memory
            number += 1
            self._callback(buffer, self._size, None, None)
            time.sleep(0.001)


@pytest.fixture
def sounddevice(monkeypatch) -> ModuleType:
    module: Any = ModuleType("sounddevice")
    module.PortAudioError = PortAudioError
    module.InputStream = InputStream
    module.query_devices = lambda kind: {"name": "made", "default_samplerate": float(RATE)}
    monkeypatch.setitem(sys.modules, "sounddevice", module)
    return module


def never() -> bool:
    return False


def no_progress(what: str, done: float, total: float) -> None:
    assert what == "recording"
    assert done <= total


def test_a_recording_lasts_as_long_as_asked(sounddevice):
    clip = record(0.5, never, no_progress)
    assert clip.duration == pytest.approx(0.5)
    samples, rate = clip.source
    assert rate == RATE  # the microphone's own
    assert samples[::441].tolist() == list(range(50))  # each block once, in order
    assert clip.name == "recording of 0.5 s"


def test_a_recording_ends_when_it_is_stopped(sounddevice):
    ends = time.monotonic() + 0.3
    clip = record(None, lambda: time.monotonic() > ends, no_progress)
    assert 0.1 < clip.duration < 60.0


def test_a_machine_without_a_microphone_is_an_error(sounddevice, monkeypatch):
    def query_devices(kind: str) -> None:
        raise PortAudioError("Error querying device -1")

    monkeypatch.setattr(sounddevice, "query_devices", query_devices)
    with pytest.raises(ClipUnreadable, match="querying device -1"):
        record(1.0, never, no_progress)


def test_without_sounddevice_the_error_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "sounddevice", None)  # import raises ImportError
    with pytest.raises(MissingExtra) as caught:
        record(1.0, never, no_progress)
    assert caught.value.hint == "pip install 'qwen-audio-tools[record]'"


def test_without_portaudio_the_error_says_how_to_install_it(monkeypatch, tmp_path):
    (tmp_path / "sounddevice.py").write_text("raise OSError('PortAudio library not found')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "sounddevice", raising=False)
    with pytest.raises(MissingExtra) as caught:
        record(1.0, never, no_progress)
    assert "libportaudio2" in caught.value.hint
