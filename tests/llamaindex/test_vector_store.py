"""LanceAudioStore: nodes of one's own, on the disk, kept up to date by pipelines."""

import asyncio
import pickle
import subprocess
import sys
from pathlib import Path

import pytest
from llama_index.core import Document, StorageContext, VectorStoreIndex
from llama_index.core.bridge.pydantic import PrivateAttr
from llama_index.core.ingestion import DocstoreStrategy, IngestionPipeline
from llama_index.core.schema import (
    MediaResource,
    Node,
    NodeRelationship,
    RelatedNodeInfo,
    TextNode,
)
from llama_index.core.storage.docstore import SimpleDocumentStore
from llama_index.core.vector_stores.types import (
    FilterCondition,
    FilterOperator,
    MetadataFilter,
    MetadataFilters,
    VectorStoreQuery,
    VectorStoreQueryMode,
)
from llama_index.embeddings.qwen_audio import SentenceEncoderEmbedding
from llama_index.llms.qwen_audio import QwenAudioLLM
from llama_index.node_parser.qwen_audio import SegmentNodeParser
from llama_index.postprocessor.qwen_audio import AttachAudioPostprocessor
from llama_index.query_engine.qwen_audio import AudioCitationQueryEngine
from llama_index.readers.qwen_audio import QwenAudioReader
from llama_index.vector_stores.qwen_audio import LanceAudioStore

from qwen_audio_tools.errors import ArchiveError, SettingsError

HOSTILE = "x') OR (1=1) OR id IN ('"
QUOTED = 'It\'s "quoted" -- DROP TABLE nodes; \\ %_'


def node(id, text="words", vector=(1.0, 0.0), document="", **metadata) -> TextNode:
    made = TextNode(id_=id, text=text, embedding=list(vector), metadata=metadata)
    if document:
        made.relationships = {NodeRelationship.SOURCE: RelatedNodeInfo(node_id=document)}
    return made


def where(key, value, operator="==") -> MetadataFilters:
    one = MetadataFilter(key=key, value=value, operator=FilterOperator(operator))
    return MetadataFilters(filters=[one])


def asked(mode="default", *, vector=(1.0, 0.0), words="", count=9, **more) -> VectorStoreQuery:
    return VectorStoreQuery(
        query_embedding=None if vector is None else list(vector),
        query_str=words,
        similarity_top_k=count,
        mode=VectorStoreQueryMode(mode),
        **more,
    )


def ids(store, filters=None) -> set[str]:
    return {each.node_id for each in store.get_nodes(filters=filters)}


@pytest.fixture
def store(tmp_path) -> LanceAudioStore:
    return LanceAudioStore(uri=str(tmp_path / "nodes"))


@pytest.fixture
def filled(store) -> LanceAudioStore:
    store.add(
        [
            node("a", "whales sing", (1, 0), "one", show="Sea", start=0.0, season=1, guest=QUOTED),
            node("b", "dogs bark", (0, 1), "one", show="Land", start=31.5, season="1"),
            node("c", "whales dive", (0.9, 0.1), "two", show="Sea", start=60, mood=None),
        ]
    )
    return store


def test_nothing_is_in_a_new_store_and_nothing_is_written_by_looking(store, tmp_path):
    assert store.get_nodes() == []
    assert store.query(asked()).nodes == []
    store.delete("nothing")
    store.delete_nodes(["nothing"])
    assert store.add([]) == []
    assert not list(tmp_path.glob("nodes/*.lance"))


def test_a_node_comes_back_as_it_went_in_from_another_process_too(filled):
    again = LanceAudioStore.from_dict(filled.to_dict())
    (found,) = again.get_nodes(["a"])
    expected = node("a", "whales sing", (1, 0), "one", show="Sea", start=0.0, season=1)
    expected.metadata["guest"] = QUOTED
    expected.embedding = None
    assert found == expected
    assert found.hash == expected.hash
    assert found.ref_doc_id == "one"
    assert ids(pickle.loads(pickle.dumps(filled))) == {"a", "b", "c"}
    assert again.get_nodes([]) == []


def test_adding_again_replaces(filled):
    filled.add([node("a", "whales breach", (0, 1), "one", tempo="slow"), node("a", "last wins")])
    (found,) = filled.get_nodes(["a"])
    assert (found.text, found.metadata) == ("last wins", {})
    assert ids(filled) == {"a", "b", "c"}
    assert ids(filled, where("show", "Sea")) == {"c"}  # what the node no longer has is gone


