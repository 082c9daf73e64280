"""How good: words in five languages, sounds, voices and feelings, on audio with known truth.

Run: python benchmarks/accuracy.py [--quick]. Nothing here was tuned on. Writes
benchmarks/results/accuracy.json and benchmarks/embedded.md; with --quick, it only prints.
"""

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import report
from measuring import heard_sounds, heard_voices, heard_words
from measuring.machine import about

PARTS: dict[str, Callable[[bool], list[dict[str, Any]]]] = {
    "words": lambda quick: [heard_words.table(quick=quick)],
    "sounds": lambda quick: heard_sounds.tables(quick=quick),
    "speakers": lambda quick: [heard_voices.speakers_table(quick=quick)],
    "emotion": lambda quick: [heard_voices.emotion_table(quick=quick)],
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--quick", action="store_true", help="a few of each, and nothing is written"
    )
    parser.add_argument("--only", nargs="+", choices=list(PARTS), default=list(PARTS))
    parser.add_argument("--out", type=Path, default=report.RESULTS / "accuracy.json")
    options = parser.parse_args()
    began, tables = about(), []
    for name in options.only:
        start = time.perf_counter()
        for table in PARTS[name](options.quick):
            tables.append(table)
            print(report.markdown(table))
        print(f"({time.perf_counter() - start:.0f} s)\n", flush=True)
    own = options.out != parser.get_default("out")
    partial = options.quick or set(options.only) != set(PARTS)
    if own or not partial:
        options.out.parent.mkdir(exist_ok=True)
        found = {"about": began, "tables": tables}
        options.out.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", "utf-8")
    if not own and not partial:
        report.write()


if __name__ == "__main__":
    main()
