"""Routing accuracy on questions that were written apart from the router.

Reads `benchmarks/data/routing_questions.tsv` (language, gold, question; `a|b`: either is right,
`a+b`: both are wanted), prints accuracy with 95 % bootstrap intervals and writes
`benchmarks/results/routing.json`. Run: `python benchmarks/routing.py [--overall]`.
"""

import csv
import json
import random
import statistics
import sys
import time
from pathlib import Path

from measuring import machine

from qwen_audio_tools.engines.embedded.meaning.sentence_encoder import shared_encoder
from qwen_audio_tools.engines.embedded.questions.router import route

HERE = Path(__file__).parent
QUESTIONS = HERE / "data" / "routing_questions.tsv"
RESULTS = HERE / "results" / "routing.json"
RESAMPLES = 2000


def is_right(gold: str, tasks: list[str]) -> bool:
    """Tell whether the tasks found are what `gold` wants."""
    if "+" in gold:
        return set(tasks) == set(gold.split("+"))
    return len(tasks) == 1 and tasks[0] in gold.split("|")


def interval(right: list[bool]) -> tuple[float, float]:
    """Return the 95 % bootstrap interval of the share that is right."""
    chance = random.Random(0)
    means = sorted(statistics.fmean(chance.choices(right, k=len(right))) for _ in range(RESAMPLES))
    return means[int(0.025 * RESAMPLES)], means[int(0.975 * RESAMPLES) - 1]


def figures(right: list[bool]) -> dict[str, float]:
    low, high = interval(right)
    accuracy = statistics.fmean(right)
    return {"n": len(right), "accuracy": accuracy, "low": low, "high": high}


def main() -> None:
    with QUESTIONS.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    encoder = shared_encoder()
    route("warm up", encoder=encoder)
    groups: dict[str, list[bool]] = {}
    times = []
    for row in rows:
        start = time.perf_counter()
        tasks = [task.name for task in route(row["question"], encoder=encoder).tasks]
        times.append(time.perf_counter() - start)
        right = is_right(row["gold"], tasks)
        first = row["gold"].replace("+", "|").split("|")[0]
        for group in ("overall", f"language {row['language']}", f"task {first}"):
            groups.setdefault(group, []).append(right)
    found = {group: figures(right) for group, right in sorted(groups.items())}
    report = {
        "about": machine.about(),
        "accuracy": found,
        "median_ms": 1000 * statistics.median(times),
    }
    shown = {"overall": found["overall"]} if "--overall" in sys.argv[1:] else found
    for group, numbers in shown.items():
        low, high = numbers["low"], numbers["high"]
        print(f"{group:22} {numbers['accuracy']:6.1%}  [{low:.1%}, {high:.1%}]  n={numbers['n']}")
    print(f"median time for one question: {report['median_ms']:.1f} ms")
    if "--overall" not in sys.argv[1:]:
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(json.dumps(report, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
