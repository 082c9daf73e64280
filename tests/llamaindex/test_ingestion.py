"""Pipelines over recordings: only what has changed is listened to, and nothing gets lost."""

import asyncio
from collections import Counter

import pytest
from llama_index.core import Document, SimpleDirectoryReader
from llama_index.core.ingestion import DocstoreStrategy, IngestionPipeline
from llama_index.core.schema import MediaResource
from llama_index.core.storage.docstore import SimpleDocumentStore
from llama_index.core.vector_stores import SimpleVectorStore
from llama_index.embeddings.qwen_audio import SentenceEncoderEmbedding
from llama_index.node_parser.qwen_audio import SegmentNodeParser
from llama_index.readers.qwen_audio import QwenAudioReader, audio_file_extractor

from qwen_audio_tools.conversation import clips
from qwen_audio_tools.errors import ClipMissing, EngineRefused
from qwen_audio_tools.testing import speech, tone, write

THINGS = (
    *("tea", "bread", "apples", "butter", "salt", "sugar", "honey", "rice", "beans", "fish"),
    *("milk", "cheese", "pepper", "onions", "carrots", "lemons", "grapes", "plums", "nuts", "eggs"),
)


class Counting:
    """An engine that counts how often it listened to each file."""

    def __init__(self, engine):
        self.engine, self.info = engine, engine.info
        self.listened = Counter()

    def reply(self, conversation, options):
        self.listened.update(clip.name.rpartition("/")[2] for clip in clips(conversation))
        return self.engine.reply(conversation, options)


@pytest.fixture
def folder(tmp_path):
    for number, thing in enumerate(THINGS):
        write(tmp_path / f"{number:02}.wav", speech(f"Today we sell {thing}."))
    return tmp_path


def documents(folder) -> list[Document]:
    reader = QwenAudioReader(listen=False)
    return SimpleDirectoryReader(
        folder, file_extractor=audio_file_extractor(reader), raise_on_error=True
    ).load_data()


def pipeline(engine, strategy=DocstoreStrategy.UPSERTS) -> IngestionPipeline:
    return IngestionPipeline(
        transformations=[SegmentNodeParser(engine=engine), SentenceEncoderEmbedding()],
        docstore=SimpleDocumentStore(),
        vector_store=SimpleVectorStore(),
        docstore_strategy=strategy,
    )


def stored(pipe) -> dict[str, tuple[str, tuple[float, ...]]]:
    """Return for each node in the vector store its Document and its vector."""
    data = pipe.vector_store.data
    return {
        id: (data.text_id_to_ref_doc_id[id], tuple(vector))
        for id, vector in data.embedding_dict.items()
    }


def test_of_twenty_recordings_exactly_those_that_changed_are_ingested_again(folder, embedded):
    engine = Counting(embedded)
    pipe = pipeline(engine)
    nodes = pipe.run(documents=documents(folder))
    first = stored(pipe)
    assert len({ref for ref, _ in first.values()}) == len(nodes) == 20
    assert sum(thing in node.text.lower() for thing, node in zip(THINGS, nodes, strict=True)) > 15
    assert set(engine.listened.values()) == {1}

    assert pipe.run(documents=documents(folder)) == []  # nothing has changed
    assert stored(pipe) == first

    write(folder / "03.wav", speech("We are closed until Monday."))
    engine.listened.clear()
    (changed,) = pipe.run(documents=documents(folder))
    assert "closed" in changed.text.lower()
    assert engine.listened == {"03.wav": 1}
    second = stored(pipe)
    assert {id for id in first if second[id] != first[id]} == {changed.node_id}

    (folder / "07.wav").unlink()
    engine.listened.clear()
    pipe.docstore_strategy = DocstoreStrategy.UPSERTS_AND_DELETE
    assert pipe.run(documents=documents(folder)) == []
    third = stored(pipe)
    assert not engine.listened
    (gone,) = set(second) - set(third)
    assert third == {id: value for id, value in second.items() if id != gone}


