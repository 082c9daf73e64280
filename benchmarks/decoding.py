"""Decode long recordings to 16 kHz mono: CPU seconds and peak memory, ours beside others.

Run: python benchmarks/decoding.py [--minutes 180] [--rounds 3]. Each decoding runs in a process of
its own, the methods take turns, and the table shows medians. pydub and the pipe need ffmpeg;
whatever is not installed is left out. pydub takes 6 to 12 GB of memory for three hours.
"""

import argparse
import importlib.util
import json
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
from measuring import machine

RESULTS = Path(__file__).parent / "results" / "decoding.json"
# What is written: container for libavformat, codec, rate, bits a second, wanted times pydub, MB.
KINDS = {
    "mp3": ("mp3", "libmp3lame", 44_100, 64_000, 3.5, 64),
    "m4a": ("ipod", "aac", 44_100, 64_000, 1.8, 100),
    "opus": ("ogg", "libopus", 48_000, 48_000, 1.8, 100),
}
LOOP_SECONDS = 60


def ours(path: str) -> int:
    from qwen_audio_tools.decoding import decode

    with open(path, "rb") as file, decode(file) as decoded:  # noqa: PTH123
        return sum(len(block) for block in decoded)


def pydub(path: str) -> int:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pydub import AudioSegment

    sound = AudioSegment.from_file(path).set_frame_rate(16_000).set_channels(1)
    return len(np.frombuffer(sound.raw_data, np.int16))


def ffmpeg(path: str) -> int:
    command = ["ffmpeg", "-v", "error", "-i", path, "-f", "s16le", "-ac", "1", "-ar", "16000", "-"]
    count = 0
    with subprocess.Popen(command, stdout=subprocess.PIPE) as running:
        assert running.stdout is not None
        while piece := running.stdout.read(1 << 20):
            count += len(np.frombuffer(piece, np.int16).astype(np.float32) / 32_768)
    return count


def librosa(path: str) -> int:
    import librosa

    return len(librosa.load(path, sr=16_000)[0])


METHODS: dict[str, tuple[Callable[[str], int], Callable[[], object]]] = {
    "qwen-audio-tools": (ours, lambda: True),
    "pydub": (pydub, lambda: importlib.util.find_spec("pydub") and shutil.which("ffmpeg")),
    "ffmpeg pipe": (ffmpeg, lambda: shutil.which("ffmpeg")),
    "librosa": (librosa, lambda: importlib.util.find_spec("librosa")),
}


def child(method: str, path: str) -> None:
    """Decode once and print what it took; peak memory is this process and its largest child."""
    count = METHODS[method][0](path)
    own, children = (
        resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    # Not ru_maxrss for this process: Linux lets it begin with that of the parent.
    status = Path("/proc/self/status").read_text()
    peak = int(status.partition("VmHWM:")[2].split()[0])
    print(
        json.dumps(
            {
                "cpu": sum(use.ru_utime + use.ru_stime for use in (own, children)),
                "mb": (peak + children.ru_maxrss) / 1024,
                "samples": count,
            }
        )
    )


def run(method: str, path: Path) -> dict[str, float]:
    command = [sys.executable, __file__, "--child", method, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    result: dict[str, float] = json.loads(done.stdout)
    return result


def make(path: Path, kind: str, minutes: int) -> None:
    """Write a long file by encoding a minute once and writing its packets again and again."""
    import av

    container, codec, rate, bits, _, _ = KINDS[kind]
    with av.open(str(path), "w", format=container) as file:
        stream = file.add_stream(codec, rate=rate, layout="stereo")
        stream.bit_rate = bits
        packets = list(_packets(stream, rate))
        length = sum(packet.duration for packet in packets)
        first = packets[0].pts
        for turn in range(minutes * 60 // LOOP_SECONDS):
            for packet, pts in packets_at(packets, first + turn * length):
                packet.pts = packet.dts = pts
                packet.stream = stream
                file.mux(packet)


def packets_at(packets: list, first: int):
    import av

    at = first
    for packet in packets:
        copy = av.Packet(bytes(packet))
        copy.duration, copy.time_base = packet.duration, packet.time_base
        yield copy, at
        at += packet.duration


def _packets(stream, rate: int):
    import av

    context = stream.codec_context
    cutter = av.AudioResampler(
        format=context.format.name,
        layout="stereo",
        rate=rate,
        frame_size=context.frame_size or 1152,
    )
    rng = np.random.default_rng(0)
    for second in range(LOOP_SECONDS):
        time = second + np.arange(rate) / rate
        voice = 0.3 * np.sin(2 * np.pi * (180 * time + 12 * np.sin(2 * time)))
        voice *= 0.5 + 0.5 * np.sin(2 * np.pi * 3 * time)
        sound = np.stack([voice, 0.8 * voice]) + 0.02 * rng.standard_normal((2, rate))
        frame = av.AudioFrame.from_ndarray(sound.astype(np.float32), format="fltp", layout="stereo")
        frame.sample_rate, frame.pts = rate, second * rate
        for piece in cutter.resample(frame):
            yield from stream.encode(piece)


def table(results: dict[str, dict[str, dict[str, float]]], minutes: int) -> str:
    lines = [
        f"| {minutes} min of | method | CPU s | times pydub | peak MB |",
        "|---|---|---|---|---|",
    ]
    for kind, methods in results.items():
        for method, found in methods.items():
            ratio = f"{methods['pydub']['cpu'] / found['cpu']:.1f}" if "pydub" in methods else ""
            cells = (kind, method, f"{found['cpu']:.2f}", ratio, f"{found['mb']:,.0f}")
            lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def missed(results: dict[str, dict[str, dict[str, float]]]) -> list[str]:
    """Return the goals that were not reached."""
    found = []
    for kind, methods in results.items():
        *_, times, most = KINDS[kind]
        mine = methods["qwen-audio-tools"]
        if mine["mb"] > most:
            found.append(f"{kind}: {mine['mb']:.0f} MB, at most {most} wanted")
        if "pydub" in methods and methods["pydub"]["cpu"] / mine["cpu"] < times:
            found.append(f"{kind}: under {times} times pydub")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=int, default=180)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(*options.child)
        return
    chosen = [name for name, (_, installed) in METHODS.items() if installed()]
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        for kind in KINDS:
            path = Path(folder) / f"long.{kind}"
            make(path, kind, options.minutes)
            rounds = [{name: run(name, path) for name in chosen} for _ in range(options.rounds)]
            results[kind] = {
                name: {
                    key: statistics.median(one[name][key] for one in rounds)
                    for key in rounds[0][name]
                }
                for name in chosen
            }
    print(table(results, options.minutes))
    for line in missed(results):
        print("missed:", line)
    about = {
        "about": machine.about(),
        "minutes": options.minutes,
        "rounds": options.rounds,
        "results": results,
    }
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(about, indent=1) + "\n")


if __name__ == "__main__":
    main()
