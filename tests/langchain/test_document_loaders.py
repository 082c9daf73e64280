"""Recordings become Documents one by one, with flat metadata; what can't be loaded is told."""

import asyncio
import hashlib
import threading
import tracemalloc
import warnings
from uuid import UUID

import pytest
from langchain_core.document_loaders import BlobLoader
from langchain_core.documents.base import Blob
from langchain_core.indexing import InMemoryRecordManager, index
from langchain_core.vectorstores import InMemoryVectorStore

from langchain_qwen_audio import (
    AudioNotLoaded,
    QwenAudioBlobParser,
    QwenAudioLoader,
    SentenceEmbeddings,
)
from qwen_audio_tools.errors import ClipError, ClipMissing, ClipRefused, ClipUnsupported
from qwen_audio_tools.sources import agent
from qwen_audio_tools.tasks import Ability
from qwen_audio_tools.testing import sequence, silence, smoke_alarm, speech, tone, write
from qwen_audio_tools.testing.scripted_engine import ScriptedEngine


def scripted(count: int = 100) -> ScriptedEngine:
    """An engine that tells no times, as Qwen2-Audio doesn't."""
    words = [f"words {number}" for number in range(count)]
    return ScriptedEngine(words, abilities=frozenset(Ability) - {Ability.TIMES})


def long_tone(path, seconds: float):
    return write(path, tone(seconds=seconds))


def test_segments_of_speech_have_words_and_places(said):
    documents = QwenAudioLoader(said, engine="embedded").load()
    text = " ".join(document.page_content for document in documents)
    assert "budget" in text
    assert "Friday" in text
    first = documents[0].metadata
    assert first["source"] == str(said)
    assert first["sha256"] == hashlib.sha256(said.read_bytes()).hexdigest()
    assert (first["chunk"], first["language"], first["mode"]) == (0, "en", "segment")
    assert first["model"] == "embedded:whisper-base+yamnet"
    assert 0 <= first["start"] < first["end"] < 8
    assert first["duration"] == pytest.approx(first["end"] - first["start"], abs=0.001)
    for document in documents:
        assert all(isinstance(v, str | int | float | bool) for v in document.metadata.values())
        assert UUID(document.id)


def test_windows_tell_of_sounds_and_emotion_too(tmp_path):
    samples, _ = sequence([smoke_alarm(), silence(1.0), speech("I am so happy that you came!")])
    (document,) = QwenAudioLoader(
        write(tmp_path / "visit.wav", samples), engine="embedded", mode="window"
    ).load()
    assert "happy" in document.page_content
    assert "Sounds: " in document.page_content
    assert "alarm" in document.metadata["sounds"].lower()
    assert document.metadata["emotion"]


def test_a_file_is_one_document(said):
    (document,) = QwenAudioLoader(said, engine="embedded", mode="file").load()
    assert "budget" in document.page_content
    assert "Friday" in document.page_content
    assert document.metadata["start"] == 0.0


def test_speakers_are_named_where_the_engine_can(tmp_path):
    voices = [speech("Good morning, how are you today?", voice="en-us+f3")]
    voices.append(speech("I am very well, thank you for asking.", voice="en-gb+m7", pitch=20))
    samples, _ = sequence([voices[0], silence(0.6), voices[1]])
    path = write(tmp_path / "two.wav", samples)
    documents = QwenAudioLoader(path, engine="embedded", speakers=True).load()
    assert all(document.metadata["speaker"] for document in documents)


def test_a_document_is_there_as_soon_as_it_was_heard(tmp_path):
    engine = scripted()
    loader = QwenAudioLoader(long_tone(tmp_path / "tone.wav", 90.0), engine=engine, mode="window")
    documents = loader.lazy_load()
    first = next(documents)
    heard = len(engine.heard)
    assert first.metadata["start"] == 0.0
    assert heard < 4  # three questions to the first window, at most
    assert next(documents).metadata["start"] == first.metadata["end"]
    assert len(engine.heard) > heard
    documents.close()


def test_a_long_recording_takes_no_more_memory_than_a_short_one(tmp_path):
    peaks = []
    for seconds in (60.0, 600.0):
        path = long_tone(tmp_path / f"{seconds:.0f}.flac", seconds)
        tracemalloc.start()
        count = sum(1 for _ in QwenAudioLoader(path, engine=scripted(200)).lazy_load())
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert count >= seconds / 30
    assert peaks[1] < 1.5 * peaks[0] + 1_000_000


def test_files_folders_globs_and_blobs_are_loaded(folder, said):
    class Two(BlobLoader):
        def yield_blobs(self):
            yield Blob.from_path(said)
            yield Blob.from_data(said.read_bytes(), metadata={"source": "said", "show": "News"})

    def sources(given) -> list[str]:
        found = QwenAudioLoader(given, engine="embedded", mode="file").load()
        return [document.metadata["source"].rpartition("/")[2] for document in found]

    assert sources(folder) == ["bell.wav", "said.wav", "tone.flac"]
    assert sources(f"{folder}/*.wav") == ["bell.wav", "said.wav"]
    assert sources([said, folder / "bell.wav"]) == ["said.wav", "bell.wav"]
    assert sources(Two()) == ["said.wav", "said"]
    blob = Blob.from_data(
        said.read_bytes(), metadata={"show": "News", "tags": ["a"], "source": "x"}
    )
    (document,) = QwenAudioLoader(blob, engine="embedded", mode="file").load()
    assert (document.metadata["show"], document.metadata["source"]) == ("News", "x")
    assert "tags" not in document.metadata


