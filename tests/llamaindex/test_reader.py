"""QwenAudioReader: recordings of any kind and from anywhere, as Documents with lasting ids."""

import asyncio
import os
from hashlib import sha256

import fsspec
import pytest
from llama_index.core import SimpleDirectoryReader
from llama_index.core.readers.base import ReaderConfig
from llama_index.readers.qwen_audio import QwenAudioReader, audio_file_extractor

from qwen_audio_tools.errors import ClipMissing, ClipRefused, ClipUnreadable
from qwen_audio_tools.sources import agent
from qwen_audio_tools.sources.naming import SUFFIXES
from qwen_audio_tools.testing import church_bell, speech, tone, write, write_video


@pytest.fixture(scope="module")
def reader(embedded) -> QwenAudioReader:
    return QwenAudioReader(engine=embedded)


def test_each_segment_is_a_document_with_its_times(reader, audio):
    first, last = reader.load_data(audio / "market.wav")
    assert "market" in first.text
    assert "bags" in last.text
    assert first.metadata["end"] < last.metadata["start"]
    assert [each.metadata["segment_index"] for each in (first, last)] == [0, 1]
    assert first.metadata["language"] == "en"
    assert first.metadata["audio_uri"] == str(audio / "market.wav")
    assert first.metadata["sha256"] == sha256((audio / "market.wav").read_bytes()).hexdigest()
    assert first.metadata["model"] == reader.opened_engine().info.label


def test_metadata_is_flat_and_only_times_and_speakers_are_shown_to_a_model(embedded, audio):
    (first, _) = QwenAudioReader(engine=embedded, speakers=True).load_data(audio / "market.wav")
    assert all(isinstance(value, str | int | float) for value in first.metadata.values())
    shown = first.get_content(metadata_mode="llm")
    assert "start: " in shown
    assert "speaker: " in shown
    assert "sha256" not in shown
    assert "audio_uri" not in shown
    assert first.get_content(metadata_mode="embed") == first.text


def test_a_window_tells_sounds_and_a_file_is_one_document(embedded, audio):
    (window,) = QwenAudioReader(engine=embedded, grain="window").load_data(audio / "market.wav")
    assert "bell" in window.metadata["sounds"]
    assert "Sounds: " in window.text
    (whole,) = QwenAudioReader(engine=embedded, grain="file").load_data(audio / "market.wav")
    assert "market" in whole.text
    assert "bags" in whole.text
    assert ":" not in whole.id_


def test_ids_and_hashes_are_the_same_at_every_run_and_differ_by_place(reader, audio, tmp_path):
    again = [(doc.id_, doc.hash) for doc in reader.load_data(audio / "market.wav")]
    assert [(doc.id_, doc.hash) for doc in reader.load_data(audio / "market.wav")] == again
    (tmp_path / "market.wav").write_bytes((audio / "market.wav").read_bytes())
    elsewhere = reader.load_data(tmp_path / "market.wav")
    assert not {doc.id_ for doc in elsewhere} & {id for id, _ in again}


def test_documents_come_while_the_rest_is_still_unheard(writer, tmp_path):
    engine = writer("one", "two", "three", window=10.0)
    path = write(tmp_path / "long.wav", tone(seconds=28.0))
    found = iter(QwenAudioReader(engine=engine).lazy_load_data(path))
    assert next(found).text == "one"
    assert len(engine.heard) < 3
    found.close()


def test_a_recording_without_speech_does_not_vanish(reader, tmp_path):
    path = write(tmp_path / "bell.wav", church_bell())
    (document,) = reader.load_data(path)
    assert document.text == f"In the recording {path} nobody speaks."
    assert document.metadata["end"] > 1


def test_a_recording_that_nobody_listened_to_says_where_it_is(audio):
    unopened = QwenAudioReader(engine="no-such-engine", listen=False)
    (document,) = unopened.load_data(audio / "market.wav")
    assert document.metadata["sha256"] in document.text
    assert "start" not in document.metadata


