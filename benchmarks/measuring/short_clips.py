"""Seconds and words of short clips, models warm: ours and faster-whisper by turns."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from measuring import peers
from measuring.figures import difference, middle, rate
from measuring.spoken import RATE, Samples, passage, utterances
from measuring.word_errors import errors

SHORTEST, MIDDLE, LONGEST = 3, 10, 30
COUNTS = {SHORTEST: 20, MIDDLE: 12, LONGEST: 8}
QUICK = {SHORTEST: 4, MIDDLE: 2, LONGEST: 1}

Hear = Callable[[Samples], str]


@dataclass(frozen=True, slots=True)
class Heard:
    """One way of hearing one clip."""

    wall: float
    cpu: float
    wrong: tuple[int, int]


def table(*, quick: bool) -> dict[str, Any]:
    """Compare the transcription expert with faster-whisper on 3, 10 and 30 s of made speech."""
    ways = _ways()
    warm = utterances("en", 1, shift=3)[0][1]
    for hear in ways.values():
        hear(warm)
    rows, everything = [], []
    for seconds, count in (QUICK if quick else COUNTS).items():
        clips = _clips(seconds, count)
        found = [_by_turns(ways, text, samples, turn) for turn, (text, samples) in enumerate(clips)]
        everything += found
        length = sum(len(samples) for _, samples in clips) / len(clips) / RATE
        rows.append(_row(f"{length:.1f} s", found))
    rows.append(_row("all", everything))
    return {
        "title": "Transcribing short clips, models warm, no language given",
        "note": "Made English speech (espeak voices, which are hard for Whisper). The peer with"
        " the language told to it saves its second run of the encoder.",
        "rows": rows,
    }


def _clips(seconds: int, count: int) -> list[tuple[str, Samples]]:
    if seconds == SHORTEST:
        return utterances("en", count)
    return [passage(seconds, seed) for seed in range(seconds * 100, seconds * 100 + count)]


def _ways() -> dict[str, Hear]:
    from qwen_audio_tools.engines.embedded.speech.transcription import Transcriber

    ours, peer = Transcriber(), peers.model()
    return {
        "ours": lambda samples: ours.transcribe_samples(samples).text,
        "peer": lambda samples: peers.text_of(peer, samples),
        "told": lambda samples: peers.text_of(peer, samples, language="en"),
    }


def _by_turns(ways: dict[str, Hear], text: str, samples: Samples, turn: int) -> dict[str, Heard]:
    names = list(ways) if turn % 2 else list(reversed(ways))
    found = {}
    for name in names:
        wall, cpu = time.perf_counter(), time.process_time()
        heard = ways[name](samples)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        found[name] = Heard(wall, cpu, errors(text, heard, "en"))
    return found


def _row(length: str, found: list[dict[str, Heard]]) -> dict[str, Any]:
    ours, peer = [one["ours"].wrong for one in found], [one["peer"].wrong for one in found]
    return {
        "speech": length,
        "clips": len(found),
        "ours": middle([one["ours"].wall for one in found], "s"),
        "faster-whisper": middle([one["peer"].wall for one in found], "s"),
        "ratio": _ratio(found, "wall", "peer"),
        "ratio, language told": _ratio(found, "wall", "told"),
        "ratio of CPU": _ratio(found, "cpu", "peer"),
        "WER ours": rate(ours),
        "WER faster-whisper": rate(peer),
        "difference": difference(ours, peer),
    }


def _ratio(found: list[dict[str, Heard]], what: str, other: str) -> dict[str, Any]:
    return middle(
        [getattr(one["ours"], what) / getattr(one[other], what) for one in found], "ratio"
    )
