"""Files that are not what they seem: one clear error or a warning, soon, and nothing followed."""

import contextlib
import os
import struct
import subprocess
import sys
import time

import numpy as np
import pytest

from qwen_audio_tools.decoding import RATE, Limits, decode, probe
from qwen_audio_tools.errors import (
    ClipError,
    ClipMissing,
    ClipTooLong,
    ClipUnreadable,
    ClipUnsupported,
)


def heard(path, **span):
    with path.open("rb") as file, decode(file, **span) as decoded:
        samples = np.concatenate(list(decoded))
        return samples, decoded.warnings


def wav_header(seconds=1.0, rate=44_100, channels=1, bits=16, size=None):
    size = round(seconds * rate) * channels * bits // 8 if size is None else size
    body = struct.pack("<HHIIHH", 1, channels, rate, rate * channels * bits // 8, 2, bits)
    data = b"data" + struct.pack("<I", size)
    riff = b"RIFF" + struct.pack("<I", (36 + size) & 0xFFFF_FFFF) + b"WAVE"
    return riff + b"fmt " + struct.pack("<I", 16) + body + data


@pytest.mark.parametrize(
    ("name", "content", "error", "words"),
    [
        ("empty.wav", b"", ClipMissing, "empty"),
        ("noise.wav", np.random.default_rng(1).bytes(100_000), ClipUnreadable, "not a sound file"),
        ("notes.mp3", b"These are my notes.\n" * 50, ClipUnreadable, "is text"),
        ("notes2.mp3", "Das sind schöne Töne.\n".encode() * 900, ClipUnreadable, "is text"),
        ("page.m4a", b"<!DOCTYPE html><html>404</html>", ClipUnreadable, "is text"),
        ("old.wma", b"\x30\x26\xb2\x75\x8e\x66\xcf\x11" + bytes(99), ClipUnsupported, "wma"),
        ("tune.mid", b"MThd\0\0\0\6" + bytes(99), ClipUnsupported, "MIDI"),
        ("film.avi", b"RIFF\0\0\0\0AVI LIST" + bytes(99), ClipUnsupported, "AVI"),
        ("cut.wav", b"RIFF", ClipError, "cut.wav"),
        ("cut.flac", b"fLaC\0\0\0\x22" + bytes(8), ClipUnreadable, "cut.flac"),
        ("cut.m4a", b"\0\0\0\x20ftypM4A \0\0\0\0", ClipUnreadable, "cut.m4a"),
        ("cut.ogg", b"OggS" + bytes(40), ClipUnreadable, "cut.ogg"),
        ("cut.mkv", b"\x1aE\xdf\xa3" + bytes(40), ClipUnreadable, "cut.mkv"),
        ("cut.mp3", b"ID3\x04\0\0\0\0\x0f\x7f", ClipUnreadable, "cut.mp3"),
        ("cut.amr", b"#!AMR\n", ClipError, "cut.amr"),
    ],
)
def test_what_is_no_sound_is_named_in_one_line(name, content, error, words, tmp_path):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(error, match=words) as caught:
        heard(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "#EXTM3U\n#EXT-X-VERSION:3\n#EXTINF:10,\nfile://{secret}\n#EXT-X-ENDLIST\n",
        "\ufeff#EXTM3U\n#EXTINF:10,\n{secret}\n",
        "ffconcat version 1.0\nfile {secret}\n",
        "[playlist]\nFile1={secret}\n",
    ],
)
def test_a_playlist_is_never_followed(text, tmp_path, write, melody):
    secret = write("wav", melody(1), 44_100, name="secret.wav")
    path = tmp_path / "song.mp3"
    path.write_text(text.format(secret=secret))
    with pytest.raises((ClipUnsupported, ClipUnreadable)):
        heard(path)


def test_no_samples_at_all(write):
    with pytest.raises(ClipMissing, match="no audio samples"):
        heard(write("wav", np.zeros((0, 1)), 44_100))


def test_five_milliseconds_are_heard_and_called_too_short(write, melody):
    samples, warnings = heard(write("wav", melody(0.005, RATE), RATE))
    assert len(samples) == 80
    assert warnings == ("only 5 ms of audio: too short to judge",)


@pytest.mark.parametrize("kind", ["wav", "flac", "mp3", "m4a", "mkv"])
def test_a_file_that_was_cut_off_gives_what_is_there_and_says_so(kind, write, melody):
    options = {"movflags": "faststart"} if kind == "m4a" else {}
    rng = np.random.default_rng(0)
    sound = melody(60) + 0.05 * rng.standard_normal((60 * 44_100, 1)).astype(np.float32)
    path = write(kind, sound, 44_100, **options)
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size * 2 // 3)
    samples, warnings = heard(path)
    assert len(samples) / RATE == pytest.approx(40, abs=2)
    said = [warning for warning in warnings if "ends early: header says 60.0 s" in warning]
    assert said, warnings


