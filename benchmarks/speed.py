"""How fast: the command, a first and a second question, short clips, an hour and its memory.

Run: python benchmarks/speed.py [--quick] [--minutes 60] [--rounds 7]. Everything is measured beside
its peer in this one run, by turns. Writes benchmarks/results/speed.json and benchmarks/embedded.md;
with --quick, which is a look and no measurement, it only prints.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import report
from measuring import asking, long_recording, short_clips
from measuring.machine import about

PARTS = ("help", "first", "second", "short", "long")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="few rounds, and nothing is written")
    parser.add_argument("--minutes", type=int, help="of the long recording (60; quick: 4)")
    parser.add_argument("--rounds", type=int, help="of each question (7; quick: 3)")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--out", type=Path, default=report.RESULTS / "speed.json")
    options = parser.parse_args()
    minutes = options.minutes or (4 if options.quick else 60)
    rounds = options.rounds or (3 if options.quick else 7)
    began = about(rounds=rounds, minutes=minutes)
    with tempfile.TemporaryDirectory() as scratch:
        tables = _measure(options, minutes, rounds, Path(scratch))
    own = options.out != parser.get_default("out")
    partial = options.quick or set(options.only) != set(PARTS)
    if own or not partial:
        options.out.parent.mkdir(exist_ok=True)
        found = {"about": began, "tables": tables}
        options.out.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", "utf-8")
    if not own and not partial:
        report.write()


def _measure(options: argparse.Namespace, minutes: int, rounds: int, scratch: Path) -> list[Any]:
    hours = 1 if options.quick else 2
    parts: dict[str, Callable[[], dict[str, Any]]] = {
        "help": lambda: asking.help_table(3 * rounds),
        "first": lambda: asking.first_table(rounds, scratch / "kept"),
        "second": lambda: asking.second_table(rounds, scratch / "kept"),
        "short": lambda: short_clips.table(quick=options.quick),
        "long": lambda: long_recording.table(minutes, hours, scratch),
    }
    tables = []
    # The children come first: this process stays small until it hears for itself.
    for name in sorted(options.only, key=("help", "first", "second", "long", "short").index):
        start = time.perf_counter()
        tables.append(parts[name]())
        print(report.markdown(tables[-1]))
        print(f"({time.perf_counter() - start:.0f} s)\n", flush=True)
    return tables


if __name__ == "__main__":
    main()