def test_a_folder_is_read_with_every_kind_of_file(reader, tmp_path):
    for name in ("a.wav", "b.mp3", "c.flac", "d.m4a", "e.ogg", "f.opus", "g.webm", "h.mkv"):
        write(tmp_path / name, speech("Good morning."))
    write_video(tmp_path / "i.mp4", speech("Good morning."))
    (tmp_path / "notes.txt").write_text("plain text stays plain text")
    documents = SimpleDirectoryReader(
        tmp_path, file_extractor=audio_file_extractor(reader), raise_on_error=True
    ).load_data()
    assert len(documents) == 10
    spoken = [doc for doc in documents if "audio_uri" in doc.metadata]
    assert [doc.metadata["file_name"][0] for doc in spoken] == list("abcdefghi")
    assert all("morning" in doc.text.lower() for doc in spoken)


def test_the_extractor_has_every_ending_that_the_command_line_knows():
    assert set(audio_file_extractor()) == SUFFIXES


def test_dates_of_a_file_do_not_change_its_documents(reader, tmp_path):
    path = write(tmp_path / "said.wav", speech("Good morning."))

    def read():
        files = SimpleDirectoryReader(tmp_path, file_extractor=audio_file_extractor(reader))
        return [(doc.id_, doc.hash) for doc in files.load_data()]

    before = read()
    os.utime(path, (1, 1))
    assert read() == before
    write(path, speech("Good evening."))
    assert [id for id, _ in read()] == [id for id, _ in before]
    assert read() != before


def test_files_are_read_in_processes_of_their_own(tmp_path):
    for name in ("a.wav", "b.wav"):
        write(tmp_path / name, tone(seconds=1.0))
    extractor = audio_file_extractor(QwenAudioReader(engine="embedded", listen=False))
    files = SimpleDirectoryReader(tmp_path, file_extractor=extractor)
    assert len(files.load_data(num_workers=2)) == 2


def test_files_are_read_from_another_filesystem(reader, audio):
    memory = fsspec.filesystem("memory")
    memory.pipe("/shows/market.wav", (audio / "market.wav").read_bytes())
    files = SimpleDirectoryReader(
        "/shows", fs=memory, file_extractor=audio_file_extractor(reader), raise_on_error=True
    )
    documents = files.load_data()
    assert [doc.metadata["audio_uri"] for doc in documents] == ["memory:///shows/market.wav"] * 2
    assert "bags" in documents[1].text
    memory.rm("/shows", recursive=True)
    with pytest.raises(ClipMissing, match="market"):
        reader.load_data("/shows/market.wav", fs=memory)


def test_files_are_read_over_http_through_fsspec(reader, web):
    documents = reader.load_data(f"{web}/market.wav", fs=fsspec.filesystem("http"))
    assert documents[0].metadata["audio_uri"] == f"{web}/market.wav"
    assert "market" in documents[0].text


def test_resources_are_listed_told_and_loaded_one_by_one(embedded, audio):
    reader = QwenAudioReader(engine=embedded, sources=(str(audio),))
    names = reader.list_resources()
    assert [name.rpartition("/")[2] for name in names] == ["bell.wav", "market.wav", "said.wav"]
    info = reader.get_resource_info(names[2])
    assert info["container"] == "wav"
    assert info["seconds"] > 1
    assert "budget" in reader.load_resource(names[2])[0].text.lower()
    found = asyncio.run(reader.aload_resource(names[1]))
    assert len(found) == 2


def test_a_pipeline_can_hold_the_reader_with_its_arguments(reader, audio):
    config = ReaderConfig(reader=reader, reader_args=[str(audio / "said.wav")])
    assert "budget" in config.read()[0].text.lower()


def test_what_cannot_be_read_is_an_error(reader, audio, tmp_path):
    (tmp_path / "text.wav").write_text("this is no music\n" * 99)
    (tmp_path / "empty.wav").write_bytes(b"")
    write_video(tmp_path / "silent.mp4", None)
    for name, error in (
        ("gone.wav", ClipMissing),
        ("empty.wav", ClipMissing),
        ("silent.mp4", ClipMissing),
        ("text.wav", ClipUnreadable),
    ):
        for listening in (reader, QwenAudioReader(engine="embedded", listen=False)):
            with pytest.raises(error, match=name.partition(".")[0]):
                listening.load_data(tmp_path / name)
    confined = QwenAudioReader(engine="embedded", policy=agent([tmp_path]))
    with pytest.raises(ClipRefused):
        confined.load_data(audio / "said.wav")
