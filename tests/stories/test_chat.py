"""Somebody talks with a model about audio: at a terminal, and from a script."""

import codecs
import json
import os
import pty
import re
import select
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from qwen_audio_tools.testing import silence, tone, write

# A distribution with an entry point, as others would ship an engine.
INSTALLED = Path(__file__).parent / "installed"
PLUGIN = {"PYTHONPATH": str(INSTALLED)}
MADE = ("--engine", "made")


@pytest.fixture(scope="module")
def clips(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("clips")
    write(folder / "tone.wav", tone(440.0, 2.0))
    write(folder / "my quiet.flac", silence(3.0))
    return folder


@pytest.fixture
def piped(run_qwa, tmp_path) -> Callable[..., object]:
    """Run a chat whose lines come from a file."""

    def run(lines: str, *arguments: object, **env: str) -> object:
        said = tmp_path / "lines.txt"
        said.write_text(lines, encoding="utf-8")
        with said.open("rb") as stdin:
            return run_qwa("chat", *MADE, *arguments, stdin=stdin, env={**PLUGIN, **env})

    return run


def objects(run) -> list[dict[str, object]]:
    return [json.loads(line) for line in run.out.splitlines()]


# From a script


def test_each_line_of_a_pipe_is_a_turn_of_one_conversation(piped):
    run = piped("hello\n\nand then?\n")
    assert run.code == 0, run.err
    assert run.out.splitlines() == [
        "turn 1 of 'hello' with [] after 0 replies, told []",
        "turn 2 of 'and then?' with [] after 1 replies, told []",
    ]
    assert run.err == "engine: scripted:script\n"


def test_audio_of_the_command_line_is_heard_in_the_first_turn(piped, clips):
    run = piped("what is it?\nsure?\n", clips / "tone.wav", "--quiet")
    first, second = run.out.splitlines()
    assert "'what is it?' with ['tone.wav:2.0'] after 0" in first
    assert "'sure?' with ['tone.wav:2.0'] after 1" in second
    assert run.err == ""


def test_audio_alone_is_sent_by_an_empty_line_or_by_the_end(piped, clips):
    run = piped("\n", clips / "tone.wav")
    assert "turn 1 of '' with ['tone.wav:2.0']" in run.out
    run = piped("", clips / "tone.wav")
    assert "turn 1 of '' with ['tone.wav:2.0']" in run.out


def test_audio_is_named_in_the_chat_with_its_span(piped, clips):
    lines = f"/audio {clips}/my quiet.flac 0:00.5-0:02\n/audio '{clips}/my quiet.flac' 1-\nhm?\n"
    run = piped(lines)
    assert "with ['my quiet.flac:1.5', 'my quiet.flac:2.0'] after 0" in run.out
    assert "my quiet.flac 0:01.5" in run.err


def test_json_is_an_object_a_turn(piped, clips):
    run = piped("one\nfail\ntwo\n", clips / "tone.wav", "--json")
    assert run.code == 7
    first, failed, second = objects(run)
    assert (first["turn"], first["question"], first["clip"]) == (1, "one", f"{clips}/tone.wav")
    assert first["coverage"] == {"heard": 2.0, "total": 2.0, "gaps": []}
    assert failed == {"turn": 2, "error": "the server is on fire", "hint": "pour water"}
    assert "after 1 replies" in second["text"]


def test_a_turn_that_failed_is_not_part_of_the_chat(piped):
    run = piped("one\nfail\ntwo\n")
    assert run.code == 7
    assert "turn 2 of 'two' with [] after 1 replies" in run.out
    assert run.err.splitlines()[-2:] == ["qwa: error: the server is on fire", "hint: pour water"]


def test_a_chat_ends_with_its_pipe_even_if_the_engine_fails(piped, clips):
    run = piped("fail", clips / "tone.wav")  # its audio waits for another question
    assert (run.code, run.out) == (6, "")
    assert run.err.count("on fire") == 1
    run = piped("", clips / "tone.wav", MADE_FAIL="1")
    assert (run.code, run.out, run.err.count("on fire")) == (6, "", 1)


def test_a_script_ends_where_its_audio_is_missing(piped):
    run = piped("/audio nosuch.wav\nwhat is it?\n")
    assert run.code == 3
    assert run.out == ""
    assert "there is no file 'nosuch.wav'" in run.err
    run = piped("what is it?\n", "nosuch.wav")
    assert (run.code, run.out) == (3, "")


def test_the_system_prompt_stays_when_the_chat_is_reset(piped):
    run = piped("one\n/reset\ntwo\n/system be slow\nthree\n", "--system", "be brief")
    assert run.out.splitlines() == [
        "turn 1 of 'one' with [] after 0 replies, told ['be brief']",
        "turn 1 of 'two' with [] after 0 replies, told ['be brief']",
        "turn 2 of 'three' with [] after 1 replies, told ['be slow']",
    ]


def test_a_saved_chat_goes_on_from_any_folder(piped, clips, tmp_path, monkeypatch):
    monkeypatch.chdir(clips)
    kept = tmp_path / "kept chat.json"
    run = piped(f"one\n/audio tone.wav\n/save {kept}\n", "tone.wav", "--system", "be brief")
    assert run.code == 0, run.err
    monkeypatch.chdir(tmp_path)
    run = piped("two\n", "--load", kept)
    assert run.out == (
        "turn 2 of 'two' with ['tone.wav:2.0', 'tone.wav:2.0'] after 1 replies, told ['be brief']\n"
    )


def test_words_that_begin_with_a_slash_are_sent_with_two(piped):
    assert "turn 1 of '/etc/hosts?'" in piped("//etc/hosts?\n").out
    run = piped("/adio x.wav\n")
    assert run.code == 2
    assert "did you mean '/audio'?" in run.err


def test_what_is_no_text_does_not_end_a_chat(run_qwa, tmp_path):
    (tmp_path / "lines").write_bytes(b"one\xff\x00two\r\nthree")
    with (tmp_path / "lines").open("rb") as stdin:
        run = run_qwa("chat", *MADE, stdin=stdin, env=PLUGIN)
    assert run.code == 0, run.err
    assert len(run.out.splitlines()) == 2
    assert "turn 2 of 'three'" in run.out


def test_the_embedded_engine_says_who_can_chat(run_qwa):
    run = run_qwa("chat", "--engine", "embedded")
    assert (run.code, run.out) == (4, "")
    assert "'embedded' holds no chat" in run.err
    assert "hint: qwa chat --engine transformers:Qwen/Qwen2-Audio-7B-Instruct" in run.err


def test_nothing_is_said_to_nobody(run_qwa):
    run = run_qwa("chat", *MADE, env=PLUGIN)
    assert (run.code, run.out) == (0, "")


# At a terminal


class Terminal:
    """A person's terminal with `qwa chat` in it; Ctrl-C goes the way that a key does."""

    def __init__(self, arguments: list[object], env: dict[str, str]) -> None:
        self._ours, theirs = pty.openpty()
        take = "import fcntl,os,sys,termios;fcntl.ioctl(0,termios.TIOCSCTTY,0);"
        run = "os.execv(sys.executable,[sys.executable,'-m','qwa','chat',*sys.argv[1:]])"
        self._chat = subprocess.Popen(
            [sys.executable, "-c", take + run, *map(str, arguments)],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env={**os.environ, **env, "TERM": "xterm"},
            start_new_session=True,
        )
        os.close(theirs)
        self._seen = ""
        self._decoder = codecs.getincrementaldecoder("utf-8")()

    def type(self, keys: str) -> None:
        os.write(self._ours, keys.encode())

    def until(self, wanted: str, limit_s: float = 30.0) -> str:
        """Return what is shown up to the wanted text, without what moves the cursor."""
        ends = time.monotonic() + limit_s
        while wanted not in self._seen:
            ready, _, _ = select.select([self._ours], [], [], 0.2)
            assert time.monotonic() < ends, f"no {wanted!r} in {self._seen!r}"
            try:
                data = os.read(self._ours, 4096) if ready else b""
            except OSError as error:  # the other end is closed
                raise AssertionError(f"no {wanted!r} in {self._seen!r}") from error
            self._seen += re.sub(r"\x1b\[[?\d;]*[A-Za-z]", "", self._decoder.decode(data))
        before, _, self._seen = self._seen.partition(wanted)
        return before + wanted

    def ends(self) -> int:
        return self._chat.wait(30)

    def close(self) -> None:
        self._chat.kill()
        self._chat.wait()
        if self._ours >= 0:
            os.close(self._ours)
        self._ours = -1


@pytest.fixture
def terminal(tmp_path) -> Iterator[Callable[..., Terminal]]:
    opened: list[Terminal] = []

    def start(*arguments: object, engine: str = "made", **env: str) -> Terminal:
        here = {**PLUGIN, "QWA_DATA": str(tmp_path / "data"), **env}
        opened.append(Terminal(["--engine", engine, *arguments], here))
        opened[-1].until("> ")
        return opened[-1]

    yield start
    for each in opened:
        each.close()


def test_a_person_asks_shows_audio_and_leaves(terminal, clips):
    chat = terminal(clips / "tone.wav")
    chat.type("what is it?\r")
    chat.until("turn 1 of 'what is it?' with ['tone.wav:2.0']")
    chat.type(f"/audio {clips}/my quiet.flac\r")
    chat.until("[1 ♪] > ")
    chat.type("\r")
    chat.until("turn 2 of '' with ['tone.wav:2.0', 'my quiet.flac:3.0'] after 1 replies")
    chat.until("> ")
    chat.type("\x04")
    assert chat.ends() == 0


def test_errors_do_not_end_a_chat(terminal):
    chat = terminal()
    for line, told in (
        ("/audio nosuch.wav", "there is no file 'nosuch.wav'"),
        ("/load", "no command is called '/load'"),
        ("fail", "the server is on fire"),
        ("/save", "no file was named"),
    ):
        chat.type(f"{line}\r")
        chat.until(told)
        chat.until("> ")
    chat.type("still there?\r")
    chat.until("turn 1 of 'still there?'")
    chat.type("/quit\r")
    assert chat.ends() == 0


def test_an_interrupt_stops_the_reply_and_keeps_the_chat(terminal):
    chat = terminal(engine="made:endless")
    chat.type("count\r")
    chat.until(" 5 ")
    chat.type("\x03")
    stopped = time.monotonic()
    chat.until("freed")
    chat.until("stopped")
    chat.until("> ")
    assert time.monotonic() - stopped < 1.0
    time.sleep(1.0)  # the program would have been ended by now
    chat.type("again\r")
    chat.until(" 3 ")
    chat.type("\x03")
    chat.until("> ")
    chat.type("\x04")
    assert chat.ends() == 0


def test_an_interrupt_while_it_listens_takes_the_turn_back(terminal, clips):
    chat = terminal(clips / "tone.wav", engine="made:listening")
    chat.type("what is it?\r")
    chat.until("listening")
    chat.type("\x03")
    chat.until("the turn is taken back")
    chat.until("[1 ♪] > ")
    chat.type("\x04")
    assert chat.ends() == 0


def test_a_second_interrupt_ends_what_does_not_stop(terminal):
    chat = terminal(engine="made:stuck")
    chat.type("hello?\r")
    chat.until("listening")
    chat.type("\x03")
    time.sleep(0.3)
    chat.type("\x03")
    chat.until("qwa: interrupted")
    assert chat.ends() == 130


def test_an_interrupt_at_the_prompt_drops_the_line(terminal):
    chat = terminal()
    chat.type("never mind")
    chat.until("never mind")
    time.sleep(0.3)  # readline sees no signal that comes in the millisecond of a key
    chat.type("\x03")
    chat.until("> ")
    chat.type("this\r")
    chat.until("turn 1 of 'this'")


def test_a_turn_may_have_several_lines(terminal):
    chat = terminal()
    chat.type("first \\\rsecond\r")
    chat.until(r"turn 1 of 'first \nsecond'")
    chat.type('"""\rthird\r/fourth\r"""\r')
    chat.until(r"turn 2 of 'third\n/fourth'")


def test_the_last_chat_is_under_the_arrow_keys_and_nobody_elses(terminal, tmp_path):
    chat = terminal()
    chat.type("remember me\r")
    chat.until("turn 1")
    chat.close()  # the window is closed on it
    kept = tmp_path / "data" / "chat_history"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert kept.read_text() == "remember me\n"
    again = terminal()
    again.type("\x1b[A")
    again.until("remember me")
    again.type("\r")
    again.until("turn 1 of 'remember me'")
