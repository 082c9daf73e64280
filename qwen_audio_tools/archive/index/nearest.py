"""How the nearest vectors of a table are found: all compared, or by an index that grows along.

Below 50,000 passages vectors are compared one by one, which is exact and quick; above, an IVF_SQ
index is searched and its best are compared exactly (`refine_factor`): the library's default index
loses more than half of the nearest.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lancedb.table import Table

EXACT_BELOW = 50_000
GROWTH = 4
"""What is added goes into the cells that were drawn at first: they are drawn anew when this many
times as much is there, or each search would look through ever larger ones."""
_REFINE = 10
_PROBES = 40
_NAME = "vector_"


def tend(table: "Table", rows: int) -> None:
    """Make the vector index of a table that has so many rows, if it needs one or another one."""
    from lancedb.index import IvfSq

    there = _named(table)
    drawn = max(there.values(), default=0)
    if rows >= EXACT_BELOW and rows >= GROWTH * drawn:
        fresh = f"{_NAME}{rows}"
        table.create_index("vector", config=IvfSq(distance_type="cosine"), name=fresh)
        drawn = rows
    for name, size in there.items():
        if size < drawn:
            table.drop_index(name)


def looked_up(query: Any, table: "Table") -> Any:
    """Return a query for vectors as it is best asked of this table."""
    return query.nprobes(_PROBES).refine_factor(_REFINE) if _named(table) else query


def _named(table: "Table") -> dict[str, int]:
    """Return the vector indexes, and for how many rows each was made: its name tells."""
    names = [index.name for index in table.list_indices() if "vector" in index.columns]
    return {name: _rows(name.removeprefix(_NAME)) for name in names}


def _rows(told: str) -> int:
    return int(told) if told.isdecimal() else 0
