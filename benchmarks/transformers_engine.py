"""Measure the transformers engine against plain `generate`, paired, on the same checkpoint.

Run: python benchmarks/transformers_engine.py [--only questions hearing …] [--rounds 3] [--tiny]
On the CPU: the `SHAPED` random checkpoint (200 M parameters), one thread, CPU seconds. The script
for a GPU is transformers_gpu.py. Writes results/transformers_engine.json and, by `report.py`, its
page.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import report
from measuring import engine_cases, machine
from measuring.figures import goal, middle

RESULTS = report.RESULTS / "transformers_engine.json"
PACKAGES = ("qwen-audio-tools", "transformers", "torch")
NOTE = (
    "A random checkpoint of 200 million numbers, a tenth of them encoder as in the 7B; fp32,"
    " greedy, one thread; CPU seconds of both sides by turns in one process, medians. Both load"
    " the same weights and must say the same. Some of it is that torch multiplies slowly on AMD and"
    " that our layers are laid out for oneDNN: before they were, the rows of 8 questions came to"
    " 5.0, 2.0, 5.8 and 3.6 × (one round, on a busy machine)."
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", choices=list(engine_cases.CASES), metavar="CASE")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--tiny", action="store_true", help="a look at whether it runs at all")
    arguments = parser.parse_args()
    import torch
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    torch.set_num_threads(1)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        bench = engine_cases.Bench.made(Path(folder), tiny=arguments.tiny)
        for name in arguments.only or engine_cases.CASES:
            for case in engine_cases.CASES[name](bench):
                rows.append(measured(case, arguments.rounds))
                print(json.dumps(rows[-1], ensure_ascii=False), flush=True)
    if not arguments.tiny and not arguments.only:
        found = {
            "about": machine.about(versions=machine.versions(PACKAGES)),
            "tables": [table(rows)],
        }
        RESULTS.write_text(json.dumps(found, ensure_ascii=False, indent=1) + "\n", "utf-8")
        report.write()
    return 0


def measured(case: "engine_cases.Case", rounds: int) -> dict[str, Any]:
    """Return the row of a case: both sides in turn, and the median of the rounds' ratios."""
    ratios, ours, theirs, same = [], [], [], True
    for _ in range(case.rounds or rounds):
        plain, mine = case.plain(), case.ours()
        ratios.append(plain[0] / mine[0])
        ours.append(mine[0])
        theirs.append(plain[0])
        same = same and (bool(case.told) or plain[1] == mine[1])
    ratio = middle(ratios, "ratio")
    return {
        "what": case.name,
        "plain": middle(theirs, "s"),
        "ours": middle(ours, "s"),
        "times as fast": ratio,
        "goal": goal(ratio["value"], case.wanted, at_most=False) if case.wanted else None,
        "same tokens": case.told or ("yes" if same else "**no**"),
    }


def table(rows: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "title": "Against plain generate",
        "note": NOTE,
        "rows": rows,
    }


if __name__ == "__main__":
    sys.exit(main())
