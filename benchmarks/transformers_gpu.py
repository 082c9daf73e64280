"""Measure the full shape of Qwen2-Audio-7B, random weights in bf16, on one GPU.

Run on a machine with a CUDA GPU of 24 GB or more: python benchmarks/transformers_gpu.py
Time to first token and tokens a second, for one stream and for 16, by plain `generate` (dynamic
cache, and static cache as transformers compiles it) and by ours; 8 questions on one clip; and how
that compares with the limit that the memory's bandwidth sets. Writes results/transformers_gpu.json.
`--tiny` runs all of it on a small shape, on a CPU too: a look at whether it works, not a figure.
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import report
import torch
from measuring import machine
from measuring.engine_cases import QUESTIONS, RATE, SENTENCES
from measuring.plain_generate import Plain, clip_turn

from qwen_audio_tools import Clip, Options
from qwen_audio_tools.conversation import user
from qwen_audio_tools.engines.base import run_many
from qwen_audio_tools.engines.transformers.engine import TransformersEngine
from qwen_audio_tools.settings import read
from qwen_audio_tools.testing import speech
from qwen_audio_tools.testing.made_checkpoints import SEVEN_B, TINY, make_model

RESULTS = report.RESULTS / "transformers_gpu.json"
TOKENS = 128


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tiny", action="store_true")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    if not arguments.tiny and not torch.cuda.is_available():
        print("error: no CUDA GPU that torch can use; --tiny tries the script", file=sys.stderr)
        return 2
    side = Sides.made(tiny=arguments.tiny)
    limit = side.limit(300)
    print(json.dumps(limit))
    rows = [row for case in CASES for row in case(side, arguments.rounds)]
    for row in rows:
        row["of the limit"] = f"{row['tokens/s'] / limit['tokens/s'] / row['streams']:.0%}"
        print(json.dumps(row), flush=True)
    if not arguments.tiny:
        gpu = torch.cuda.get_device_name()
        note = f"{gpu}, {limit['GB/s']:.0f} GB/s measured: at most {limit['tokens/s']:.0f} tokens/s"
        table = {"title": "The shape of the 7B, bf16", "note": f"{note} a stream.", "rows": rows}
        about = machine.about(versions=machine.versions(("transformers", "torch")))
        RESULTS.write_text(json.dumps({"about": about, "tables": [table]}, indent=1), "utf-8")
        report.write()
    return 0


class Sides:
    """One model in the GPU's memory, asked by plain `generate` and by ours."""

    def __init__(self, model: Any, processor: Any) -> None:
        self.model, self.device = model, model.device
        self.plain = Plain(model, processor)
        settings = read(device=str(model.device), reuse_mb=16_384)
        self.engine = TransformersEngine.around(model, processor, settings)
        self.voice = np.asarray(speech(SENTENCES * 4), np.float32)

    @classmethod
    def made(cls, *, tiny: bool) -> "Sides":
        device = "cuda" if torch.cuda.is_available() else "cpu"
        model, processor = make_model(
            TINY if tiny else SEVEN_B, device=device, dtype="float32" if tiny else "bfloat16"
        )
        return cls(model, processor)

    def samples(self, seconds: float) -> np.ndarray:
        return np.resize(self.voice, round(seconds * RATE))

    def limit(self, context: int) -> dict[str, float]:
        """Return the bandwidth as measured, and the tokens a second that it allows one stream."""
        source = torch.empty(2**28 if self.device.type == "cuda" else 2**24, device=self.device)
        target = torch.empty_like(source)
        seconds = min(self.clocked(lambda: target.copy_(source))[0] for _ in range(10))
        bandwidth = 2 * source.nbytes / seconds
        text = self.model.model.language_model
        read_bytes = (
            sum(p.nbytes for p in text.layers.parameters()) + self.model.lm_head.weight.nbytes
        )
        sizes = text.config
        kept = 2 * sizes.num_hidden_layers * sizes.num_key_value_heads * context
        kept *= sizes.hidden_size // sizes.num_attention_heads * self.model.lm_head.weight.itemsize
        return {"GB/s": bandwidth / 1e9, "tokens/s": bandwidth / (read_bytes + kept)}

    def clocked(self, run: Callable[[], object]) -> tuple[float, object]:
        self.wait()
        began = time.perf_counter()
        given = run()
        self.wait()
        return time.perf_counter() - began, given

    def wait(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize()

    def ours(self, seconds: float, streams: int, tokens: int) -> object:
        """Ask one question of as many clips, none of them known."""
        self.engine.forget()
        chats = [
            [user(Clip((self.samples(seconds + n / 50), RATE)), QUESTIONS[0])]
            for n in range(streams)
        ]
        return list(run_many(self.engine, chats, Options(max_tokens=tokens, temperature=0.0)))

    def theirs(self, seconds: float, streams: int, tokens: int, **more: Any) -> object:
        chats = [[clip_turn(QUESTIONS[0], self.samples(seconds + n / 50))] for n in range(streams)]
        return self.plain.answer(chats, tokens, **more)


Row = dict[str, Any]


def speed(side: Sides, rounds: int) -> list[Row]:
    """Time to first token, and tokens a second after it, for one stream and for 16."""
    rows = []
    ways: dict[str, Callable[..., object]] = {
        "plain generate": side.theirs,
        "plain generate, static cache": lambda *a: side.theirs(*a, cache_implementation="static"),
        "ours": side.ours,
    }
    for seconds, streams in ((10.0, 1), (29.0, 1), (10.0, 16)):
        for name, way in ways.items():
            if "static" in name and side.device.type != "cuda":
                continue  # it compiles for minutes, to no purpose on a CPU
            way(seconds, streams, TOKENS)
            first, whole = (
                statistics.median(side.clocked(run)[0] for _ in range(rounds))
                for run in (
                    partial(way, seconds, streams, 1),
                    partial(way, seconds, streams, TOKENS),
                )
            )
            rate = streams * (TOKENS - 1) / max(1e-9, whole - first)
            case = f"{seconds:.0f} s clip, {TOKENS} tokens"
            rows.append(
                {
                    "case": case,
                    "streams": streams,
                    "way": name,
                    "first token s": first,
                    "tokens/s": rate,
                }
            )
    return rows


def questions(side: Sides, rounds: int) -> list[Row]:
    """Eight questions on one 10 s clip, 64 tokens each."""
    samples, tokens = side.samples(10.0), 64
    clip = Clip((samples, RATE))
    options = Options(max_tokens=tokens, temperature=0.0)

    def plain() -> object:
        return [side.plain.answer([[clip_turn(words, samples)]], tokens) for words in QUESTIONS]

    def ours() -> object:
        side.engine.forget()
        return list(run_many(side.engine, [[user(clip, words)] for words in QUESTIONS], options))

    rows: list[Row] = []
    for name, way in (("plain generate, one after the other", plain), ("ours, at once", ours)):
        way()
        seconds = statistics.median(side.clocked(way)[0] for _ in range(rounds))
        case = f"8 questions on a 10 s clip, {tokens} tokens each: {seconds:.2f} s"
        rows.append({"case": case, "streams": 8, "way": name, "tokens/s": 8 * tokens / seconds})
    return rows


CASES: tuple[Callable[[Sides, int], list[Row]], ...] = (speed, questions)

if __name__ == "__main__":
    sys.exit(main())
