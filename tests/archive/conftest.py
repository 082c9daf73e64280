"""A web server on this machine that plays podcasts, good and bad, and archives to fill from it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from qwen_audio_tools.archive import archive as archives
from qwen_audio_tools.archive.archive import Archive
from qwen_audio_tools.archive.fetching import Fetcher, policy_for
from qwen_audio_tools.testing import silence, speech, tone, write
from qwen_audio_tools.testing.made_podcasts import Podcasts, serving


@pytest.fixture
def podcasts() -> Iterator[Podcasts]:
    with serving() as pages:
        yield pages


@pytest.fixture(scope="session")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], bytes]:
    """Return a function that gives an mp3 of a second or two, another one for each number."""
    folder = tmp_path_factory.mktemp("sounds")
    made: dict[int, bytes] = {}

    def sound(number: int = 1) -> bytes:
        if number not in made:
            samples = tone(200.0 + 20.0 * number, 1.0 + 0.05 * (number % 20))
            path = write(folder / f"{number}.mp3", samples)
            made[number] = path.read_bytes()
        return made[number]

    return sound


@pytest.fixture(scope="session")
def spoken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recording of half a minute: two voices by turns, and words that are known."""
    parts = [silence(1.0)]
    for voice, text in (
        ("en-us", "Good morning. The ferry to the island was cancelled because of the storm."),
        ("en-us+f3", "People say that the next boat leaves at noon on Thursday."),
        ("en-us", "In other news, the price of fish has doubled since January."),
        ("en-us+f3", "The new bridge over the river will open in the spring."),
        ("en-us", "It has four lanes, and it cost nine million dollars."),
        ("en-us+f3", "My grandmother remembers when there was no bridge at all."),
        ("en-us", "Thank you for listening, and good night."),
    ):
        parts += [speech(text, voice=voice), silence(1.2)]
    path = tmp_path_factory.mktemp("spoken") / "harbour.mp3"
    return write(path, np.concatenate(parts))


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return archives.made(tmp_path / "archive")


@pytest.fixture
def fetcher() -> Fetcher:
    """Fetches from this machine too, as with --allow-private."""
    return Fetcher(policy_for(allow_private=True), backoff=0.0)