@pytest.mark.parametrize("name", [HOSTILE, QUOTED, 'O\'Hara & "Söhne"\n🐋', "'; DROP TABLE nodes"])
def test_names_are_names_whatever_is_in_them(filled, name):
    filled.add([node(name, name, document=name, **{name: name, "show": name})])
    for filters in (where(name, name), where("show", name), where(name, [name], "in")):
        assert ids(filled, filters) == {name}
        assert filled.query(asked(filters=filters)).ids == [name]
    assert ids(filled, where("show", name, "!=")) == {"a", "b", "c"}
    assert filled.query(asked(node_ids=[name])).ids == [name]
    assert filled.query(asked(doc_ids=[name])).ids == [name]
    filled.query(asked("text_search", words=name))
    filled.delete(f"{name} ")
    filled.delete_nodes([f"{name} "])
    assert len(ids(filled)) == 4
    filled.delete(name)
    assert ids(filled) == {"a", "b", "c"}
    filled.add([node(name)])
    filled.delete_nodes([name])
    assert ids(filled) == {"a", "b", "c"}


@pytest.mark.parametrize(
    ("key", "operator", "value", "found"),
    [
        ("show", "==", "Sea", "ac"),
        ("show", "==", "sea", ""),
        ("show", "!=", "Sea", "b"),
        ("show", "in", ["Sea", "Sky"], "ac"),
        ("show", "in", [], ""),
        ("show", "nin", ["Sea"], "b"),
        ("show", "text_match", "an", "b"),
        ("show", "text_match_insensitive", "SEA", "ac"),
        ("show", ">", "Land", "ac"),
        ("start", ">=", 31.5, "bc"),
        ("start", ">", 31.5, "c"),
        ("start", "<=", 31, "a"),
        ("start", "<", 60, "ab"),
        ("start", "==", 60, "c"),
        ("start", "in", [0, 60], "ac"),
        ("season", "==", 1, "a"),
        ("season", "==", "1", "b"),
        ("season", "!=", 1, "bc"),
        ("guest", "==", QUOTED, "a"),
        ("guest", "!=", QUOTED, "bc"),
        ("guest", "is_empty", None, "bc"),
        ("mood", "is_empty", None, "abc"),
        ("nobody knows", "==", "x", ""),
        ("nobody knows", "!=", "x", "abc"),
        ("nobody knows", "nin", ["x"], "abc"),
    ],
)
def test_filters_find_what_they_say(filled, key, operator, value, found):
    filters = where(key, value, operator)
    assert ids(filled, filters) == set(found)
    assert set(filled.query(asked(filters=filters)).ids) == set(found)
    opposite = MetadataFilters(filters=[filters], condition=FilterCondition.NOT)
    assert ids(filled, opposite) == set("abc") - set(found)


def test_filters_are_joined_and_nested(filled):
    sea, late, dogs = where("show", "Sea"), where("start", 30, ">"), where("show", "Land")

    def told(condition, *filters):
        return ids(filled, MetadataFilters(filters=list(filters), condition=condition))

    assert told("and", sea, late) == {"c"}
    assert told("or", late, dogs) == {"b", "c"}
    assert told("not", late, dogs) == {"a"}
    both = MetadataFilters(filters=[sea, late], condition="and")
    assert told("or", both, dogs, MetadataFilters(filters=[])) == {"b", "c"}
    assert told("and") == {"a", "b", "c"}


@pytest.mark.parametrize(
    "filters",
    [
        where("show", "Sea", "contains"),
        where("show", ["Sea"], "any"),
        where("show", ["Sea"], "all"),
        where("show", ["Sea"]),
        where("show", "Sea", "in"),
        where("show", None),
        where("start", 5, "text_match"),
        where("start", float("nan"), ">"),
    ],
)
def test_a_filter_that_can_not_be_told_is_refused(filled, filters):
    for refused in (filled.get_nodes, filled.delete_nodes):
        with pytest.raises(SettingsError):
            refused(filters=filters)
    with pytest.raises(SettingsError):
        filled.query(asked(filters=filters))
    assert len(ids(filled)) == 3


def test_it_finds_by_meaning_by_words_and_by_both(filled):
    meaning = filled.query(asked(count=2))
    assert meaning.ids == ["a", "c"]
    assert meaning.similarities[0] == pytest.approx(1.0)
    words = filled.query(asked("text_search", words="dogs that dive", vector=None))
    assert set(words.ids) == {"b", "c"}
    assert filled.query(asked("hybrid", words="dogs", alpha=0.0)).ids[0] == "b"
    assert filled.query(asked("hybrid", words="dogs", alpha=1.0)).ids[0] == "a"
    both = filled.query(asked("hybrid", words="dive", filters=where("show", "Sea")))
    assert both.ids == ["c", "a"]
    assert len(filled.query(asked("hybrid", words="whales dogs", hybrid_top_k=1)).ids) == 1


