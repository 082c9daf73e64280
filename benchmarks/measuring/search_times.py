"""How long searches of a built index take, and how many of the nearest passages they find."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from measuring import made_passages
from measuring.figures import Figure, figure, middle
from qwen_audio_tools.archive.index.filters import Filters
from qwen_audio_tools.archive.index.lance_index import LanceIndex
from qwen_audio_tools.archive.index.rows import Hit
from qwen_audio_tools.archive.searching import By, Query, search

if TYPE_CHECKING:
    from qwen_audio_tools.engines.embedding import Vectors

NEAREST = 10
_WARM = 2
_FILTERS = Filters(language="de", since="2021")
_KINDS: dict[str, dict[str, Any]] = {
    "words": {"by": By.WORDS},
    "meaning": {"by": By.MEANING},
    "both, not read closely": {"close": False},
    "both, a language and a date": {"close": False, "filters": _FILTERS},
    "both, the best 40 read closely": {},
}


def search_rows(index: LanceIndex, count: int, rounds: int) -> list[dict[str, Any]]:
    """Return p50 and p95 of each way to search."""
    rows = []
    for name, more in _KINDS.items():
        asked = rounds if more else max(5, rounds // 5)
        texts = made_passages.queries(asked + _WARM)
        spent = _spent(lambda text, more=more: search(index, Query(text=text, **more)), texts)
        rows.append({"passages": f"{count:,}", "search": name, **_told(spent)})
    return rows


def nearest_rows(
    index: LanceIndex, vectors: "Vectors", rounds: int, place: Path
) -> list[dict[str, Any]]:
    """Return the nearest passages of held-out queries by the index, by numpy, and by a peer."""
    asked = index.embedder.embed(made_passages.queries(rounds + _WARM))
    whole = np.array(vectors)
    truth: list[Any] = []
    scanned = _spent(lambda vector: truth.append(_exact(whole, vector)), asked)
    ours = LanceIndex(index.uri, _Given(index.embedder.name, asked), index._lock)
    count = len(whole)
    ways: dict[str, Callable[[Any], Any]] = {
        "this index": lambda at: _numbers(ours.by_meaning(str(at), Filters(), NEAREST))
    }
    if count == 100_000:
        ways["LanceDB's default, IVF_PQ"] = _default(whole, asked, place)
    rows = [_row(count, "numpy, every vector", scanned, scanned, [1.0] * rounds)]
    for name, way in ways.items():
        found: list[Any] = []
        spent = _spent(lambda at, way=way, found=found: found.append(way(at)), range(len(asked)))
        both = zip(found[_WARM:], truth[_WARM:], strict=True)
        shares = [len(set(some) & set(exact)) / len(exact) for some, exact in both]
        rows.append(_row(count, name, spent, scanned, shares))
    return rows


def resident_mb() -> float:
    """Return the memory of this process that is not of a mapped file."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return sum(int(line.split()[1]) / 1e3 for line in lines if line.startswith("RssAnon"))


class _Given:
    """Hands out the vector of a query by its number, so that only the search is timed."""

    def __init__(self, name: str, vectors: "Vectors") -> None:
        self.name, self._vectors = name, vectors

    def embed(self, texts: Sequence[str]) -> "Vectors":
        return self._vectors[[int(text) for text in texts]]


def _exact(whole: "Vectors", vector: Any) -> Any:
    near = whole @ vector
    return np.argpartition(near, -NEAREST)[-NEAREST:].tolist()


def _default(whole: "Vectors", asked: "Vectors", place: Path) -> Callable[[int], list[int]]:
    import lancedb
    import pyarrow as pa

    flat = pa.FixedSizeListArray.from_arrays(pa.array(whole.reshape(-1)), whole.shape[1])
    rows = pa.table({"number": pa.array(range(len(whole))), "vector": flat})
    table = lancedb.connect(place / "peer").create_table("peer", rows, mode="overwrite")
    table.create_index(metric="cosine", vector_column_name="vector")

    def found(at: int) -> list[int]:
        nearest = table.search(asked[at]).distance_type("cosine").limit(NEAREST)
        return [row["number"] for row in nearest.select(["number", "_distance"]).to_list()]

    return found


def _numbers(hits: Sequence[Hit]) -> list[int]:
    return [int(hit.episode, 16) * made_passages.PASSAGES + hit.index for hit in hits]


def _spent(work: Callable[[Any], Any], given: Sequence[Any]) -> list[float]:
    spent = []
    for each in given:
        began = time.perf_counter()
        work(each)
        spent.append(1000 * (time.perf_counter() - began))
    return spent[_WARM:]


def _row(
    count: int, name: str, spent: list[float], scanned: list[float], shares: list[float]
) -> dict[str, Any]:
    ratios = [mine / other for mine, other in zip(spent, scanned, strict=True)]
    return {
        "passages": f"{count:,}",
        "by": name,
        **_told(spent),
        "of numpy's time": middle(ratios, "ratio"),
        "recall@10": figure(shares, lambda some: sum(some) / len(some), "share"),
    }


def _told(spent: Sequence[float]) -> dict[str, Figure]:
    return {"p50": middle(spent, "ms"), "p95": figure(spent, _late, "ms")}


def _late(spent: Sequence[float]) -> float:
    return float(np.percentile(spent, 95))
