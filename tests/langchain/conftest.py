"""Made recordings, a store of clips, and a tiny Qwen2-Audio for the tests of the integration."""

import base64
from pathlib import Path
from typing import Any

import pytest

from qwen_audio_tools import ClipStore, open_engine
from qwen_audio_tools.testing import doorbell, speech, tone, write
from qwen_audio_tools.testing.made_archives import MadeArchive, made_archive

WORDS = "The budget is two hundred dollars. We meet again on Friday."


@pytest.fixture(scope="session")
def folder(tmp_path_factory) -> Path:
    """A folder with a spoken sentence, a doorbell and a tone."""
    made = tmp_path_factory.mktemp("recordings")
    write(made / "said.wav", speech(WORDS))
    write(made / "bell.wav", doorbell())
    write(made / "tone.flac", tone(seconds=2.0))
    return made


@pytest.fixture(scope="session")
def said(folder) -> Path:
    return folder / "said.wav"


@pytest.fixture(scope="session")
def encoded(said) -> str:
    """The spoken sentence in base64."""
    return base64.b64encode(said.read_bytes()).decode()


@pytest.fixture
def store(tmp_path) -> ClipStore:
    return ClipStore(tmp_path / "clips")


@pytest.fixture(scope="session")
def made(tmp_path_factory) -> MadeArchive:
    """A small archive with known words and sounds."""
    return made_archive(tmp_path_factory.mktemp("made"))


@pytest.fixture(scope="session")
def tiny(tmp_path_factory) -> Any:
    """An engine around a small random Qwen2-Audio, which answers many at once."""
    import torch

    from qwen_audio_tools.testing.made_checkpoints import write_checkpoint

    torch.set_num_threads(1)
    model = write_checkpoint(tmp_path_factory.mktemp("models") / "Tiny-Audio-Instruct")
    return open_engine(f"transformers:{model}", device="cpu")
