"""A podcast archive: what listening costs, whether passages are found, whether answers are true.

Run: python benchmarks/archive.py [--quick] [--made DIR] [--heard DIR]. Makes 40 episodes, 10 h,
with 200 questions whose place is known and 40 that nothing answers; hears them, which takes half an
hour on two quiet cores; asks. `--made` and `--heard` keep audio and archive for the next run.
Writes benchmarks/results/archive.json and benchmarks/archive.md; with --quick it only prints.
"""

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

import report
from measuring import archive_listening, archive_questions
from measuring.children import QWA, run
from measuring.machine import about
from measuring.made_archive import Asked, make

PARTS = ("listening", "memory", "finding", "answers")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="minutes, and nothing is written")
    parser.add_argument("--rounds", type=int, default=3, help="of listening, and of memory")
    parser.add_argument("--shows", type=int, default=4, help="an episode of each is heard so")
    parser.add_argument("--hours", type=float, default=4.0, help="of the long episode")
    parser.add_argument("--made", type=Path, help="where the made audio is kept")
    parser.add_argument("--heard", type=Path, help="where the archive is kept")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        tables = _measured(options, Path(scratch))
    if not options.quick:
        _keep(tables)
        report.write()


def _measured(options: argparse.Namespace, scratch: Path) -> dict[str, list[Any]]:
    made = options.made or scratch / "made"
    episodes, minutes = (1, 2.0) if options.quick else (10, 15.0)
    asked = make(made, episodes=episodes, minutes=minutes)
    found: dict[str, list[Any]] = {}
    rounds = 1 if options.quick else options.rounds
    if "listening" in options.only:
        files = archive_listening.files_of(made)[: options.shows]
        found["listening"] = [archive_listening.speed_table(files, rounds, scratch)]
    if "memory" in options.only:
        hours = 0.2 if options.quick else options.hours
        found["memory"] = [archive_listening.memory_table(hours, rounds, scratch)]
    if {"finding", "answers"} & set(options.only):
        found |= _asked(asked, made, options.heard or scratch / "heard", options.only)
    for tables in found.values():
        for table in tables:
            print(report.markdown(table), flush=True)
    return found


def _asked(asked: list[Asked], made: Path, place: Path, only: list[str]) -> dict[str, list[Any]]:
    from qwen_audio_tools import open_engine
    from qwen_audio_tools.archive.opened_search import opened_search

    shows = [show for show in sorted(made.iterdir()) if show.is_dir()]
    run([QWA, "archive", "add", *shows, "--archive", place])
    run([QWA, "archive", "sync", "--archive", place])
    search = opened_search(place, index_uri="")
    search.refresh()
    found: dict[str, list[Any]] = {}
    if "finding" in only:
        found["finding"] = [archive_questions.ranks_table(search.index, asked)]
    if "answers" in only:
        engine = open_engine("embedded")
        heard, read = (
            list(
                archive_questions.answer_all(
                    search.archive, search.index, asked, engine, listen=listen
                )
            )
            for listen in (True, False)
        )
        found["answers"] = [
            archive_questions.answers_table(heard, "Answers from listening again"),
            archive_questions.answers_table(read, "Answers from transcripts alone"),
            archive_questions.sounds_table(heard, read),
        ]
    return found


def _keep(tables: dict[str, list[Any]]) -> None:
    """Put the parts that were measured beside those of earlier runs, which say when they were."""
    path = report.RESULTS / "archive.json"
    kept = json.loads(path.read_text("utf-8"))["tables"] if path.exists() else []
    told = about()
    fresh = [
        {**table, "part": part, "measured": told["date"]}
        for part, some in tables.items()
        for table in some
    ]
    kept = [table for table in kept if table["part"] not in tables]
    ordered = sorted(kept + fresh, key=lambda table: PARTS.index(table["part"]))
    found = {"about": told, "tables": ordered}
    path.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", "utf-8")


if __name__ == "__main__":
    main()