def test_two_recordings_never_share_an_entry_of_the_cache(writer, tmp_path):
    engine = writer("the first episode", "the second episode")
    pipe = IngestionPipeline(transformations=[SegmentNodeParser(engine=engine)])
    for number, hertz in enumerate((220, 440)):
        write(tmp_path / f"{number}.wav", tone(hertz, seconds=1.0))
    reader = QwenAudioReader(listen=False)
    first, second, again = (
        pipe.run(documents=reader.load_data(tmp_path / name))
        for name in ("0.wav", "1.wav", "0.wav")
    )
    assert (first[0].text, second[0].text) == ("the first episode", "the second episode")
    assert again[0].text == first[0].text  # from the cache: the script has no third reply
    assert [node.node_id for node in again] == [node.node_id for node in first]


def test_a_document_of_audio_alone_is_refused_before_it_gets_into_the_cache(writer, audio):
    pipe = IngestionPipeline(transformations=[SegmentNodeParser(engine=writer("x"))])
    alone = Document(audio_resource=MediaResource(path=audio / "bell.wav"))
    uri_alone = Document(metadata={"audio_uri": str(audio / "bell.wav")})
    for document in (alone, uri_alone):
        with pytest.raises(ClipMissing, match="every other one without text"):
            pipe.run(documents=[document])
    assert pipe.cache.cache.get_all(collection=pipe.cache.collection) == {}


def test_a_recording_that_failed_once_is_ingested_at_the_next_run(writer, tmp_path):
    write(tmp_path / "episode.wav", tone(seconds=1.0))
    engine = writer(EngineRefused("out of order"), "all is well")
    pipe = pipeline(engine)
    with pytest.raises(EngineRefused, match="out of order"):
        pipe.run(documents=documents(tmp_path))
    assert stored(pipe) == {}
    (node,) = pipe.run(documents=documents(tmp_path))
    assert node.text == "all is well"
    assert list(stored(pipe)) == [node.node_id]


def test_nodes_are_slim_and_keep_what_their_owner_added(embedded, audio):
    reader = QwenAudioReader(listen=False)
    extra = {"show": "Market Talk", "file_path": "/x", "last_modified_date": "2026-01-01"}
    (document,) = reader.load_data(audio / "market.wav", extra_info=extra)
    nodes = SegmentNodeParser(engine=embedded).get_nodes_from_documents([document])
    assert [node.node_id for node in nodes] == [f"{document.id_}:0", f"{document.id_}:1"]
    assert {node.ref_doc_id for node in nodes} == {document.id_}
    assert nodes[0].metadata["show"] == "Market Talk"
    assert not {"file_path", "last_modified_date"} & set(nodes[0].metadata)
    assert all(len(node.model_dump_json()) < 1200 for node in nodes)


def test_segments_that_were_read_already_become_their_nodes(embedded, audio):
    read = QwenAudioReader(engine=embedded).load_data(audio / "market.wav")
    parser = SegmentNodeParser(engine="no-such-engine")
    nodes = parser.get_nodes_from_documents(read)
    assert [node.text for node in nodes] == [document.text for document in read]
    assert [node.metadata["start"] for node in nodes] == [d.metadata["start"] for d in read]


def test_a_parser_in_asyncio_gives_the_same_nodes(embedded, audio):
    read = QwenAudioReader(listen=False).load_data(audio / "market.wav")
    parser = SegmentNodeParser(engine=embedded)
    found = asyncio.run(parser.aget_nodes_from_documents(read))
    assert found == parser.get_nodes_from_documents(read)


def test_ids_can_be_ones_own(embedded, audio):
    read = QwenAudioReader(listen=False).load_data(audio / "market.wav")
    parser = SegmentNodeParser(engine=embedded, id_func=lambda i, doc: f"mine-{i}")
    found = parser.get_nodes_from_documents(read)
    assert [node.node_id for node in found] == ["mine-0", "mine-1"]


def test_vectors_are_near_where_meanings_are():
    embedding = SentenceEncoderEmbedding()
    cat, kitten, tax = embedding.get_text_embedding_batch(
        ["The cat sleeps.", "A kitten is asleep.", "The tax is due in May."]
    )
    query = asyncio.run(embedding.aget_query_embedding("a sleeping cat"))
    near = [embedding.similarity(query, each) for each in (cat, kitten, tax)]
    assert min(near[:2]) > near[2] + 0.2
    assert len(query) == 512
    (alone,) = asyncio.run(embedding.aget_text_embedding_batch(["The cat sleeps."]))
    assert alone == pytest.approx(cat, abs=1e-5)
