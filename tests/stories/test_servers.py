"""A user whose model is served elsewhere: the same commands, one server or a fleet of them."""

import json
import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from qwen_audio_tools import Answer
from qwen_audio_tools.testing import glass_breaking, tone, write
from qwen_audio_tools.testing.scripted_server import ScriptedServer
from qwen_audio_tools.testing.server_reactions import drops, fails, says

MODEL = "Qwen/Qwen2-Audio-7B-Instruct"


@pytest.fixture
def fleet() -> Iterator[tuple[ScriptedServer, ScriptedServer]]:
    with ExitStack() as stack:
        yield tuple(stack.enter_context(ScriptedServer()) for _ in range(2))


@pytest.fixture(scope="module")
def clips(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("clips")
    write(folder / "glass.wav", glass_breaking())
    write(folder / "long.flac", tone(seconds=95.0))
    for number in range(6):
        write(folder / f"tone-{number}.wav", tone(220.0 * (number + 1), seconds=3.0))
    return folder


def at(*servers: ScriptedServer) -> dict[str, str]:
    return {"QWA_SERVER_URLS": ",".join(server.url for server in servers)}


def test_a_question_goes_to_the_server_that_is_named(run_qwa, clips, fleet):
    server, _ = fleet
    run = run_qwa(
        *("ask", clips / "glass.wav", "What is heard?"),
        *("--engine", f"server:{MODEL}@{server.url}"),
    )
    assert run.code == 0
    assert run.out.splitlines()[0] == "A bell rings."
    assert run.err == f"engine: server:{MODEL}\n"
    assert server.asked[0].texts == ["What is heard?"]


def test_servers_of_the_settings_answer_where_nobody_is_named(run_qwa, clips, fleet):
    run = run_qwa("ask", clips / "glass.wav", "What is heard?", "--json", env=at(*fleet))
    assert Answer.from_dict(json.loads(run.out)).engine == f"server:{MODEL}"
    assert f"answers for {MODEL}" in run.err or f"answer for {MODEL}" in run.err


def test_a_long_recording_is_heard_whole_by_a_fleet(run_qwa, clips, fleet):
    run = run_qwa("ask", clips / "long.flac", "What is heard?", "--json", env=at(*fleet))
    answer = Answer.from_dict(json.loads(run.out))
    assert answer.coverage.complete
    assert answer.coverage.total == pytest.approx(95.0, abs=0.01)
    seconds = [clip.seconds for server in fleet for call in server.asked for clip in call.clips]
    assert max(seconds) <= 30.0
    assert sum(seconds) == pytest.approx(95.0, abs=0.01)
    assert all(server.asked for server in fleet)  # both had a part in it


def test_when_one_of_two_dies_in_the_middle_every_clip_is_still_answered(run_qwa, clips, fleet):
    steady, dying = fleet
    dying.script = (says(), drops("A bel"))
    dying.otherwise = drops()
    files = sorted(clips.glob("tone-*.wav"))
    run = run_qwa("ask", *files, "What is heard?", "--json", env=at(*fleet))
    assert (run.code, run.error_lines) == (0, [])
    answers = [Answer.from_dict(each) for each in json.loads(run.out)["answers"]]
    assert [Path(answer.clip).name for answer in answers] == [file.name for file in files]
    assert {answer.text for answer in answers} == {"A bell rings."}
    assert len(dying.asked) >= 2
    assert steady.asked


def test_every_part_of_a_long_recording_is_answered_though_a_server_dies(run_qwa, clips, fleet):
    _, dying = fleet
    dying.script = (drops("A to"),)
    dying.otherwise = drops()
    run = run_qwa("ask", clips / "long.flac", "What is heard?", "--json", env=at(*fleet))
    assert run.code == 0, run.err
    assert Answer.from_dict(json.loads(run.out)).coverage.complete


def test_a_second_question_does_not_send_the_clip_again(run_qwa, clips, fleet):
    server, _ = fleet
    run = run_qwa(
        *("ask", clips / "glass.wav", "-Q", "What is heard?", "-Q", "Where is it?", "--json"),
        env={**at(server), "QWA_SERVER_CONCURRENCY": "1"},
    )
    assert len(json.loads(run.out)["answers"]) == 2
    sent = [clip.seconds for call in server.asked for clip in call.clips]
    assert sent == [pytest.approx(1.2, abs=1.0), None]


def test_what_goes_wrong_ends_with_one_line_a_hint_and_a_status(run_qwa, clips, fleet):
    server, gone = fleet
    gone.stop()
    asking = ("ask", clips / "glass.wav", "What is heard?", "--engine")
    cases = [
        ((*asking, f"server:{MODEL}@{gone.url}"), 5, "can't be reached: Connection refused"),
        ((*asking, f"server:Other@{server.url}"), 6, f"has no model 'Other'; it has '{MODEL}'"),
        ((*asking, "server:http://user:pw@host/v1"), 2, "it holds a name or a password"),
        ((*asking, "server"), 2, "no server is named"),
        ((*asking, f"server:@{server.url}", "--set", "server_timeout=x"), 2, "server_timeout"),
    ]
    for words, code, told in cases:
        run = run_qwa(*words)
        assert (run.code, len(run.error_lines)) == (code, 1), run.err
        assert told in run.error_lines[0]
        assert "hint: " in run.err
        assert "Traceback" not in run.err


def test_a_key_from_a_file_is_sent_and_never_shown(run_qwa, clips, fleet, tmp_path):
    server, _ = fleet
    server.otherwise = fails(401, {"error": {"message": "no such key: sk-secret-1"}})
    (tmp_path / "key").write_text("sk-secret-1\n")
    env = {**at(server), "QWA_SERVER_KEY_FILE": str(tmp_path / "key")}
    run = run_qwa("ask", clips / "glass.wav", "What is heard?", "-v", env=env)
    assert run.code == 6
    assert server.asked[0].headers["authorization"] == "Bearer sk-secret-1"
    assert "no such key: …" in run.err
    shown = run.out + run.err + run_qwa("config", "show", "--json", env=env).out
    assert "sk-secret-1" not in shown


def test_engines_and_doctor_show_the_servers_and_how_they_fare(run_qwa, fleet):
    server, gone = fleet
    gone.stop()
    run = run_qwa("engines", env=at(server, gone))
    lines = run.out.splitlines()
    here = next(line for line in lines if server.url.removesuffix("/v1") in line)
    there = next(line for line in lines if gone.url.removesuffix("/v1") in line)
    assert "ready" in here
    assert f"{MODEL}, spoken to as vllm, hears 30 s at once" in here
    assert "down" in there
    assert any(line.startswith("* server") for line in lines)
    listed = json.loads(run_qwa("engines", "--json", env=at(server, gone)).out)["servers"]
    assert [each["ready"] for each in listed] == [True, False]
    assert os.linesep not in listed[1]["why"]


def test_doctor_looks_at_servers_too(run_qwa, fleet):
    server, gone = fleet
    gone.stop()
    run = run_qwa("doctor", "--json", "--quick", env=at(server, gone))
    found = {each["name"]: each for each in json.loads(run.out)}
    assert found[f"server {server.url.removesuffix('/v1')}"]["state"] == "ok"
    assert found[f"server {gone.url.removesuffix('/v1')}"]["state"] == "warning"


def test_a_chat_goes_on_over_several_turns(run_qwa, clips, fleet, tmp_path):
    server, _ = fleet
    lines = f"/audio {clips / 'glass.wav'}\nWhat is heard?\nAnd what else?\n/quit\n"
    typed = tmp_path / "typed.txt"
    typed.write_text(lines)
    with typed.open("rb") as stdin:
        run = run_qwa("chat", "--engine", f"server:{MODEL}@{server.url}", stdin=stdin)
    assert run.code == 0, run.err
    assert run.out.count("A bell rings.") == 2
    last = server.asked[-1].body["messages"]
    assert [message["role"] for message in last] == ["user", "assistant", "user"]
