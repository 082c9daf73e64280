"""Rows that fit a query: by meaning, by words, or by both, fused by their ranks.

Reciprocal rank fusion (Cormack, Clarke, Büttcher 2009) as elsewhere here: 1 / (60 + rank).
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from llama_index.core.vector_stores.types import VectorStoreQuery, VectorStoreQueryMode
from llama_index.vector_stores.qwen_audio.rows import READ

from qwen_audio_tools.archive.index import nearest
from qwen_audio_tools.errors import SettingsError

if TYPE_CHECKING:
    from lancedb.expr import Expr

Ranked = list[tuple[dict[str, Any], float]]
_RANK = 60


def ranked(table: Any, query: VectorStoreQuery, where: "Expr | None") -> Ranked:
    """Return rows with scores, the best first.

    Raises:
        SettingsError: the mode is not possible, or what it goes by is missing or does not fit.
    """
    count = query.similarity_top_k
    if query.mode is VectorStoreQueryMode.DEFAULT:
        return _by_meaning(table, query, where, count)
    if query.mode is VectorStoreQueryMode.TEXT_SEARCH:
        return _by_words(table, query, where, count)
    if query.mode is VectorStoreQueryMode.HYBRID:
        share = 0.5 if query.alpha is None else query.alpha
        meaning = _by_meaning(table, query, where, count)
        words = _by_words(table, query, where, query.sparse_top_k or count)
        return _fused([(meaning, share), (words, 1 - share)])[: query.hybrid_top_k or count]
    raise SettingsError(
        f"nodes can't be found by {query.mode.value!r}",
        hint="vector_store_query_mode= is 'default', 'text_search' or 'hybrid'",
    )


def _by_meaning(table: Any, query: VectorStoreQuery, where: "Expr | None", count: int) -> Ranked:
    width = table.schema.field("vector").type.list_size
    vector = query.query_embedding
    if vector is None or len(vector) != width:
        given = "no vector" if vector is None else f"a vector of {len(vector)} numbers"
        raise SettingsError(
            f"the query has {given}; those of this store have {width}",
            hint="ask with the embed_model that the nodes were embedded with",
        )
    search = table.search(vector, vector_column_name="vector").distance_type("cosine")
    search = nearest.looked_up(search, table)
    return [(row, 1 - row["_distance"]) for row in _rows(search, where, count, "_distance")]


def _by_words(table: Any, query: VectorStoreQuery, where: "Expr | None", count: int) -> Ranked:
    from lancedb.query import MatchQuery

    if not (query.query_str or "").strip():
        return []
    search = table.search(MatchQuery(query.query_str, "text"), query_type="fts")
    return [(row, row["_score"]) for row in _rows(search, where, count, "_score")]


def _rows(search: Any, where: "Expr | None", count: int, score: str) -> list[dict[str, Any]]:
    if where is not None:
        search = search.where(where)
    rows: list[dict[str, Any]] = search.select([*READ, score]).limit(count).to_list()
    return rows


def _fused(lists: Sequence[tuple[Ranked, float]]) -> Ranked:
    scores: dict[str, float] = defaultdict(float)
    rows: dict[str, dict[str, Any]] = {}
    for found, share in lists:
        for rank, (row, _) in enumerate(found, start=1):
            rows[row["id"]] = row
            scores[row["id"]] += share / (_RANK + rank)
    order = sorted(rows, key=lambda id: (-scores[id], id))
    return [(rows[id], scores[id]) for id in order]
