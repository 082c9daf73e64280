"""Run `qwa` as a user does, in a process of its own, with a limit on time; and bad files to ask."""

import os
import re
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

RATE = 16_000


@dataclass(frozen=True, slots=True)
class Run:
    """What a finished `qwa` left: exit code, streams, seconds, and peak memory in MB."""

    code: int
    out: str
    err: str
    seconds: float
    peak_mb: float

    @property
    def error_lines(self) -> list[str]:
        return [line for line in self.err.splitlines() if line.startswith("qwa: error: ")]


def peak_mb(pid: int) -> float:
    """Return the most memory that a process has had so far, in MB; 0 once it is gone.

    getrusage won't do: it counts the memory of the parent that the child was forked from.
    """
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    return int(found[1]) / 1024 if found else 0.0


@pytest.fixture(scope="session")
def run_qwa() -> Callable[..., Run]:
    def run(
        *arguments: object,
        env: Mapping[str, str | None] | None = None,
        limit_s: float = 60.0,
        **popen: Any,
    ) -> Run:
        given = {**os.environ, **(env or {})}
        started = time.monotonic()
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            child = subprocess.Popen(
                [sys.executable, "-m", "qwa", *map(str, arguments)],
                env={name: value for name, value in given.items() if value is not None},
                **{"stdin": subprocess.DEVNULL, "stdout": out, "stderr": err} | popen,
            )
            peak = 0.0
            while child.poll() is None and time.monotonic() - started < limit_s:
                peak = max(peak, peak_mb(child.pid))
                time.sleep(0.02)
            child.kill()
            child.wait()
            seconds = time.monotonic() - started
            texts = []
            for stream in (out, err):
                stream.seek(0)
                texts.append(stream.read().decode())
        return Run(child.returncode, *texts, seconds, peak)

    return run


def wav_bytes(
    samples: np.ndarray, *, rate: int = RATE, channels: int = 1, claimed: int | None = None
) -> bytes:
    """Return 16-bit PCM (or float32, by the array's type) with a header that may lie."""
    is_float = samples.dtype == np.float32
    data = samples.astype("<f4" if is_float else "<i2").tobytes()
    width = 4 if is_float else 2
    form = struct.pack(
        "<HHIIHH",
        3 if is_float else 1,
        channels,
        rate,
        (rate * channels * width) & 0xFFFFFFFF,
        (channels * width) & 0xFFFF,
        8 * width,
    )
    size = len(data) if claimed is None else claimed
    head = b"WAVEfmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", size)
    return b"RIFF" + struct.pack("<I", (len(head) + size) & 0xFFFFFFFF) + head + data


def noise(seconds: float, *, channels: int = 1) -> np.ndarray:
    made = np.random.default_rng(7).normal(0, 3000, round(seconds * RATE) * channels)
    return made.astype(np.int16)


def encoded(path: Path, codec: str, seconds: float, *, video_only: bool = False) -> Path:
    """Write noise (or a black picture) through PyAV into the container of the path's suffix."""
    import av

    # An index in front, as for the web: without it a cut m4a holds nothing that can be played.
    options = {"movflags": "+faststart"} if path.suffix in (".mp4", ".m4a") else {}
    with av.open(str(path), "w", options=options) as target:
        if video_only:
            stream = target.add_stream("mpeg4", rate=10)
            stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
            frames = [av.VideoFrame(64, 64, "yuv420p") for _ in range(10)]
        else:
            stream = target.add_stream(codec, rate=RATE, layout="mono")
            pieces = np.split(noise(seconds), range(1024, round(seconds * RATE), 1024))
            frames = [av.AudioFrame.from_ndarray(p[None], "s16", "mono") for p in pieces]
            for frame in frames:
                frame.sample_rate = RATE
        for frame in frames:
            target.mux(stream.encode(frame))
        target.mux(stream.encode(None))
    return path


