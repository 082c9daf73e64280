"""What people tell the engine on the command line reaches it; and several questions at once."""

import json
import os
import pty
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest

from qwen_audio_tools.testing import smoke_alarm, speech, tone, write

# A distribution with an entry point, as others would ship an engine.
PLUGIN = {"PYTHONPATH": str(Path(__file__).parent / "installed")}
ECHO = ("--engine", "echo:all")


@pytest.fixture(scope="module")
def clips(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("clips")
    write(folder / "tone.wav", tone(440.0, 1.0))
    write(folder / "alarm.wav", smoke_alarm(3.0))
    write(folder / "words.wav", speech("The meeting is on Friday at nine."))
    return folder


@pytest.fixture
def echo(run_qwa):
    """Return what the engine was told, and the run."""

    def ran(*arguments):
        run = run_qwa(*arguments, env=PLUGIN)
        assert run.code == 0, run.err
        return json.loads(run.out.partition("\n")[0])

    return ran


def test_without_options_the_settings_and_the_model_decide(echo, clips):
    told = echo("ask", clips / "tone.wav", "what?", *ECHO)
    assert (told["device"], told["hub"], told["exact"]) == ("auto", "huggingface", False)
    assert (told["max_tokens"], told["temperature"], told["seed"]) == (512, None, None)


def test_options_reach_the_engine_under_the_names_that_they_have_everywhere(echo, clips):
    told = echo(
        *("ask", clips / "tone.wav", "what?", *ECHO, "--hub", "modelscope", "--device", "cpu"),
        *("--dtype", "float32", "--quantize", "8bit", "--set", "exact=yes"),
        *("--set", "reuse_mb=12", "--max-tokens", "7", "--temperature", "0", "--top-p", "0.5"),
        *("--seed", "3", "--stop", "END", "--stop", "。", "--schema", '{"type": "object"}'),
    )
    opened = {"hub": "modelscope", "device": "cpu", "dtype": "float32", "quantize": "8bit"}
    opened |= {"exact": True, "reuse_mb": 12}
    asked = {"question": "what?", "task": None, "max_tokens": 7, "temperature": 0.0, "top_p": 0.5}
    asked |= {"seed": 3, "stop": ["END", "。"], "schema": {"type": "object"}}
    assert told == opened | asked


@pytest.mark.parametrize("command", ["describe", "sounds", "emotion", "transcribe"])
def test_every_command_that_asks_takes_them(echo, clips, command):
    told = echo(command, clips / "tone.wav", *ECHO, "--device", "cuda", "--max-tokens", "9")
    assert (told["device"], told["max_tokens"]) == ("cuda", 9)


def test_a_setting_of_the_file_gives_way_to_one_of_the_command_line(echo, clips, monkeypatch):
    monkeypatch.setenv("QWA_DEVICE", "mps")
    monkeypatch.setenv("QWA_ENGINE", "embedded")
    words = ("ask", clips / "tone.wav", "what?", "--set", "engine=echo:all")
    assert echo(*words)["device"] == "mps"
    assert echo(*words, "--device", "cpu")["device"] == "cpu"


def test_a_schema_may_lie_in_a_file(echo, clips, tmp_path):
    schema = {"type": "object", "properties": {"mood": {"enum": ["calm", "upset"]}}}
    (tmp_path / "mood.json").write_text(json.dumps(schema))
    words = ("ask", clips / "tone.wav", "what?", *ECHO, "--schema", tmp_path / "mood.json")
    assert echo(*words)["schema"] == schema


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--set", "devise=cpu"], "did you mean 'device'?"),
        (["--set", "device"], "a name, = and a value"),
        (["--set", "exact=perhaps"], "it is true or false"),
        (["--set", "exact=1", "--set", "exact=0"], "gives 'exact' twice"),
        (["--set", "device=cpu", "--device", "cpu"], "both give 'device'"),
        (["--quantize", "2bit"], "it is one of none, 8bit, 4bit"),
        (["--hub", "nowhere"], "it is one of huggingface, modelscope"),
        (["--max-tokens", "0"], "0 is not in the range x>=1"),
        (["--temperature", "-1"], "-1.0 is not in the range"),
        (["--top-p", "0"], "--temperature 0 is greedy"),
        (["--schema", "nosuch.json"], "the schema 'nosuch.json' cannot be read"),
        (["--schema", "{type: object}"], "--schema is no JSON"),
        (["--schema", "[1]"], "is no JSON object"),
    ],
)
def test_what_can_not_be_is_usage_and_nothing_is_opened(run_qwa, clips, words, said):
    run = run_qwa("ask", clips / "tone.wav", "what?", *ECHO, *words, env=PLUGIN)
    assert (run.code, run.out) == (2, "")
    assert said in run.err
    assert len(run.error_lines) == 1


def test_an_engine_with_words_of_its_own_says_what_means_nothing_to_it(run_qwa, clips):
    words = ("ask", clips / "alarm.wav", "what sounds are heard?")
    run = run_qwa(*words, "--temperature", "0.5", "--top-p", "0.9")
    assert run.code == 0
    assert "embedded:whisper-base+yamnet knows no --temperature, --top-p" in run.err
    run = run_qwa(*words, "--schema", '{"type": "object"}')
    assert (run.code, run.out) == (4, "")
    assert "no JSON schema can shape them" in run.err


