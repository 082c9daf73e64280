"""Whatever is thrown at `qwa`: a documented exit code, one clear line and a hint, nothing else.

Nothing on stdout, no traceback, no half-written file, and bounded memory and time.
"""

import ctypes
import os
import socket
import subprocess
import sys
import time

import pytest

QUICK_S = 20.0  # on a busy machine; alone it is under a second
MEMORY_MB = 600.0  # the libraries take 150; a decoded 6 GB or 30 h would show

FILES = [
    # name, exit code, words of the error line
    ("nosuch.wav", 3, "no file"),
    ("empty.wav", 3, "empty"),
    ("zero.wav", 3, "no audio samples"),
    ("random.wav", 3, "not a sound file"),
    ("text.mp3", 3, "is text"),
    ("folder.mp3", 3, "no audio in the folder"),
    ("fast.wav", 3, "cannot be decoded"),
    ("still.wav", 3, "cannot be decoded"),
    ("255.wav", 4, "255 channels"),
    ("nan.wav", 3, "NaN"),
    ("silent-film.mp4", 3, "no audio track"),
    ("playlist.mp3", 4, "HLS playlist"),
    ("sparse.wav", 4, "bytes"),
    ("loop-a.wav", 3, "loop of symbolic links"),
    ("dangling.wav", 3, "does not exist"),
]
ADDRESSES = [
    ("concat:{0}/secret.wav|{0}/secret.wav", 4, "'concat:' is not opened"),
    ("file:{0}/secret.wav", 4, "'file:' is not opened"),
    ("subfile,,start,0,end,100,,:{0}/secret.wav", 3, "no file"),
    ("http://127.0.0.1:9/clip.wav", 4, "only https"),
    ("https://127.0.0.1:9/clip.wav", 4, "not public"),
    ("/dev/zero", 3, "a device"),
]
ASK = ("ask", "--task", "sound_events")


def assert_refused(run, code: int, words: str) -> None:
    """One error line with its hint on stderr, and nothing else anywhere."""
    assert run.code == code, run.err
    assert run.out == ""
    lines = run.err.splitlines()
    assert len(lines) == 2, run.err
    assert lines[0].startswith("qwa: error: ")
    assert words in lines[0]
    assert lines[1].startswith("hint: ")
    assert len(lines[1]) > len("hint: ")
    assert run.seconds < QUICK_S
    assert run.peak_mb < MEMORY_MB


@pytest.mark.parametrize(("name", "code", "words"), FILES)
def test_a_file_that_is_no_recording_is_refused(run_qwa, bad, name, code, words):
    assert_refused(run_qwa(*ASK, bad / name), code, words)


@pytest.mark.parametrize(("name", "code", "words"), ADDRESSES)
def test_what_is_no_plain_file_is_never_opened(run_qwa, bad, name, code, words):
    assert_refused(run_qwa(*ASK, name.format(bad)), code, words)


def test_a_missing_file_with_a_question_is_a_missing_file(run_qwa, tmp_path):
    run = run_qwa("ask", "nosuch.mp3", "what emotion?", cwd=tmp_path)
    assert_refused(run, 3, "there is no file 'nosuch.mp3'")


def test_a_misspelt_file_is_guessed(run_qwa, tmp_path):
    (tmp_path / "kitchen.mp3").write_bytes(b"x")
    run = run_qwa("ask", "kichen.mp3", "what emotion?", cwd=tmp_path)
    assert_refused(run, 3, "kichen.mp3")
    assert "did you mean 'kitchen.mp3'?" in run.err


def test_a_file_without_read_permission_is_refused(run_qwa, bad):
    run = run_qwa("info", bad / "locked.wav", preexec_fn=as_anybody)
    assert_refused(run, 3, "no permission")


def as_anybody() -> None:
    """Give up root's right to read anything, so that the mode of a file counts for it too."""
    if os.geteuid() == 0:
        for right in (1, 2):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH; see capabilities(7)
            ctypes.CDLL(None).prctl(24, right, 0, 0, 0)  # PR_CAPBSET_DROP


def test_thirty_hours_in_three_megabytes_are_refused_at_once(run_qwa, bomb):
    assert bomb.stat().st_size < 3_000_000
    for command in (("info",), ASK):
        assert_refused(run_qwa(*command, bomb), 4, "24 h")


def test_a_part_of_thirty_hours_is_heard_in_bounded_memory(run_qwa, bomb):
    run = run_qwa("info", bomb, "--start", "5:00:00", "--end", "5:00:10", limit_s=100)
    assert run.code == 0, run.err
    assert "0:10.0" in run.out
    assert run.peak_mb < MEMORY_MB


def test_stdin_that_is_no_audio_is_refused(run_qwa, bad):
    with (bad / "random.wav").open("rb") as stdin:
        assert_refused(run_qwa("info", "-", stdin=stdin), 3, "not a sound file")


def test_stdin_without_audio_is_refused(run_qwa):
    assert_refused(run_qwa("info", "-"), 3, "empty")


@pytest.mark.parametrize("name", ["a.flac", "a.mp3", "a.m4a"])
def test_a_recording_that_lost_its_end_is_heard_with_a_warning(run_qwa, truncated, name):
    for command in (("info",), ASK):
        run = run_qwa(*command, truncated / name)
        assert run.code == 0, run.err
        assert run.out.strip()
        assert "warning: ends early" in run.err
        # Libraries have remarks of their own on such files; people are spared them.
        assert all(line.startswith(("warning: ", "engine: ")) for line in run.err.splitlines())


