"""Searching an archive of 1,000, 100,000 and a million passages: time, size, and what is found.

Run: python benchmarks/archive_search.py [--quick] [--kept DIR] [--sizes N …]. Passages are made,
without audio; the sentence encoder reads 100,000 of them, which takes half an hour and is kept in
DIR, as are the indexes (4 GB of disk). Writes results/archive_search.json and archive_search.md.
"""

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

import report
from measuring import search_index, search_times
from measuring.machine import about, versions

from qwen_audio_tools.archive.index.lance_index import LanceIndex
from qwen_audio_tools.engines.embedding import open_embedder

SIZES = (1000, 100_000, 1_000_000)
_VECTORS = (
    f"The first {search_index.REAL:,} vectors are the sentence encoder's, of made passages in three"
    " languages; the others are near copies of them, with noise of a fifth of their length."
)
_NOTES = {
    "Searches": "Ten hits by `archive/searching.py:search`, one after the other, the index just"
    " opened and two searches made. The query is embedded, episodes are looked for as well, and"
    " neighbours joined. Memory is this process, the sentence encoder included, mapped files not.",
    "The ten nearest": "Vector search alone: queries that no passage says, embedded beforehand."
    " numpy compares with every vector, held in memory; the exact answer is its. " + _VECTORS,
    "Building": "Seconds, as `refresh` takes them; making the passages and their vectors is left"
    " out. Below 50,000 passages there is no vector index. Bytes are those of rows, vectors and all"
    " indexes; until an hour has passed, old versions take as much again. Load is that at the start"
    " of the building, which a kept index may have had on another, busier day.",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="1,000 passages; nothing is written")
    parser.add_argument("--kept", type=Path, help="where vectors and indexes are kept")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--rounds", type=int, default=60)
    options = parser.parse_args()
    if options.quick:
        options.sizes, options.rounds = [1000], 10
    told = about()
    told["versions"] |= versions(["lancedb", "pyarrow"])
    with tempfile.TemporaryDirectory() as scratch:
        tables = _measured(options, options.kept or Path(scratch))
    for table in tables:
        print(report.markdown(table), flush=True)
    if not options.quick:
        found = {"about": told, "tables": tables}
        text = json.dumps(found, indent=1, ensure_ascii=False) + "\n"
        (report.RESULTS / "archive_search.json").write_text(text, "utf-8")
        report.write()


def _measured(options: argparse.Namespace, place: Path) -> list[dict[str, Any]]:
    place.mkdir(parents=True, exist_ok=True)
    embedder = open_embedder()
    rows: dict[str, list[dict[str, Any]]] = {title: [] for title in _NOTES}
    for count in sorted(options.sizes):
        vectors = search_index.vectors_of(count, embedder, place)
        built = search_index.build(count, vectors, embedder, place)
        rows["Building"].append(_built(count, built))
        index = LanceIndex(str(place / f"index-{count}"), embedder, place / "lock")
        found = search_times.search_rows(index, count, options.rounds)
        memory = round(search_times.resident_mb())
        rows["Searches"] += [{**row, "MB": memory} for row in found]
        rows["The ten nearest"] += search_times.nearest_rows(index, vectors, options.rounds, place)
    return [{"title": title, "note": _NOTES[title], "rows": rows[title]} for title in rows]


def _built(count: int, built: dict[str, Any]) -> dict[str, Any]:
    seconds = {name: f"{value:.1f}" for name, value in built.items()}
    del seconds["bytes"]
    size = built["bytes"]
    return {
        "passages": f"{count:,}",
        **seconds,
        "MB": f"{size / 1e6:,.0f}",
        "bytes a passage": f"{size / count:,.0f}",
    }


if __name__ == "__main__":
    main()
