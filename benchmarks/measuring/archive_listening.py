"""Taking episodes into an archive beside faster-whisper on the same files, and the memory of it.

Ours is the whole pass of `qwa archive sync`: words, sounds, speakers, voices, the record, and the
index with its vectors. The peer gives the words.
"""

import shutil
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from measuring import long_recording, peers
from measuring.children import QWA, Used, run
from measuring.figures import goal, middle

ALLOWED = 1.35
"""Our pass may cost this much of the peer's time."""
FLAT = 1.1
"""Hours may take this much of the memory of minutes."""


def files_of(made: Path) -> list[Path]:
    """Return one episode of each show, so that every language is among them."""
    return [sorted(show.glob("*.mp3"))[0] for show in sorted(made.iterdir()) if show.is_dir()]


def speed_table(files: Sequence[Path], rounds: int, scratch: Path) -> dict[str, Any]:
    """Measure by turns: ours, and the peer's batched pipeline, which is its quicker way."""
    names = [str(path) for path in files]
    ours, batched = list[Used](), list[Used]()
    for _ in range(rounds):
        batched.append(run(peers.command(*names, batched=True)))
        ours.append(sync(files, scratch))
    hours = sum(_seconds(path) for path in files) / 3600
    return {
        "title": f"Listening to {len(files)} episodes, {hours:.2f} h",
        "note": "Made episodes of 15 minutes, mp3; Whisper base in int8 on both sides. With its"
        " defaults, without batches, the peer takes some three times as long.",
        "rows": [
            _row("seconds", "wall", ours, batched),
            _row("CPU seconds", "cpu", ours, batched, wanted=False),
            {"of": "hours of audio heard in an hour",
             "ours": _speed(hours, ours), "peer": _speed(hours, batched)},
        ],
    }  # fmt: skip


def memory_table(hours: float, rounds: int, scratch: Path) -> dict[str, Any]:
    """Measure by turns the peak of all processes together, for hours and for 4 minutes."""
    long, _ = long_recording.write(scratch / "long.mp3", 3600.0 * hours)
    short, _ = long_recording.write(scratch / "short.mp3", 240.0)
    most, least = list[Used](), list[Used]()
    for _ in range(rounds):
        least.append(sync([short], scratch))
        most.append(sync([long], scratch))
    ratio = middle([a.mb / b.mb for a, b in zip(most, least, strict=True)], "ratio")
    return {
        "title": f"Memory for an episode of {hours:g} h",
        "note": "The most that the command and the process that listens for it take at one time.",
        "rows": [
            {"of": "peak memory", f"{hours:g} h": middle([each.mb for each in most], "MB"),
             "4 min": middle([each.mb for each in least], "MB"), "ratio": ratio,
             "goal": goal(ratio["value"], FLAT)},
            {"of": "seconds", f"{hours:g} h": middle([each.wall for each in most], "s"),
             "4 min": middle([each.wall for each in least], "s"), "ratio": None, "goal": None},
        ],
    }  # fmt: skip


def sync(files: Sequence[Path], scratch: Path) -> Used:
    """Take files into a new archive, with nothing known from before; return what `sync` took."""
    place = scratch / "archive"
    shutil.rmtree(place, ignore_errors=True)
    shutil.rmtree(scratch / "kept", ignore_errors=True)
    known = {"QWA_ANALYSES": str(scratch / "kept"), "QWA_QUIET": "1"}
    run([QWA, "archive", "add", *files, "--archive", place], known)
    return run([QWA, "archive", "sync", "--archive", place], known)


def _row(
    of: str, what: str, ours: Sequence[Used], peer: Sequence[Used], *, wanted: bool = True
) -> dict[str, Any]:
    mine, other = ([getattr(each, what) for each in some] for some in (ours, peer))
    ratio = middle([a / b for a, b in zip(mine, other, strict=True)], "ratio")
    return {
        "of": of,
        "ours": middle(mine, "s"),
        "peer": middle(other, "s"),
        "ratio": ratio,
        "goal": goal(ratio["value"], ALLOWED) if wanted else None,
    }


def _speed(hours: float, used: Sequence[Used]) -> float:
    return round(statistics.median(3600 * hours / each.wall for each in used), 1)


def _seconds(path: Path) -> float:
    from qwen_audio_tools import Clip

    return Clip(path).duration