@pytest.mark.parametrize(
    ("query", "why"),
    [
        (asked("mmr"), "can't be found by 'mmr'"),
        (asked("sparse"), "can't be found by 'sparse'"),
        (asked(vector=(1.0, 0.0, 0.0)), "a vector of 3 numbers; those of this store have 2"),
        (asked(vector=None), "the query has no vector"),
    ],
)
def test_a_query_that_can_not_be_answered_says_why(filled, query, why):
    with pytest.raises(SettingsError, match=why):
        filled.query(query)


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        (TextNode(text="x"), "has no embedding"),
        (node("x", vector=(1.0,)), "a vector of 1 numbers; those of this store have 2"),
        (node("x", names=["a"]), "'names' of node 'x' is a list"),
        (node("x", number=2**60), "too large to be compared exactly"),
        (
            Node(embedding=[1.0, 0.0], audio_resource=MediaResource(data=b"UklGRg==")),
            "holds bytes of audio",
        ),
    ],
)
def test_what_can_not_be_kept_is_refused_as_a_whole(filled, wrong, why):
    with pytest.raises(SettingsError, match=why):
        filled.add([node("d"), wrong])
    assert ids(filled) == {"a", "b", "c"}


def test_everything_is_deleted_only_by_its_name(filled):
    for nothing in (None, MetadataFilters(filters=[])):
        with pytest.raises(SettingsError, match=r"neither ids nor filters"):
            filled.delete_nodes(filters=nothing)
    filled.delete_nodes([])
    filled.delete_nodes(["a", "b"], where("show", "Land"))
    assert ids(filled) == {"a", "c"}
    other = LanceAudioStore(uri=filled.uri, table_name="other")
    other.add([node("z", vector=(1.0, 0.0, 0.0))])
    watching = LanceAudioStore(uri=filled.uri)
    assert ids(watching) == {"a", "c"}
    filled.clear()
    filled.clear()
    assert ids(filled) == ids(watching) == set()
    assert ids(other) == {"z"}
    filled.add([node("d", vector=(1.0,))])  # of another width: the table is made anew
    assert ids(watching) == {"d"}


def test_in_asyncio_it_is_the_same(store):
    async def story():
        assert await store.async_add([node("a", document="one"), node("b"), node("c")]) == [
            *("a", "b", "c")
        ]
        await store.adelete("one")
        await store.adelete_nodes(["b"])
        found = [each.node_id for each in await store.aget_nodes()]
        assert (await store.aquery(asked())).ids == found == ["c"]
        await store.aclear()
        assert await store.aget_nodes() == []

    asyncio.run(story())


def test_a_store_that_is_damaged_says_so(filled):
    (table,) = Path(filled.uri).glob("*.lance")
    for path in table.glob("_versions/*"):
        path.write_bytes(b"nonsense")
    with pytest.raises(ArchiveError, match="can't be"):
        LanceAudioStore(uri=filled.uri).get_nodes()


def test_many_small_writes_are_joined_and_lose_nothing(store):
    for number in range(70):
        store.add([node(f"n{number % 50}", f"text {number}", key=number)])
    assert len(ids(store)) == 50
    assert ids(store, where("key", 60, ">=")) == {f"n{number}" for number in range(10, 20)}
    assert store.query(asked("text_search", words="69")).ids == ["n19"]
    files = list((Path(store.uri) / "nodes.lance" / "data").iterdir())
    assert len(files) < 140


WRITER = """
import sys
from pathlib import Path
from llama_index.core.schema import TextNode
from llama_index.vector_stores.qwen_audio import LanceAudioStore
store, name = LanceAudioStore(uri=sys.argv[1]), sys.argv[2]
for number in range(12):
    metadata = {"by": name, f"only {name}": number}
    shared = TextNode(id_=f"shared{number}", text=name, embedding=[1.0, 0.0], metadata=metadata)
    own = TextNode(id_=f"{name}{number}", text=name, embedding=[0.0, 1.0], metadata=metadata)
    store.add([shared, own])
    if number % 3 == 2:
        store.delete_nodes([f"{name}{number}"])
"""


def test_two_processes_write_and_nothing_is_lost_or_there_twice(store):
    command = [sys.executable, "-c", WRITER, store.uri]
    running = [subprocess.Popen([*command, name]) for name in ("one", "two")]
    assert [each.wait(timeout=200) for each in running] == [0, 0]
    kept = {f"{name}{n}" for name in ("one", "two") for n in range(12) if n % 3 != 2}
    found = [each.node_id for each in store.get_nodes()]
    assert len(found) == len(set(found))
    assert set(found) == kept | {f"shared{number}" for number in range(12)}
    assert ids(store, where("only two", 4)) <= {"two4", "shared4"}


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
