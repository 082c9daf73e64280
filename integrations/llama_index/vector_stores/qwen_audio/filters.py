"""MetadataFilters as expressions of LanceDB: no text of a filter is ever part of SQL.

What a filter can't be told as is refused. A node without the key fits only where a value is ruled
out, as in LlamaIndex's own store.
"""

import math
from collections.abc import Callable, Collection, Sequence
from functools import reduce
from operator import and_, eq, ge, gt, le, lt, or_
from typing import TYPE_CHECKING, Any

from llama_index.core.vector_stores.types import (
    FilterCondition,
    FilterOperator,
    MetadataFilter,
    MetadataFilters,
)
from llama_index.vector_stores.qwen_audio.rows import EXACT, column

from qwen_audio_tools.archive.index.rows import marked
from qwen_audio_tools.errors import SettingsError

if TYPE_CHECKING:
    from lancedb.expr import Expr

_ONE: dict[FilterOperator, Callable[[Any, Any], Any]] = {
    FilterOperator.EQ: eq,
    FilterOperator.NE: eq,
    FilterOperator.GT: gt,
    FilterOperator.LT: lt,
    FilterOperator.GTE: ge,
    FilterOperator.LTE: le,
}
_SEVERAL = {FilterOperator.IN, FilterOperator.NIN}
_INSIDE = {FilterOperator.TEXT_MATCH, FilterOperator.TEXT_MATCH_INSENSITIVE}
_RULED_OUT = {FilterOperator.NE, FilterOperator.NIN}


def expression(
    *,
    filters: MetadataFilters | None = None,
    node_ids: Sequence[str] | None = None,
    doc_ids: Sequence[str] | None = None,
    columns: Collection[str],
) -> "Expr | None":
    """Return what all of it says at once; None where it says nothing.

    `columns` are those of the table. No ids at all, as LlamaIndex gives them, rule nothing out.

    Raises:
        SettingsError: a filter can't be told to LanceDB.
    """
    from lancedb.expr import col

    found: list[Expr] = []
    if filters is not None and (group := _group(filters, columns)) is not None:
        found.append(group)
    if node_ids:
        found.append(col("id").isin(list(node_ids)))
    if doc_ids:
        found.append(col("document").isin(list(doc_ids)))
    return reduce(and_, found) if found else None


def _group(filters: MetadataFilters, columns: Collection[str]) -> "Expr | None":
    told = (
        _group(one, columns) if isinstance(one, MetadataFilters) else _leaf(one, columns)
        for one in filters.filters
    )
    each = [one for one in told if one is not None]
    if not each:
        return None
    if filters.condition is FilterCondition.OR:
        return reduce(or_, each)
    if filters.condition is FilterCondition.NOT:
        return ~reduce(or_, each)
    return reduce(and_, each)


def _leaf(one: MetadataFilter, columns: Collection[str]) -> "Expr":
    fits = _fitting(one, columns)
    return ~fits if one.operator in _RULED_OUT else fits


def _fitting(one: MetadataFilter, columns: Collection[str]) -> "Expr":
    from lancedb.expr import lit

    if one.operator is FilterOperator.IS_EMPTY:
        texts, numbers = column(one.key, ""), column(one.key, 0.0)
        empty = _known(texts, columns, lambda it: it == lit(""))
        return empty | ~(_there(texts, columns) | _there(numbers, columns))
    if one.operator in _SEVERAL:
        values = [_value(one, each) for each in _listed(one)]
        if not values:
            return lit(False)
        return _known(column(one.key, values[0]), columns, lambda it: it.isin(values))
    value = _value(one, one.value)
    if one.operator in _INSIDE and isinstance(value, str):
        if one.operator is FilterOperator.TEXT_MATCH:
            return _known(column(one.key, value), columns, lambda it: it.contains(lit(value)))
        low = lit(value.lower())
        return _known(column(one.key, value), columns, lambda it: it.lower().contains(low))
    if one.operator in _ONE:
        compare = _ONE[one.operator]
        return _known(column(one.key, value), columns, lambda it: compare(it, lit(value)))
    raise SettingsError(
        f"{one.key!r} can't be filtered by {one.operator.value!r} with {value!r:.80}",
        hint="there are ==, !=, >, >=, <, <=, in, nin, is_empty and, for texts, text_match",
    )


def _there(name: str, columns: Collection[str]) -> "Expr":
    from lancedb.expr import col, lit

    return col("columns").contains(lit(marked([name]))) if name in columns else lit(False)


def _known(name: str, columns: Collection[str], fits: Callable[[Any], "Expr"]) -> "Expr":
    """Return whether a row has the value and it fits: never unknown, so that it can be negated."""
    from lancedb.expr import col, lit

    return _there(name, columns) & fits(col(name)) if name in columns else lit(False)


def _listed(one: MetadataFilter) -> list[Any]:
    if isinstance(one.value, list):
        return list(one.value)
    raise SettingsError(
        f"{one.operator.value!r} of {one.key!r} takes a list, not {one.value!r:.80}"
    )


def _value(one: MetadataFilter, value: Any) -> str | float:
    if isinstance(value, str):
        return value
    if isinstance(value, int) and abs(value) > EXACT:
        raise SettingsError(
            f"{one.key!r} can't be compared exactly with a number as large as {value!r:.80}",
            hint="write such a number as a text",
        )
    if isinstance(value, int | float) and math.isfinite(value):
        return float(value)
    raise SettingsError(
        f"{one.key!r} can't be compared with {value!r:.80}: only with a text or a number",
        hint="'in' takes a list; 'is_empty' finds what has no value",
    )
