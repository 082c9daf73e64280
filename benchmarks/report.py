"""Write the pages of benchmarks/ from benchmarks/results/*.json: each table with its date, machine,
versions, n and intervals. Run: python benchmarks/report.py. It measures nothing.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from measuring.figures import shown

HERE = Path(__file__).parent
RESULTS = HERE / "results"
_Part = tuple[str, str, Callable[[dict[str, Any]], list[dict[str, Any]]]]
"""The name of a script and its results, a heading, and what makes tables of them."""

_WRITTEN = """
Written by `benchmarks/report.py` from `benchmarks/results/`; [README.md](README.md) says what each
script measures and what a ratio means. Numbers in brackets are 95 % bootstrap intervals; n is how
many were measured. An interval tells the luck of the draw, not whether made audio is like yours.
"""


def write() -> None:
    """Write every page from what results there are."""
    for page, title, parts in _PAGES:
        texts = [f"# {title}\n{_WRITTEN}"]
        for name, heading, tables in parts:
            path = RESULTS / f"{name}.json"
            if path.exists():
                found = json.loads(path.read_text("utf-8"))
                told = _machine(found.get("about") or found)
                texts.append(f"## {heading}\n\n`python benchmarks/{name}.py`. {told}\n")
                texts += [markdown(table) for table in tables(found)]
        if len(texts) > 1:
            (HERE / page).write_text("\n".join(texts).rstrip() + "\n", "utf-8")


def markdown(table: dict[str, Any]) -> str:
    """Return one table with its title and note."""
    rows = table["rows"]
    columns = [name for name in dict.fromkeys(key for row in rows for key in row) if name != "n"]
    counts = [_count(row) for row in rows]
    names = [*columns, "n"] if any(counts) else columns
    lines = [f"### {table['title']}", ""]
    lines += [table["note"], ""] if table.get("note") else []
    lines += ["| " + " | ".join(names) + " |", "|" + "---|" * len(names)]
    for row, count in zip(rows, counts, strict=True):
        cells = [shown(row.get(name)) for name in columns] + ([count] if any(counts) else [])
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join([*lines, ""])


def _count(row: dict[str, Any]) -> str:
    """Return how many were measured for a row, as its figures say."""
    if "n" in row:
        return str(row["n"])
    found = {value["n"] for value in row.values() if isinstance(value, dict) and "n" in value}
    return str(max(found)) if found else ""


def _machine(about: dict[str, Any]) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in about.get("versions", {}).items())
    told = [
        about.get("date"),
        f"{about['cores']} cores of {about.get('cpu')}" if "cores" in about else None,
        f"{about['memory_gb']} GB" if about.get("memory_gb") else None,
        f"Python {about['python']}" if "python" in about else None,
        versions or None,
        f"load {about['load']} at the start" if about.get("load") is not None else None,
    ]
    line = "; ".join(part for part in told if part)
    return f"Measured on {line}." if line else "Date and machine were not noted."


def _own_tables(found: dict[str, Any]) -> list[dict[str, Any]]:
    tables: list[dict[str, Any]] = found["tables"]
    return tables


def _decoding(found: dict[str, Any]) -> list[dict[str, Any]]:
    rows = []
    for kind, methods in found["results"].items():
        pydub = methods.get("pydub", {}).get("cpu")
        for method, used in methods.items():
            rows.append(
                {
                    "file": kind,
                    "method": method,
                    "CPU seconds": f"{used['cpu']:.2f}",
                    "times as fast as pydub": f"{pydub / used['cpu']:.1f}" if pydub else "",
                    "peak MB": f"{used['mb']:,.0f}",
                    "n": found["rounds"],
                }
            )
    title = f"{found['minutes']} minutes of sound to 16 kHz mono"
    note = f"Medians of {found['rounds']} rounds by turns, each decoding in a process of its own."
    return [{"title": title, "note": note, "rows": rows}]


def _routing(found: dict[str, Any]) -> list[dict[str, Any]]:
    rows = [
        {"questions": group, "right": {**numbers, "value": numbers["accuracy"], "unit": "share"}}
        for group, numbers in sorted(
            found["accuracy"].items(), key=lambda item: (item[0] != "overall", item[0])
        )
    ]
    note = (
        "Questions in English and Chinese that were written apart from the router"
        f" (data/routing_questions.tsv). A question takes {found['median_ms']:.1f} ms (median)."
    )
    return [{"title": "The task that a question asks for", "note": note, "rows": rows}]


_PAGES: tuple[tuple[str, str, tuple[_Part, ...]], ...] = (
    (
        "embedded.md",
        "How fast and how good the embedded engine is",
        (
            ("speed", "Speed", _own_tables),
            ("decoding", "Decoding", _decoding),
            ("accuracy", "Accuracy", _own_tables),
            ("routing", "Routing of questions", _routing),
        ),
    ),
    (
        "transformers_engine.md",
        "How fast Qwen2-Audio answers in this process",
        (
            ("transformers_engine", "On a CPU", _own_tables),
            ("transformers_gpu", "On a GPU", _own_tables),
        ),
    ),
    (
        "archive.md",
        "How fast an archive is taken in, and how well it answers",
        (("archive", "A made archive of 10 h", _own_tables),),
    ),
    (
        "archive_search.md",
        "How fast an archive is searched, up to a million passages",
        (("archive_search", "Made passages", _own_tables),),
    ),
    (
        "serve.md",
        "How many requests `qwa serve` answers",
        (("serve", "Under load", _own_tables),),
    ),
)

if __name__ == "__main__":
    write()