def test_a_header_that_claims_more_than_there_is_gets_a_warning(run_qwa, bad):
    run = run_qwa(*ASK, bad / "long.wav")
    assert run.code == 0, run.err
    assert "warning: ends early" in run.err
    assert run.peak_mb < MEMORY_MB


def test_five_milliseconds_are_answered_with_a_warning(run_qwa, bad):
    run = run_qwa(*ASK, bad / "5ms.wav")
    assert run.code == 0, run.err
    assert "warning: only 5 ms" in run.err


def test_a_playlist_does_not_play_the_file_that_it_names(run_qwa, bad):
    run = run_qwa("info", bad / "playlist.mp3")
    assert "secret" not in run.err
    assert run.code == 4


def test_one_bad_file_does_not_cost_the_others(run_qwa, bad, truncated, tmp_path):
    files = [bad / "secret.wav", bad / "random.wav", bad / "nosuch.wav", truncated / "a.mp3"]
    run = run_qwa(*ASK, *files, "--json", "--out", tmp_path)
    assert run.code == 7
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.json", "secret.json"]
    assert len(run.error_lines) == 2
    assert run.out == ""


def test_a_full_disk_leaves_no_half_written_file(run_qwa, bad, tmp_path):
    import resource

    def little_room() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (200, 200))

    out = tmp_path / "out"
    out.mkdir()
    run = run_qwa(*ASK, bad / "secret.wav", "--json", "--out", out, preexec_fn=little_room)
    assert run.code == 4, run.err
    assert len(run.error_lines) == 1
    assert "cannot be written" in run.err
    assert "Traceback" not in run.err
    assert list(out.iterdir()) == []


def test_a_full_device_behind_stdout_is_told(run_qwa, bad):
    with open("/dev/full", "wb") as full:  # noqa: PTH123
        assert_refused(run_qwa("info", bad / "secret.wav", stdout=full), 4, "no room")


def test_without_a_cache_folder_what_needs_no_weights_works(run_qwa, bad, tmp_path):
    (tmp_path / "file").write_text("x")
    cache = {"QWA_CACHE": str(tmp_path / "file" / "cache"), "QWA_ANALYSES": None}
    assert run_qwa("info", bad / "secret.wav", env=cache).code == 0
    run = run_qwa(*ASK, bad / "secret.wav", env=cache)
    assert_refused(run, 6, "can't be written")
    assert "QWA_CACHE" in run.err


def test_without_network_at_first_use_the_error_says_what_to_do(run_qwa, bad, tmp_path):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        nowhere = f"http://127.0.0.1:{closed.getsockname()[1]}"
    indexes = ("PIP_INDEX_URL", "UV_INDEX_URL", "UV_DEFAULT_INDEX")
    proxies = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY")
    others = ("PIP_EXTRA_INDEX_URL", "PIP_TRUSTED_HOST", "PIP_FIND_LINKS", "NO_PROXY", "no_proxy")
    env = {
        **dict.fromkeys(others),
        **dict.fromkeys((*indexes, *proxies, *map(str.lower, proxies)), nowhere),
        "QWA_CACHE": str(tmp_path),
        "PIP_RETRIES": "0",
        "PIP_TIMEOUT": "2",
        "PIP_CONFIG_FILE": os.devnull,
    }
    run = run_qwa(*ASK, bad / "secret.wav", env=env, limit_s=100)
    assert run.code in (5, 6), run.err
    assert len(run.error_lines) == 1
    assert "hint: " in run.err
    assert "Traceback" not in run.err
    assert run.out == ""


def test_offline_and_without_weights_the_error_names_the_command(run_qwa, bad, tmp_path):
    env = {"QWA_CACHE": str(tmp_path), "QWA_OFFLINE": "1"}
    run = run_qwa(*ASK, bad / "secret.wav", env=env)
    assert_refused(run, 6, "QWA_OFFLINE")
    assert "qwa models pull" in run.err


def test_a_reader_that_leaves_early_is_no_error(bad):
    qwa = subprocess.Popen(
        [sys.executable, "-m", "qwa", "info", str(bad / "secret.wav")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert qwa.stdout is not None
    qwa.stdout.close()
    assert qwa.stderr is not None
    with qwa.stderr:
        assert qwa.stderr.read() == b""
    assert qwa.wait(timeout=30) == 141


@pytest.mark.parametrize("after_s", [0.03, 0.06, 0.1, 0.2, 0.4])
def test_an_interrupt_at_any_moment_of_the_start_is_silent(bad, after_s):
    code, err, waited = interrupted(["info", bad / "secret.wav"], after_s)
    assert code in (0, 1, 130, -2), err  # 1 and -2: the interpreter itself was not up yet
    assert "/qwa/" not in err  # before ours are imported, Python may show its own files
    assert waited < 3.0


def interrupted(arguments: list[object], after_s: float) -> tuple[int, str, float]:
    """Start qwa, interrupt it after some seconds, and return its code, stderr and last seconds."""
    qwa = subprocess.Popen(
        [sys.executable, "-m", "qwa", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    time.sleep(after_s)
    qwa.send_signal(2)
    started = time.monotonic()
    _, err = qwa.communicate(timeout=30)
    return qwa.returncode, err.decode(), time.monotonic() - started