@pytest.mark.parametrize("kind", ["m4a", "mp4"])
def test_an_mp4_without_its_index_is_unreadable(kind, write, melody):
    path = write(kind, melody(20), 44_100)
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)
    with pytest.raises(ClipUnreadable, match="index"):
        heard(path)


def test_bytes_lost_in_the_middle_of_an_mp3_cost_no_more_than_their_part(write, melody):
    path = write("mp3", melody(20, channels=2), 44_100)
    data = bytearray(path.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 2000] = bytes(2000)
    path.write_bytes(data)
    samples, _ = heard(path)
    assert len(samples) / RATE == pytest.approx(20, abs=1)
    assert np.abs(samples[18 * RATE : 19 * RATE]).max() > 0.3


def test_a_header_that_lies_about_its_length(tmp_path):
    path = tmp_path / "liar.wav"
    path.write_bytes(wav_header(seconds=3600) + bytes(2 * 44_100))
    samples, warnings = heard(path)
    assert len(samples) == RATE
    assert warnings == ("ends early: header says 3600.0 s, 1.0 s could be decoded",)


@pytest.mark.parametrize("rate", [0, 1, 4_000_000])
def test_a_header_that_lies_about_its_rate(rate, tmp_path):
    path = tmp_path / "liar.wav"
    path.write_bytes(wav_header(rate=rate, size=88_200) + bytes(88_200))
    with pytest.raises(ClipUnreadable):
        heard(path)


def test_255_channels_are_too_many(tmp_path):
    path = tmp_path / "wide.wav"
    path.write_bytes(wav_header(0.1, channels=255) + bytes(4410 * 255 * 2))
    with pytest.raises(ClipTooLong, match="255 channels"):
        heard(path)


def test_a_sparse_wav_of_six_gigabytes_is_refused_at_once(tmp_path):
    path = tmp_path / "sparse.wav"
    with path.open("wb") as file:
        file.write(wav_header(channels=2, size=0xFFFF_FFF0))
        file.truncate(6 * 10**9)
    began = time.monotonic()
    with path.open("rb") as file, pytest.raises(ClipTooLong, match="6,000,000,000 bytes"):
        probe(file)
    with path.open("rb") as file:
        assert probe(file, limits=Limits(max_bytes=10**10)).channels == 2
    assert time.monotonic() - began < 5


def test_an_opus_of_hours_in_a_megabyte_stops_at_the_limit(write):
    silence = np.zeros((48_000 * 60, 1))
    path = write("opus", silence, 48_000)
    assert path.stat().st_size < 200_000  # hours of it would fit in a megabyte
    with pytest.raises(ClipTooLong, match="30 s"):
        heard(path, limits=Limits(max_seconds=30))
    with path.open("r+b") as file:  # the last page, which tells the length, is gone
        file.truncate(path.stat().st_size * 3 // 4)
    with pytest.raises(ClipTooLong, match="30 s"):
        heard(path, limits=Limits(max_seconds=30))


def test_any_byte_may_be_wrong_and_only_our_errors_come(write, melody):
    rng = np.random.default_rng(7)
    for kind in ("wav", "mp3", "flac", "ogg", "m4a", "webm", "aac"):
        rate = 48_000 if kind == "webm" else 44_100
        data = write(kind, melody(1, rate), rate).read_bytes()
        for _ in range(8):
            broken = bytearray(data)
            for at in rng.integers(4, len(data), 20):
                broken[at] = rng.integers(256)
            path = write("wav", melody(0.1), RATE, name="broken")
            path.write_bytes(broken)
            with contextlib.suppress(ClipError):
                samples, _ = heard(path, limits=Limits(max_seconds=60))
                assert np.isfinite(samples).all()


def test_ten_minutes_take_no_more_memory_than_one(write, melody):
    # Their samples alone would be 38 MB at 16 kHz.
    program = (
        "import sys\n"
        "from qwen_audio_tools.decoding import decode\n"
        "def run(end):\n"
        "    with open(sys.argv[1], 'rb') as file, decode(file, end=end) as decoded:\n"
        "        for _ in decoded: pass\n"
        "    status = open('/proc/self/status').read()\n"
        "    return int(status.partition('VmHWM:')[2].split()[0])\n"
        "first = run(60)\n"
        "print(run(None) - first)\n"
    )
    flac = write("flac", np.tile(melody(60, 22_050), (10, 1)), 22_050)
    bare = write("aac", melody(60, 22_050), 22_050)
    bare.write_bytes(bare.read_bytes() * 10)
    for path in (flac, bare):
        child = [sys.executable, "-c", program, str(path)]
        grown = subprocess.run(child, capture_output=True, check=True, env=os.environ)
        assert int(grown.stdout) < 8_000  # kB
