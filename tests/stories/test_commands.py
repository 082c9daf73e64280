"""What people type, run as they run it: answers on stdout, all else on stderr, files in folders."""

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from qwen_audio_tools.testing import silence, smoke_alarm, speech, white_noise, write

SOUNDS = ("ask", "--task", "sound_events")
WORDS = "The meeting is on Friday at nine."
ANSWER_KEYS = {
    *(
        "clip",
        "question",
        "text",
        "task",
        "evidence",
        "coverage",
        "usage",
        "engine",
        "finish",
        "warnings",
    ),
}


@pytest.fixture(scope="module")
def clips(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("clips")
    (folder / "sub").mkdir()
    write(folder / "alarm.wav", smoke_alarm(4.0))
    write(folder / "quiet.flac", silence(2.0))
    write(folder / "sub" / "alarm.mp3", smoke_alarm(4.0))
    (folder / "notes.txt").write_text("no audio")
    return folder


@pytest.fixture(scope="module")
def words(tmp_path_factory) -> Path:
    return write(tmp_path_factory.mktemp("words") / "words.wav", speech(WORDS))


def test_the_answer_is_on_stdout_and_the_engine_on_stderr(run_qwa, clips):
    run = run_qwa("ask", clips / "alarm.wav", "what sounds are heard?")
    assert run.code == 0, run.err
    answer, blank, *evidence = run.out.splitlines()
    assert "alarm" in answer.lower()
    assert blank == ""
    assert all(line.startswith("  0:0") for line in evidence)
    assert run.err.startswith("engine: embedded")
    assert "\x1b" not in run.out + run.err


def test_quiet_leaves_nothing_but_the_answer(run_qwa, clips):
    run = run_qwa("sounds", clips / "alarm.wav", "--quiet")
    assert "alarm" in run.out.lower()
    assert run.err == ""


def test_json_is_one_object_with_the_documented_keys(run_qwa, clips):
    run = run_qwa("ask", clips / "alarm.wav", "what sounds are heard?", "--json")
    answer = json.loads(run.out)
    assert set(answer) == ANSWER_KEYS
    assert set(answer["coverage"]) == {"heard", "total", "gaps"}
    assert {"kind", "start", "end", "text", "score", "model"} <= set(answer["evidence"][0])
    assert answer["question"] == "what sounds are heard?"


def test_several_clips_get_a_heading_each_or_one_json_object(run_qwa, clips):
    run = run_qwa("sounds", clips / "alarm.wav", clips / "quiet.flac")
    assert f"== {clips / 'alarm.wav'} ==" in run.out
    assert f"== {clips / 'quiet.flac'} ==" in run.out
    run = run_qwa("sounds", clips, "--json", "--quiet")
    answers = json.loads(run.out)["answers"]
    assert [Path(answer["clip"]).name for answer in answers] == [
        "alarm.wav",
        "quiet.flac",
        "alarm.mp3",
    ]


def test_jsonl_is_an_object_a_line(run_qwa, clips):
    run = run_qwa("sounds", clips, "--jsonl")
    assert [set(json.loads(line)) for line in run.out.splitlines()] == [ANSWER_KEYS] * 3


def test_audio_comes_from_stdin(run_qwa, clips):
    with (clips / "alarm.wav").open("rb") as stdin:
        run = run_qwa(*SOUNDS, "-", "--json", stdin=stdin)
    assert run.code == 0, run.err
    assert "alarm" in json.loads(run.out)["text"].lower()


def test_a_part_is_heard_in_times_of_the_recording(run_qwa, tmp_path):
    whole = tmp_path / "late.wav"
    import numpy as np

    write(whole, np.concatenate([silence(6.0), smoke_alarm(4.0)]))
    run = run_qwa(*SOUNDS, whole, "--start", "0:05", "--end", "10", "--json")
    answer = json.loads(run.out)
    assert answer["coverage"]["total"] == 5.0
    assert all(5.0 <= item["start"] < 10.0 for item in answer["evidence"])


def test_out_writes_a_file_for_each_clip_and_skips_those_that_are_there(run_qwa, clips, tmp_path):
    out = tmp_path / "out"
    first = run_qwa(*SOUNDS, clips / "alarm.wav", "--out", out)
    assert (first.code, first.out) == (0, "")
    assert "alarm" in (out / "alarm.txt").read_text(encoding="utf-8").lower()
    again = run_qwa(*SOUNDS, clips / "alarm.wav", "--out", out)
    assert again.code == 2
    assert "--skip-existing" in again.err
    (out / "alarm.txt").write_text("mine")
    both = [clips / "alarm.wav", clips / "quiet.flac"]
    assert run_qwa(*SOUNDS, *both, "--out", out, "--skip-existing").code == 0
    assert (out / "alarm.txt").read_text() == "mine"
    assert (out / "quiet.txt").exists()
    assert run_qwa(*SOUNDS, *both, "--out", out, "--force").code == 0
    assert (out / "alarm.txt").read_text() != "mine"


def test_clips_are_compared_together_in_one_answer(run_qwa, clips):
    run = run_qwa(
        *("ask", clips / "alarm.wav", clips / "quiet.flac", "what differs?"),
        *("--together", "--json"),
    )
    assert run.code == 0, run.err
    assert json.loads(run.out)["coverage"]["total"] == 6.0


def test_chinese_is_spoken_to_those_who_ask_for_it(run_qwa, clips):
    run = run_qwa("sounds", clips / "alarm.wav", "--lang", "zh")
    assert "声音" in run.out
    assert run.err.startswith("引擎: ")
    run = run_qwa("ask", clips / "alarm.wav", "听到了什么声音？", env={"LANG": "C.UTF-8"})
    assert "声音" in run.out
    run = run_qwa("sounds", clips / "nosuch.wav", env={"LANG": "zh_CN.UTF-8"})
    assert run.err.startswith("qwa: 错误: ")


def test_a_transcript_comes_in_each_form(run_qwa, words, tmp_path):
    run = run_qwa("transcribe", words)
    assert run.code == 0, run.err
    assert "friday" in run.out.lower()
    for form, start in (("srt", "1\n00:00:0"), ("vtt", "WEBVTT\n"), ("tsv", "start\tend\ttext")):
        run = run_qwa("transcribe", words, "--format", form, "--out", tmp_path)
        assert (run.code, run.out) == (0, ""), run.err
        assert (tmp_path / f"words.{form}").read_text(encoding="utf-8").startswith(start)
    run = run_qwa("transcribe", words, "-f", "json")
    assert json.loads(run.out)["language"] == "en"


def test_emotion_and_describe_answer_with_evidence(run_qwa, words):
    for command in ("emotion", "describe"):
        answer = json.loads(run_qwa(command, words, "--json").out)
        assert answer["text"]
        assert answer["evidence"]


def test_info_measures_and_draws(run_qwa, clips, tmp_path):
    picture = tmp_path / "clip.png"
    run = run_qwa("info", clips / "alarm.wav", "--json", "--plot", picture)
    assert run.code == 0, run.err
    assert json.loads(run.out)["info"]["rate"] == 16_000
    assert picture.read_bytes().startswith(b"\x89PNG")
    run = run_qwa("info", clips / "alarm.wav", "--plot", tmp_path / "no" / "clip.png")
    assert run.code == 4
    assert run.out == ""


def test_the_doctor_finds_a_well_machine_well(run_qwa):
    run = run_qwa("doctor", "--json")
    assert run.code == 0, run.out
    states = {finding["name"]: finding["state"] for finding in json.loads(run.out)}
    assert states["self-test"] == "ok"


def test_models_are_listed_and_found(run_qwa):
    listed = json.loads(run_qwa("models", "list", "--json").out)
    assert {"whisper-base", "yamnet"} <= {entry["name"] for entry in listed}
    run = run_qwa("models", "where", "yamnet")
    assert Path(run.out.strip()).is_dir()
    run = run_qwa("models", "where", "nosuch")
    assert (run.code, run.out) == (2, "")


def test_a_setting_in_the_file_counts(run_qwa, clips, tmp_path):
    (tmp_path / "config.toml").write_text('engine = "nosuch"\n', encoding="utf-8")
    env = {"QWA_CONFIG": str(tmp_path)}
    run = run_qwa(*SOUNDS, clips / "alarm.wav", env=env)
    assert run.code == 2
    assert "'nosuch'" in run.err
    assert run_qwa(*SOUNDS, clips / "alarm.wav", "-e", "embedded", env=env).code == 0


def test_help_imports_nothing_heavy_and_costs_little():
    code = (
        "import sys\nfrom qwa.app import run\nfrom qwa.manners import Manners\n"
        "assert run(['--help'], Manners()) == 0\nprint(*sys.modules, file=sys.stderr)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "transcribe" in run.stdout
    loaded = {name.partition(".")[0] for name in run.stderr.split()}
    heavy = {
        "numpy",
        "av",
        "soundfile",
        "soxr",
        "rich",
        "pydantic",
        "faster_whisper",
        "onnxruntime",
    }
    assert loaded & heavy == set()


# Ctrl-C, wherever it comes


def interrupted(arguments: list[object], ready, env: dict[str, str]) -> tuple[int, str, str]:
    """Start qwa, interrupt it as soon as `ready()`, and return its code and streams."""
    import os

    qwa = subprocess.Popen(
        [sys.executable, "-m", "qwa", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, **env},
        text=True,
    )
    until = time.monotonic() + 60
    while not ready() and time.monotonic() < until:
        time.sleep(0.05)
    assert qwa.poll() is None, qwa.communicate()
    qwa.send_signal(signal.SIGINT)
    told = time.monotonic()
    out, err = qwa.communicate(timeout=30)
    assert time.monotonic() - told < 3.0  # it gives the work 0.7 s; the machine may be busy
    return qwa.returncode, out, err


def after(seconds: float):
    at = time.monotonic() + seconds
    return lambda: time.monotonic() > at


def assert_quiet_end(code: int, out: str, err: str) -> None:
    assert code == 130, err
    assert out == ""
    assert err.splitlines()[-1] == "qwa: interrupted; what was finished is kept"
    assert "Traceback" not in err


def test_an_interrupt_ends_decoding(bomb, tmp_path):
    line = ["info", bomb, "--start", "0", "--end", "20:00:00"]
    assert_quiet_end(*interrupted(line, after(2.5), {}))


def test_an_interrupt_ends_an_analysis(tmp_path):
    long = write(tmp_path / "long.wav", white_noise(3600.0, seed=3))
    env = {"QWA_ANALYSES": str(tmp_path / "analyses")}
    assert_quiet_end(*interrupted([*SOUNDS, long], after(3.0), env))
    kept = tmp_path / "analyses"
    assert not kept.exists() or not any(path.suffix == "" for path in kept.rglob("*.*"))


def test_an_interrupt_in_a_batch_keeps_what_is_finished(tmp_path):
    folder = tmp_path / "clips"
    folder.mkdir()
    for number in range(40):
        write(folder / f"{number:02}.wav", white_noise(20.0, seed=number))
    out = tmp_path / "out"
    env = {"QWA_ANALYSES": str(tmp_path / "analyses")}
    done = lambda: out.exists() and any(out.glob("*.json"))  # noqa: E731
    code, stdout, err = interrupted([*SOUNDS, folder, "--json", "--out", out], done, env)
    assert_quiet_end(code, stdout, err)
    left = sorted(out.iterdir())
    assert 1 <= len(left) < 40
    assert all(set(json.loads(path.read_text())) == ANSWER_KEYS for path in left)
    resumed = sorted(folder.iterdir())[: len(left) + 1]
    again = [sys.executable, "-m", "qwa", *SOUNDS, *map(str, resumed)]
    run = subprocess.run(
        [*again, "--json", "--out", str(out), "--skip-existing", "--quiet"], check=True, timeout=60
    )
    assert run.returncode == 0
    assert len(list(out.iterdir())) == len(resumed)
    shutil.rmtree(folder)
