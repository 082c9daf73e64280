"""A long recording: our whole analysis of it beside faster-whisper's batched transcription, each in
a child, and the memory of ours against that for two minutes.
"""

import random
import shutil
from pathlib import Path
from typing import Any

import numpy as np

from measuring import peers
from measuring.children import QWA, Used, run
from measuring.figures import difference, goal, middle, rate
from measuring.spoken import RATE, Samples, utterances
from measuring.word_errors import errors
from qwen_audio_tools import testing as made

TASK = "caption+emotion"  # words, sounds and voice: all that listens, apart from telling voices
FILE_RATE = 44_100
SOUNDS = (
    made.dog_bark, made.telephone, made.rain, made.siren, made.church_bell, made.glass_breaking,
    made.piano, made.doorbell,
)  # fmt: skip


def table(minutes: int, rounds: int, folder: Path) -> dict[str, Any]:
    """Measure; writes two mp3 files of `minutes` and 2 minutes into `folder`."""
    long, text = write(folder / "long.mp3", 60.0 * minutes)
    short, _ = write(folder / "short.mp3", 120.0)
    turns = []
    for _ in range(rounds):
        one = {"peer": run(peers.command(str(long), batched=True))}
        one["ours"] = _analyse(long, folder)
        one["words"] = run([QWA, "transcribe", long], _kept(folder))  # from the cache
        one["short"] = _analyse(short, folder)
        turns.append(one)
    wall = middle([one["ours"].wall / one["peer"].wall for one in turns], "ratio")
    memory = middle([one["ours"].mb / one["short"].mb for one in turns], "ratio")
    return {
        "title": f"A recording of {minutes} minutes",
        "note": f"Made: sentences of six voices, a sound every eighth, pauses; mp3, {FILE_RATE} Hz."
        f" Ours is `qwa ask --task {TASK}`: words, sounds and voice. The peer is"
        " BatchedInferencePipeline with batch_size=8, which gives the words only."
        " The intervals are those of few rounds.",
        "rows": [
            _row("seconds", turns, ("wall", "s"), wall, goal(wall["value"], 1.3)),
            _row("CPU seconds", turns, ("cpu", "s"),
                 middle([one["ours"].cpu / one["peer"].cpu for one in turns], "ratio")),
            _row("peak memory", turns, ("mb", "MB"),
                 middle([one["ours"].mb / one["peer"].mb for one in turns], "ratio")),
            {"of": "peak memory against that for 2 min", "ours": _mb(turns, "ours"),
             "other": _mb(turns, "short"), "ratio": memory, "goal": goal(memory["value"], 1.2)},
            _words(text, turns[0]),
        ],
    }  # fmt: skip


def _row(
    of: str, turns: list[dict[str, Used]], what: tuple[str, str], ratio: Any, wanted: Any = None
) -> dict[str, Any]:
    ours, other = (
        middle([getattr(one[who], what[0]) for one in turns], what[1]) for who in ("ours", "peer")
    )
    return {"of": of, "ours": ours, "other": other, "ratio": ratio, "goal": wanted}


def _mb(turns: list[dict[str, Used]], who: str) -> dict[str, Any]:
    return middle([one[who].mb for one in turns], "MB")


def _words(text: str, one: dict[str, Used]) -> dict[str, Any]:
    ours, peer = (errors(text, one[who].printed, "en") for who in ("words", "peer"))
    return {
        "of": "word errors", "ours": rate([ours]), "other": rate([peer]),
        "ratio": difference([ours], [peer]), "goal": None,
    }  # fmt: skip


def _analyse(path: Path, folder: Path) -> Used:
    shutil.rmtree(folder / "kept", ignore_errors=True)
    return run([QWA, "ask", path, "--task", TASK], _kept(folder))


def _kept(folder: Path) -> dict[str, str]:
    return {"QWA_ANALYSES": str(folder / "kept"), "QWA_QUIET": "1"}


def write(path: Path, seconds: float) -> tuple[Path, str]:
    """Write a recording of at least `seconds`, and return it with the words in it."""
    import soundfile
    import soxr

    chance = random.Random(len(path.name))
    spoken = [(text, _at(soxr, samples)) for text, samples in utterances("en", 150)]
    sounds = [_at(soxr, 0.5 * make()) for make in SOUNDS]
    texts, left = [], round(seconds * FILE_RATE)
    shape = (FILE_RATE, 1)
    with soundfile.SoundFile(path, "w", *shape, subtype="MPEG_LAYER_III", format="MP3") as out:
        for number in range(10**9):
            text, voice = chance.choice(spoken)
            parts = [voice, np.zeros(round(chance.uniform(0.1, 1.5) * FILE_RATE), np.float32)]
            if number % 8 == 7:
                parts.append(chance.choice(sounds))
            out.write(np.concatenate(parts))
            texts.append(text)
            left -= sum(map(len, parts))
            if left <= 0:
                break
    return path, " ".join(texts)


def _at(soxr: Any, samples: Samples) -> Samples:
    resampled: Samples = soxr.resample(samples, RATE, FILE_RATE, quality="HQ").astype(np.float32)
    return resampled