@pytest.fixture(scope="session")
def bad(tmp_path_factory) -> Path:
    """A folder of files as they come in, none of them a plain good recording."""
    folder = tmp_path_factory.mktemp("bad")
    made = noise(2.0)
    (folder / "empty.wav").write_bytes(b"")
    (folder / "zero.wav").write_bytes(wav_bytes(noise(0.0)))
    (folder / "5ms.wav").write_bytes(wav_bytes(noise(0.005)))
    (folder / "random.wav").write_bytes(np.random.default_rng(1).bytes(100_000))
    (folder / "text.mp3").write_text("this is no music\n" * 1000)
    (folder / "folder.mp3").mkdir()
    (folder / "long.wav").write_bytes(wav_bytes(made, claimed=2**31))
    (folder / "fast.wav").write_bytes(wav_bytes(made, rate=4_000_000_000))
    (folder / "still.wav").write_bytes(wav_bytes(made, rate=0))
    (folder / "255.wav").write_bytes(wav_bytes(noise(0.5, channels=255), channels=255))
    nan = np.full(2 * RATE, np.nan, np.float32)
    (folder / "nan.wav").write_bytes(wav_bytes(nan))
    encoded(folder / "silent-film.mp4", "", 0.0, video_only=True)
    secret = folder / "secret.wav"
    secret.write_bytes(wav_bytes(made))
    (folder / "playlist.mp3").write_text(
        f"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{secret}\n#EXT-X-ENDLIST\n"
    )
    with (folder / "sparse.wav").open("wb") as file:
        file.write(wav_bytes(made, claimed=2**32 - 100))
        file.truncate(6 * 2**30)
    (folder / "loop-a.wav").symlink_to(folder / "loop-b.wav")
    (folder / "loop-b.wav").symlink_to(folder / "loop-a.wav")
    (folder / "dangling.wav").symlink_to(folder / "gone.wav")
    (folder / "locked.wav").write_bytes(wav_bytes(made))
    (folder / "locked.wav").chmod(0)
    return folder


@pytest.fixture(scope="session")
def truncated(tmp_path_factory) -> Path:
    """A folder of recordings that lost their end, with what was heard before it."""
    folder = tmp_path_factory.mktemp("truncated")
    for name, codec in (("a.flac", "flac"), ("a.mp3", "libmp3lame"), ("a.m4a", "aac")):
        whole = encoded(folder / f"whole-{name}", codec, 6.0)
        data = whole.read_bytes()
        (folder / name).write_bytes(data[: len(data) // 2])
        whole.unlink()
    return folder


@pytest.fixture(scope="session")
def bomb(tmp_path_factory) -> Path:
    """An Opus file of 3 MB that decodes to 30 hours: packets of 120 ms in two bytes each."""
    path = tmp_path_factory.mktemp("bomb") / "bomb.opus"
    head = b"OpusHead" + struct.pack("<BBHIHB", 1, 1, 0, 48_000, 0, 0)
    tags = b"OpusTags" + struct.pack("<II", 0, 0)
    pages = [_page([head], 0, 0, 2), _page([tags], 0, 1, 0)]
    packet = bytes([(3 << 3) | 3, 2])  # SILK, 60 ms, twice, both frames empty
    count = 30 * 3600 * 1000 // (120 * 255)
    for number in range(1, count + 1):
        granule = number * 255 * 5760
        pages.append(_page([packet] * 255, granule, number + 1, 4 if number == count else 0))
    path.write_bytes(b"".join(pages))
    return path


def _page(packets: list[bytes], granule: int, number: int, flags: int) -> bytes:
    sizes = bytes(map(len, packets))
    page = b"OggS" + struct.pack("<BBqIIIB", 0, flags, granule, 1, number, 0, len(sizes))
    page += sizes + b"".join(packets)
    return page[:22] + struct.pack("<I", _crc(page)) + page[26:]


def _crc_row(value: int) -> int:
    value <<= 24
    for _ in range(8):
        value = (value << 1) ^ (0x04C11DB7 if value & 0x80000000 else 0)
    return value & 0xFFFFFFFF


CRC = [_crc_row(value) for value in range(256)]


def _crc(data: bytes) -> int:
    register = 0
    for byte in data:
        register = ((register << 8) & 0xFFFFFFFF) ^ CRC[(register >> 24) ^ byte]
    return register
