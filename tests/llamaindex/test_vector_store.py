"""LanceAudioStore: nodes of one's own, on the disk, kept up to date by pipelines."""

import asyncio
import pickle
import subprocess
import sys
from pathlib import Path

import pytest
from llama_index.core.schema import (
    MediaResource,
    Node,
    NodeRelationship,
    RelatedNodeInfo,
    TextNode,
)
from llama_index.core.vector_stores.types import (
    FilterOperator,
    MetadataFilter,
    MetadataFilters,
    VectorStoreQuery,
    VectorStoreQueryMode,
)
from llama_index.vector_stores.qwen_audio import LanceAudioStore

from qwen_audio_tools.errors import ArchiveError, MissingExtra, SettingsError

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


@pytest.mark.parametrize("locks", [True, False])
def test_two_processes_write_and_nothing_is_lost_or_there_twice(store, locks):
    if not locks:  # as in an object store: what has a scheme is not locked
        store = LanceAudioStore(uri=f"file://{store.uri}")
    command = [sys.executable, "-c", WRITER, store.uri]
    running = [subprocess.Popen([*command, name]) for name in ("one", "two")]
    assert [each.wait(timeout=200) for each in running] == [0, 0]
    kept = {f"{name}{n}" for name in ("one", "two") for n in range(12) if n % 3 != 2}
    found = [each.node_id for each in store.get_nodes()]
    assert len(found) == len(set(found))
    assert set(found) == kept | {f"shared{number}" for number in range(12)}
    assert ids(store, where("only two", 4)) <= {"two4", "shared4"}


def test_a_store_that_another_process_clears_and_fills_is_followed(filled):
    assert ids(filled)
    other = LanceAudioStore(uri=filled.uri)
    other.clear()
    assert ids(filled) == set()
    other.add([node("fresh", "new words")])
    assert ids(filled) == {"fresh"}
    filled.add([node("more")])
    assert ids(other) == {"fresh", "more"}


def test_without_lancedb_it_says_what_to_install(filled, monkeypatch):
    monkeypatch.setitem(sys.modules, "lancedb", None)
    store = LanceAudioStore(uri=filled.uri)
    for work in (
        lambda: store.add([node("a")]),
        lambda: store.query(asked()),
        lambda: store.delete("a"),
        lambda: store.delete_nodes(["a"]),
        store.get_nodes,
        store.clear,
    ):
        with pytest.raises(MissingExtra) as told:
            work()
        assert told.value.hint == "pip install 'qwen-audio-tools[archive,llamaindex]'"


def test_thousands_of_ids_are_no_trouble(store):
    many = [node(f"n{number}") for number in range(5000)]
    store.add(many)
    names = [each.node_id for each in many]
    assert len(store.get_nodes(names)) == 5000
    store.delete_nodes(names[1:])
    assert ids(store) == {"n0"}
