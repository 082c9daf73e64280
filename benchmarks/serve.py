"""Measure `qwa serve` under load: 64 clients that never pause, beside a bare echo of their bodies.

Run: python benchmarks/serve.py [--quick] [--only question audio stream]
The engine is scripted, so that what is measured is the server. Each server is a process of its own,
the clients are another. Ours is asked for a minute; then both by turns, for the ratio. Writes
results/serve.json and serve.md.
"""

import argparse
import base64
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import report
from measuring import http_load, machine
from measuring.figures import goal, middle

SERVERS = Path(__file__).parent / "measuring" / "http_servers.py"
RESULTS = report.RESULTS / "serve.json"
PACKAGES = ("qwen-audio-tools", "uvicorn", "starlette", "h11")
CLIENTS, ROUNDS = 64, 5
NOTE = (
    "64 clients on connections of their own ask without a pause for 60 s; they are one process on"
    " the same cores, and take their share. Then ours and the echo are asked for 4 s each, by"
    " turns, 5 times: medians. The echo is a bare uvicorn application that reads a body and sends"
    " it back, with the same HTTP parser. Ours reads JSON, undoes base64, opens the audio, and asks"
    " the engine in a thread, and the echo does none of it. CPU is that of our process for one"
    " answer."
)
LEAKS = "Resident memory of our server after 10 s and at the end of its 60 s, under the same load."


@dataclass(frozen=True, slots=True)
class Seconds:
    """How long ours is asked in all, and at first; and each of both in a round."""

    whole: float
    first: float
    round: float


@dataclass(frozen=True, slots=True)
class Server:
    """A server in a process of its own."""

    port: int
    pid: int

    def cpu(self) -> float:
        """Return the CPU seconds that it has had so far."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(") ")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory(self) -> float:
        """Return its resident memory in MB."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) / 1024


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    bodies = _bodies()
    parser.add_argument("--only", nargs="+", choices=list(bodies), metavar="CASE")
    parser.add_argument("--quick", action="store_true", help="a look: seconds instead of a minute")
    arguments = parser.parse_args()
    seconds = Seconds(3.0, 1.0, 1.0) if arguments.quick else Seconds(60.0, 10.0, 4.0)
    about = machine.about(versions=machine.versions(PACKAGES))
    speed, memory = [], []
    for name in arguments.only or bodies:
        fast, kept = measured(name, bodies[name], seconds)
        speed.append(fast)
        memory.append(kept)
        print(json.dumps([fast, kept], ensure_ascii=False), flush=True)
    if not arguments.quick and not arguments.only:
        tables = [
            {"title": "Beside a bare echo", "note": NOTE, "rows": speed},
            {"title": "Memory", "note": LEAKS, "rows": memory},
        ]
        found = {"about": about, "tables": tables}
        RESULTS.write_text(json.dumps(found, ensure_ascii=False, indent=1) + "\n", "utf-8")
        report.write()
    return 0


def measured(name: str, body: bytes, seconds: Seconds) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return how fast both servers were, and how much memory ours had."""
    with started("ours") as server, started("echo") as echo:
        began = server.cpu()
        early = _ask(server, body, seconds.first)
        at_first = server.memory()
        late = _ask(server, body, seconds.whole - seconds.first)
        at_last, used = server.memory(), server.cpu() - began
        rounds = [
            (_ask(echo, body, seconds.round), _ask(server, body, seconds.round))
            for _ in range(ROUNDS)
        ]
    answers = len(early.seconds) + len(late.seconds)
    wrong = [error for load in (early, late, *sum(rounds, ())) for error in load.errors]
    for each in wrong[:3]:
        print(f"error: {each}", file=sys.stderr)
    speed = {
        "what": name,
        "body": f"{len(body):,} bytes",
        "answers a second": f"{answers / seconds.whole:,.0f}",
        "p50": _ms(late.percentile(0.5)),
        "p99": _ms(late.percentile(0.99)),
        "CPU": f"{1000 * used / max(1, answers):.2f} ms",
        "errors": goal(len(wrong), 0),
        "in rounds: ours": f"{statistics.median(ours.rate for _, ours in rounds):,.0f}",
        "echo": f"{statistics.median(theirs.rate for theirs, _ in rounds):,.0f}",
        "ours of echo": middle([ours.rate / theirs.rate for theirs, ours in rounds], "ratio"),
        "p99 of ours": _ms(statistics.median(ours.percentile(0.99) for _, ours in rounds)),
        "p99 of echo": _ms(statistics.median(theirs.percentile(0.99) for theirs, _ in rounds)),
        "n": answers,
    }
    grown = at_last - at_first
    memory = {
        "what": name,
        "after 10 s": f"{at_first:.1f} MB",
        "at the end": f"{at_last:.1f} MB",
        "grown by": f"{grown:+.1f} MB",
        "at most 10 %": goal(round(100 * grown / at_first, 1), 10.0),
        "n": answers,
    }
    return speed, memory


@contextmanager
def started(kind: str) -> Iterator[Server]:
    """Start one of the servers, and end it."""
    child = subprocess.Popen(
        [sys.executable, str(SERVERS), kind], stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    try:
        port = int(child.stdout.readline())
        time.sleep(0.5)
        yield Server(port, child.pid)
    finally:
        child.terminate()
        child.wait()


def _ask(server: Server, body: bytes, seconds: float) -> http_load.Load:
    asked = [http_load.request(server.port, "/v1/chat/completions", body)]
    return http_load.run(server.port, asked, clients=CLIENTS, seconds=seconds)


def _bodies() -> dict[str, bytes]:
    from qwen_audio_tools import Clip
    from qwen_audio_tools.testing import RATE, tone

    data = base64.b64encode(Clip((tone(440, 3.0), RATE)).wav_bytes()).decode()
    audio = {"type": "input_audio", "input_audio": {"data": data, "format": "wav"}}
    question = {"type": "text", "text": "What is heard, and how long does it last?"}
    asked = {"messages": [{"role": "user", "content": [question]}]}
    about = {"messages": [{"role": "user", "content": [audio, question]}]}
    return {
        name: json.dumps(value).encode()
        for name, value in {
            "question": asked,
            "audio": about,
            "stream": {**about, "stream": True},
        }.items()
    }


def _ms(seconds: float) -> str:
    return f"{1000 * seconds:.0f} ms"


if __name__ == "__main__":
    sys.exit(main())