def test_several_questions_of_a_clip_are_asked_at_once(run_qwa, clips):
    words = ("ask", clips / "tone.wav", "-Q", "how loud?", "-Q", "how high?")
    run = run_qwa(*words, "--engine", "echo:batches", env=PLUGIN)
    assert run.code == 0, run.err
    assert run.out == ("# how loud?\nhow loud? (2 at once)\n\n# how high?\nhow high? (2 at once)\n")


def test_several_questions_hear_the_clip_once(run_qwa, clips, tmp_path):
    questions = ("-Q", "what is said?", "-Q", "which language is spoken?", "-Q", "any alarm?")
    run = run_qwa(
        *("ask", clips / "words.wav", *questions, "--json", "-v"),
        env={"QWA_ANALYSES": str(tmp_path)},
    )
    answers = json.loads(run.out)["answers"]
    assert [answer["question"] for answer in answers] == list(questions[1::2])
    assert "Friday" in answers[0]["text"]
    assert "English" in answers[1]["text"]
    assert run.err.splitlines().count("listening") == 1


def test_several_questions_of_several_clips_go_to_a_file_each(run_qwa, clips, tmp_path):
    both = (clips / "tone.wav", clips / "alarm.wav")
    words = ("ask", *both, "-Q", "one?", "-Q", "two?", "--engine", "echo:batches")
    run = run_qwa(*words, "--json", "--out", tmp_path, env=PLUGIN)
    assert run.code == 0, run.err
    for name in ("tone", "alarm"):
        answers = json.loads((tmp_path / f"{name}.json").read_text())["answers"]
        assert [answer["question"] for answer in answers] == ["one?", "two?"]
    run = run_qwa(*words, "--jsonl", env=PLUGIN)
    lines = [json.loads(line) for line in run.out.splitlines()]
    assert [(Path(line["clip"]).stem, line["question"]) for line in lines] == [
        *(("tone", "one?"), ("tone", "two?")),
        *(("alarm", "one?"), ("alarm", "two?")),
    ]


def test_the_words_of_a_model_that_chats_come_without_its_preamble(run_qwa, clips):
    run = run_qwa("transcribe", clips / "words.wav", "--engine", "echo:preamble", env=PLUGIN)
    assert run.out.strip().endswith("hello there")
    assert "original" not in run.out


class Screen:
    """A terminal that shows what a command writes, as it comes."""

    def __init__(self, arguments: list[object], env: dict[str, str]) -> None:
        self._ours, theirs = pty.openpty()
        self.child = subprocess.Popen(
            [sys.executable, "-m", "qwa", *map(str, arguments)],
            stdin=subprocess.DEVNULL,
            stdout=theirs,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **PLUGIN, **env},
        )
        os.close(theirs)
        self.seen = ""

    def until(self, wanted: str) -> str:
        ends = time.monotonic() + 30
        while wanted not in self.seen:
            assert time.monotonic() < ends, f"no {wanted!r} in {self.seen!r}"
            if select.select([self._ours], [], [], 0.2)[0]:
                self.seen += os.read(self._ours, 4096).decode()
        return self.seen

    def rest(self) -> str:
        while True:
            try:
                data = os.read(self._ours, 4096)
            except OSError:  # the other end is closed
                data = b""
            if not data:
                break
            self.seen += data.decode()
        os.close(self._ours)
        self.child.wait(30)
        return self.seen.replace("\r\n", "\n")


def test_at_a_terminal_the_answer_comes_word_by_word(clips, tmp_path):
    words = ["ask", clips / "tone.wav", "what?", "--engine", "echo:slow"]
    screen = Screen(words, {"ECHO_SEEN": str(tmp_path)})
    for word in ("one", "two", "three"):
        assert screen.until(word)  # the engine waits for this before it goes on
        (tmp_path / word).touch()
    assert screen.rest() == "one two three \n\n  whole clip  heard  all of it\n"
    assert screen.child.returncode == 0


def test_at_a_terminal_an_interrupt_ends_the_answer_where_it_is(clips, tmp_path):
    words = ["ask", clips / "tone.wav", "what?", "--engine", "echo:slow"]
    screen = Screen(words, {"ECHO_SEEN": str(tmp_path)})
    screen.until("one")
    screen.child.send_signal(2)
    assert screen.rest().startswith("one")
    assert screen.child.returncode == 130


def test_several_clips_have_their_headings_at_a_terminal_too(clips, tmp_path):
    both = [clips / "tone.wav", clips / "alarm.wav"]
    for word in ("one", "two", "three"):
        (tmp_path / word).touch()
    screen = Screen(["ask", *both, "what?", "-e", "echo:slow"], {"ECHO_SEEN": str(tmp_path)})
    answer = "one two three \n\n  whole clip  heard  all of it\n"
    assert screen.rest() == f"== {both[0]} ==\n{answer}\n== {both[1]} ==\n{answer}"
