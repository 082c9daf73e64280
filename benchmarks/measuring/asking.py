"""Seconds of `qwa` as a user feels them, each in a fresh process: the help, a first question, a
second one. The rounds take turns between ours and the peer, so that both meet the same machine.
"""

import shutil
import sys
from pathlib import Path
from typing import Any

from measuring import peers
from measuring.children import QWA, Used, run
from measuring.figures import goal, middle
from measuring.spoken import EXAMPLES

CLIP = EXAMPLES / "kitchen.mp3"
FIRST = ("what is said?", "what emotion?")
# After which first question, which second one; the last needs experts that the first did not.
SECOND = (
    ("what is said?", "which language is spoken?"),
    ("what emotion?", "what is said?"),
    ("what emotion?", "what did she drop?"),
    ("what is said?", "what emotion?"),
)
HEAVY = {
    "av", "ctranslate2", "faster_whisper", "matplotlib", "numpy", "onnxruntime", "pydub",
    "sentencepiece", "soundfile", "soxr", "tokenizers", "torch", "transformers",
}  # fmt: skip


def help_table(rounds: int) -> dict[str, Any]:
    """Compare `qwa --help` with an interpreter that does nothing."""
    pairs = [
        (run([sys.executable, "-c", "pass"]), run([QWA, "--help"])) for _ in range(rounds + 1)
    ][1:]
    ratio = middle([ours.wall / bare.wall for bare, ours in pairs], "ratio")
    heavy = sorted(HEAVY & _imported())
    return {
        "title": "`qwa --help` beside `python -c pass`",
        "note": "Heavy packages that it imports: " + (", ".join(heavy) or "none") + ".",
        "rows": [
            {
                "python": middle([bare.wall for bare, _ in pairs], "s"),
                "qwa --help": middle([ours.wall for _, ours in pairs], "s"),
                "ratio": ratio,
                "goal": goal(ratio["value"], 8.0),
            }
        ],
    }


def _imported() -> set[str]:
    said = run([sys.executable, "-X", "importtime", QWA, "--help"]).said
    lines = [line for line in said.splitlines() if line.startswith("import time:")]
    return {line.rpartition("|")[2].strip().partition(".")[0] for line in lines}


def first_table(rounds: int, scratch: Path) -> dict[str, Any]:
    """Compare a question about a clip that was never heard with faster-whisper's transcribing."""
    peer = peers.command(str(CLIP))
    run(peer)  # its files into the page cache
    _ask(FIRST[1], scratch)
    found: list[dict[str, Used]] = []
    for _ in range(rounds):
        one = {"peer": run(peer)}
        for question in FIRST:
            _forget(scratch)
            one[question] = _ask(question, scratch)
        found.append(one)
    rows = [_beside(question, found) for question in FIRST]
    return {
        "title": "A first question about a 10 s clip, in a fresh process",
        "note": "Models are on disk, nothing is known of the clip. The peer is faster-whisper"
        " alone, transcribing the same file in a fresh process with its defaults (int8).",
        "rows": rows,
    }


def _beside(question: str, found: list[dict[str, Used]]) -> dict[str, Any]:
    ratio = middle([one[question].wall / one["peer"].wall for one in found], "ratio")
    cpu = middle([one[question].cpu / one["peer"].cpu for one in found], "ratio")
    return {
        "question": question,
        "qwa ask": middle([one[question].wall for one in found], "s"),
        "faster-whisper": middle([one["peer"].wall for one in found], "s"),
        "ratio": ratio,
        "ratio of CPU": cpu,
        "goal": goal(ratio["value"], 1.3),
    }


def second_table(rounds: int, scratch: Path) -> dict[str, Any]:
    """Compare a second question about the clip, in a new process, with the first."""
    rows = []
    for first, second in SECOND:
        pairs = []
        for _ in range(rounds):
            _forget(scratch)
            pairs.append((_ask(first, scratch), _ask(second, scratch)))
        times = middle([before.wall / after.wall for before, after in pairs], "ratio")
        listens = (first, second) == SECOND[-1]
        rows.append(
            {
                "first question": first,
                "second question": second,
                "first": middle([before.wall for before, _ in pairs], "s"),
                "second": middle([after.wall for _, after in pairs], "s"),
                "times faster": times,
                "goal": "none: other experts listen" if listens
                else goal(times["value"], 5.0, at_most=False),
            }
        )  # fmt: skip
    return {
        "title": "A second question about the same clip, in another process",
        "note": "What was heard for the first question is read from the analysis cache.",
        "rows": rows,
    }


def _ask(question: str, scratch: Path) -> Used:
    return run([QWA, "ask", CLIP, question], {"QWA_ANALYSES": str(scratch)})


def _forget(scratch: Path) -> None:
    shutil.rmtree(scratch, ignore_errors=True)
