"""A small archive of made episodes whose words and sounds are known, with its index."""

import pytest

from qwen_audio_tools.archive.archive import Archive, made
from qwen_audio_tools.archive.index.lance_index import LanceIndex
from qwen_audio_tools.engines.embedding import open_embedder
from qwen_audio_tools.testing import church_bell, sequence, speech, write
from qwen_audio_tools.testing.made_records import spoken_record


@pytest.fixture
def index(tmp_path) -> LanceIndex:
    return LanceIndex(str(tmp_path / "index"), open_embedder(), tmp_path / "index.lock")


RATES = "The central bank raised interest rates by half a percent this morning."
GARDEN = "Tomatoes need six hours of sun and a lot of water in July."
RING = "And now listen to what happens at noon in the village."


@pytest.fixture(scope="session")
def shelf(tmp_path_factory) -> tuple[Archive, LanceIndex]:
    """Two spoken episodes; in the second a bell rings between two sentences, which no word says."""
    folder = tmp_path_factory.mktemp("shelf")
    archive = made(folder / "archive")
    first, _ = sequence([speech(RATES), speech("Markets fell a little after that.")])
    second, spans = sequence([speech(GARDEN), speech(RING), church_bell(), speech("Lovely.")])
    for title, samples, passages in (
        ("On money", first, [(0.0, len(first) / 16_000, f"{RATES} Markets fell a little.")]),
        (
            "In the village",
            second,
            [
                (0.0, spans[0].end, GARDEN),
                (spans[1].start, len(second) / 16_000, f"{RING} Lovely."),
            ],
        ),
    ):
        path = write(folder / f"{title}.flac", samples)
        archive.ledger.put(spoken_record(title, path, len(samples) / 16_000, passages))
    index = LanceIndex(str(folder / "archive" / "index"), open_embedder(), folder / "lock")
    index.refresh(archive.ledger)
    return archive, index
