"""Filters of LanceAudioStore: names are names whatever is in them, and nothing is guessed."""

import pytest
from llama_index.core.schema import NodeRelationship, RelatedNodeInfo, TextNode
from llama_index.core.vector_stores.types import (
    FilterCondition,
    FilterOperator,
    MetadataFilter,
    MetadataFilters,
    VectorStoreQuery,
    VectorStoreQueryMode,
)

from qwen_audio_tools.errors import SettingsError

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
        where("start", 2**53 + 1),
    ],
)
def test_a_filter_that_can_not_be_told_is_refused(filled, filters):
    for refused in (filled.get_nodes, filled.delete_nodes):
        with pytest.raises(SettingsError):
            refused(filters=filters)
    with pytest.raises(SettingsError):
        filled.query(asked(filters=filters))
    assert len(ids(filled)) == 3
