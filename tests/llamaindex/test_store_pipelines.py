"""LanceAudioStore behind pipelines and indexes of LlamaIndex: it holds what they think it holds."""

import pytest
from llama_index.core import Document, StorageContext, VectorStoreIndex
from llama_index.core.bridge.pydantic import PrivateAttr
from llama_index.core.ingestion import DocstoreStrategy, IngestionPipeline
from llama_index.core.storage.docstore import SimpleDocumentStore
from llama_index.core.vector_stores.types import FilterOperator, MetadataFilter, MetadataFilters
from llama_index.embeddings.qwen_audio import SentenceEncoderEmbedding
from llama_index.llms.qwen_audio import QwenAudioLLM
from llama_index.node_parser.qwen_audio import SegmentNodeParser
from llama_index.postprocessor.qwen_audio import AttachAudioPostprocessor
from llama_index.query_engine.qwen_audio import AudioCitationQueryEngine
from llama_index.readers.qwen_audio import QwenAudioReader
from llama_index.vector_stores.qwen_audio import LanceAudioStore

HOSTILE = "x') OR (1=1) OR id IN ('"


def where(key, value, operator="==") -> MetadataFilters:
    one = MetadataFilter(key=key, value=value, operator=FilterOperator(operator))
    return MetadataFilters(filters=[one])


def ids(store, filters=None) -> set[str]:
    return {each.node_id for each in store.get_nodes(filters=filters)}


class Words(SentenceEncoderEmbedding):
    """Counts what it embeds."""

    _seen: list[str] = PrivateAttr(default_factory=list)

    def _get_text_embeddings(self, texts):
        self._seen.extend(texts)
        return [[float(len(text)), 1.0] for text in texts]


def pipeline(store, strategy, *steps) -> IngestionPipeline:
    return IngestionPipeline(
        transformations=[*steps, Words()],
        docstore=SimpleDocumentStore(),
        vector_store=store,
        docstore_strategy=strategy,
    )


@pytest.mark.parametrize("name", ["plain.wav", HOSTILE, "O'Hara's \"show\""])
def test_a_pipeline_replaces_what_changed_and_forgets_what_is_gone(store, name):
    pipe = pipeline(store, DocstoreStrategy.UPSERTS)
    first = [Document(text=f"episode {n}", id_=f"{name}{n}", metadata={"n": n}) for n in range(3)]
    assert len(pipe.run(documents=first)) == 3
    assert pipe.run(documents=first) == []
    changed = Document(text="episode 1, mended", id_=f"{name}1", metadata={"n": 1})
    assert len(pipe.run(documents=[first[0], changed])) == 1
    assert {each.text for each in store.get_nodes()} == {"episode 0", changed.text, "episode 2"}
    pipe.docstore_strategy = DocstoreStrategy.UPSERTS_AND_DELETE
    assert pipe.run(documents=[changed]) == []
    assert [each.text for each in store.get_nodes()] == [changed.text]
    again = pipeline(LanceAudioStore(uri=store.uri), DocstoreStrategy.UPSERTS)
    again.run(documents=[changed])  # a docstore that is lost makes nothing double
    assert len(ids(store)) == 1


def test_recordings_go_through_a_pipeline_into_the_store_and_are_heard_again(
    store, audio, embedded
):
    pipe = IngestionPipeline(
        transformations=[SegmentNodeParser(engine=embedded), SentenceEncoderEmbedding()],
        docstore=SimpleDocumentStore(),
        vector_store=store,
        docstore_strategy=DocstoreStrategy.UPSERTS_AND_DELETE,
    )
    reader = QwenAudioReader(listen=False, sources=(str(audio),))
    documents = reader.load_resources(reader.list_resources())
    assert len(pipe.run(documents=documents)) >= 4
    assert pipe.run(documents=documents) == []
    index = VectorStoreIndex.from_vector_store(
        LanceAudioStore(uri=store.uri), embed_model=SentenceEncoderEmbedding()
    )
    for mode in ("default", "text_search", "hybrid"):
        retriever = index.as_retriever(
            similarity_top_k=1,
            vector_store_query_mode=mode,
            filters=where("start", 0.0, ">"),
        )
        engine = AudioCitationQueryEngine(
            retriever,
            QwenAudioLLM(engine=embedded),
            attach=AttachAudioPostprocessor(padding=4.0),
        )
        response = engine.query("Does a bell ring before the bags are mentioned?")
        assert str(response).startswith("Yes"), mode
        assert "[market 0:0" in str(response)
    gone = [each for each in documents if "market" not in each.metadata["audio_uri"]]
    pipe.run(documents=gone)
    assert not any("market" in each.metadata["audio_uri"] for each in store.get_nodes())


def test_an_index_of_llama_index_can_be_made_on_it_and_changed(store):
    context = StorageContext.from_defaults(vector_store=store)
    index = VectorStoreIndex.from_documents(
        [Document(text="whales sing", id_="a"), Document(text="the tax is due", id_="b")],
        storage_context=context,
        embed_model=SentenceEncoderEmbedding(),
    )
    assert "tax" in index.as_retriever(similarity_top_k=1).retrieve("money owed")[0].text
    index.delete_ref_doc("b")
    index.insert(Document(text="the ship is late", id_="c"))
    assert {each.text for each in store.get_nodes()} == {"whales sing", "the ship is late"}