def test_a_parser_serves_other_loaders(said):
    parser = QwenAudioBlobParser(engine="embedded", mode="file")
    (document,) = parser.lazy_parse(Blob.from_path(said))
    assert document.metadata["source"] == str(said)
    (same,) = QwenAudioLoader(said, parser=parser).load()
    assert same.id == document.id
    with pytest.raises(TypeError, match="mode"):
        QwenAudioLoader(said, parser=parser, mode="file")


@pytest.mark.parametrize(
    ("blob", "error"),
    [
        (Blob.from_data("these are words"), ClipUnsupported),
        (Blob.from_data(b"this is no audio" * 9), ClipError),
        (Blob.from_path("/nowhere/at/all.wav"), ClipMissing),
    ],
)
def test_a_blob_without_audio_is_an_error(blob, error):
    with pytest.raises(error):
        list(QwenAudioBlobParser(engine=scripted()).lazy_parse(blob))


@pytest.fixture
def damaged(tmp_path, said):
    """A folder with a good recording between two bad ones."""
    (tmp_path / "a.wav").write_bytes(b"this is a text file")
    (tmp_path / "b.wav").write_bytes(said.read_bytes())
    (tmp_path / "c.mp3").write_bytes(b"")
    return tmp_path


def test_the_first_failure_is_raised(damaged):
    with pytest.raises(ClipError, match=r"a\.wav"):
        QwenAudioLoader(damaged, engine=scripted()).load()


def test_or_each_is_reported_and_the_rest_loaded(damaged):
    told = []
    loader = QwenAudioLoader(
        damaged,
        engine=scripted(),
        on_error="report",
        on_failure=lambda name, error: told.append((name, error)),
    )
    with pytest.warns(AudioNotLoaded) as warned:
        documents = loader.load()
    assert {document.metadata["source"] for document in documents} == {str(damaged / "b.wav")}
    assert [name for name, _ in loader.errors] == [str(damaged / "a.wav"), str(damaged / "c.mp3")]
    assert told == loader.errors
    assert len(warned) == 2
    assert "a.wav was not loaded: " in str(warned[0].message)


def test_a_source_that_is_not_there_is_reported_too(tmp_path, said):
    loader = QwenAudioLoader([tmp_path / "no.wav", said], engine=scripted(), on_error="report")
    with pytest.warns(AudioNotLoaded, match=r"no\.wav"):
        assert len(loader.load()) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        empty = QwenAudioLoader(tmp_path, engine=scripted(), on_error="report")
        assert empty.load() == []
    assert isinstance(empty.errors[0][1], ClipMissing)


def test_a_policy_confines_what_is_loaded(said, tmp_path):
    loader = QwenAudioLoader(said, engine=scripted(), policy=agent([tmp_path]))
    with pytest.raises(ClipRefused):
        loader.load()


async def test_in_asyncio_it_is_the_same(said):
    loader = QwenAudioLoader(said, engine="embedded")
    assert [document async for document in loader.alazy_load()] == loader.load()
    assert await loader.aload() == loader.load()
    parser = QwenAudioBlobParser(engine="embedded")
    blob = Blob(path=str(said), metadata={"source": str(said)})
    assert [document async for document in parser.alazy_parse(blob)] == loader.load()


async def test_leaving_an_async_load_stops_the_engine(tmp_path):
    reached, stopped = threading.Event(), threading.Event()

    class Endless(ScriptedEngine):
        """Never ends with its fourth window."""

        def reply(self, conversation, options):
            yield from super().reply(conversation, options)
            try:
                while len(self.heard) == 4:
                    reached.set()
                    options.progress("listening", 0.0, 1.0)
            finally:
                if reached.is_set():
                    stopped.set()

    engine = Endless(["x"] * 99, abilities=frozenset(Ability) - {Ability.TIMES})
    path = long_tone(tmp_path / "tone.wav", 200.0)
    stream = QwenAudioLoader(path, engine=engine).alazy_load()
    async for _ in stream:
        break
    assert await asyncio.to_thread(reached.wait, 60)
    await stream.aclose()
    assert await asyncio.to_thread(stopped.wait, 60)


def test_ids_stay_the_same_so_that_an_index_is_brought_up_to_date(said, tmp_path):
    path = tmp_path / "talk.wav"
    path.write_bytes(said.read_bytes())
    store = InMemoryVectorStore(SentenceEmbeddings())
    records = InMemoryRecordManager("talks")
    records.create_schema()

    def update() -> dict[str, int]:
        documents = QwenAudioLoader(path, engine="embedded").load()
        return index(
            documents, records, store, cleanup="full", source_id_key="source", key_encoder="sha256"
        )

    count = update()["num_added"]
    assert count > 0
    assert update() == {"num_added": 0, "num_updated": 0, "num_skipped": count, "num_deleted": 0}
    write(path, speech("The plan has changed."))
    changed = update()
    assert changed["num_added"] > 0
    assert changed["num_deleted"] == count


def test_an_unknown_mode_or_policy_is_refused(said):
    with pytest.raises(ValueError, match="sentence"):
        QwenAudioLoader(said, engine=scripted(), mode="sentence")
    with pytest.raises(ValueError, match="ignore"):
        QwenAudioLoader(said, engine=scripted(), on_error="ignore")
