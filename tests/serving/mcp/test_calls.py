"""Many calls, long calls, calls that are given up: the server stays responsive and stops work."""

import json
import subprocess
import threading
import time
from concurrent.futures import CancelledError

import pytest

from qwen_audio_tools.agents.references import References
from qwen_audio_tools.agents.tools import Ears
from qwen_audio_tools.serving.mcp.calling import CallLimits
from qwen_audio_tools.serving.mcp.server import ServerOptions, make_server
from qwen_audio_tools.sources import agent as agent_policy
from qwen_audio_tools.testing.scripted_engine import ScriptedEngine

ERAS = ("auto", "legacy")


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("question", ["a", "word by word"])
def test_a_call_that_is_given_up_stops_its_listening(patient, appears, tmp_path, era, question):
    agent = patient("--at-once", "1", era=era)
    call = agent.begin("ask_audio", question=question, audio="said.wav")
    assert appears(tmp_path / f"begun {question}")
    call.cancel()
    assert appears(tmp_path / f"ended {question}: stopped")
    with pytest.raises(CancelledError):
        call.result(timeout=60)
    (tmp_path / "let go next").touch()
    assert "next: done" in agent.text("ask_audio", question="next", audio="said.wav")


def test_what_waits_and_is_given_up_never_begins(patient, appears, tmp_path):
    agent = patient("--at-once", "1")
    first = agent.begin("ask_audio", question="first", audio="said.wav")
    assert appears(tmp_path / "begun first")
    second = agent.begin("ask_audio", question="second", audio="said.wav")
    assert "16000 Hz" in agent.text("audio_info", audio="said.wav")  # so the second has arrived
    second.cancel()
    with pytest.raises(CancelledError):
        second.result(timeout=60)
    assert "16000 Hz" in agent.text("audio_info", audio="said.wav")  # so has its end
    (tmp_path / "let go first").touch()
    assert "first: done" in agent.said(first.result(timeout=60))
    (tmp_path / "let go third").touch()
    assert "third: done" in agent.text("ask_audio", question="third", audio="said.wav")
    assert not (tmp_path / "begun second").exists()


def test_two_calls_are_heard_at_once_and_a_third_waits(patient, appears, tmp_path):
    agent = patient("--at-once", "2")
    calls = {
        name: agent.begin("ask_audio", question=name, audio="said.wav") for name in ("one", "two")
    }
    assert all(appears(tmp_path / f"begun {name}") for name in calls)
    third = agent.begin("ask_audio", question="three", audio="said.wav")
    assert "16000 Hz" in agent.text("audio_info", audio="said.wav")
    assert not (tmp_path / "begun three").exists()
    for name in ("two", "three", "one"):
        (tmp_path / f"let go {name}").touch()
    assert "three: done" in agent.said(third.result(timeout=60))
    assert all(f"{name}: done" in agent.said(calls[name].result(timeout=60)) for name in calls)


def test_progress_of_two_calls_is_not_mixed_up(patient, appears, tmp_path):
    agent = patient()
    heard = {"one": [], "two": []}

    def listen(name):
        async def tell(done, total, words):
            heard[name].append((done, words))
            if len(heard[name]) == 3:
                (tmp_path / f"let go {name}").touch()

        return tell

    calls = [agent.begin("ask_audio", listen(n), question=n, audio="said.wav") for n in heard]
    for call in calls:
        agent.said(call.result(timeout=120))
    for told in heard.values():
        done = [each for each, _ in told]
        assert done == sorted(set(done))
        assert all(words.startswith("waiting") for _, words in told)


def test_a_call_that_takes_too_long_ends_with_what_to_do(patient, appears, tmp_path):
    agent = patient("--time-limit", "1", "--at-once", "1")
    said = agent.error("ask_audio", question="long", audio="said.wav")
    assert "longer than the 1 s" in said
    assert "start_s and end_s" in said
    assert appears(tmp_path / "ended long: stopped")
    assert agent.do(agent.client.list_tools).tools


def test_too_many_calls_are_told_to_come_back(connect, folder):
    let_go = threading.Event()
    engine = ScriptedEngine([lambda _: str(let_go.wait(60))])
    ears = Ears(engine=engine, references=References(policy=agent_policy([folder])))
    limits = CallLimits(at_once=1, waiting=0)
    agent = connect(make_server(ears, ServerOptions(limits=limits)))
    first = agent.begin("ask_audio", question="what?", audio="said.wav")
    while not engine.heard:
        time.sleep(0.001)
    said = agent.error("ask_audio", question="what?", audio="said.wav")
    assert "call again when one has ended" in said
    let_go.set()
    assert "True" in agent.said(first.result(timeout=60))
    assert "16000 Hz" in agent.text("audio_info", audio="said.wav")


def test_a_bug_is_reported_without_its_insides(patient):
    agent = patient()
    said = agent.error("ask_audio", question="fail", audio="said.wav")
    assert "went wrong" in said
    assert "secret" not in said
    assert "16000 Hz" in agent.text("audio_info", audio="said.wav")


HELLO = {
    "protocolVersion": "2025-06-18",
    "capabilities": {},
    "clientInfo": {"name": "test", "version": "1"},
}


@pytest.fixture
def opened(folder, tmp_path, command):
    """Start the server with pipes of our own, and ask it a question."""

    def open_with(question, *noise):
        asked = {"name": "ask_audio", "arguments": {"question": question, "audio": "said.wav"}}
        lines = [
            *noise,
            json.dumps({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": HELLO}),
            '{"jsonrpc": "2.0", "method": "notifications/initialized"}',
            *noise,
            json.dumps({"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": asked}),
        ]
        server = command("--root", folder, "--engine", f"patient:{tmp_path}")
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        line = [server.command, *server.args]
        child = subprocess.Popen(line, env=server.env, stderr=subprocess.DEVNULL, **pipes)
        child.stdin.write("".join(f"{line}\n" for line in lines).encode())
        child.stdin.flush()
        return child

    return open_with


def test_nothing_but_the_protocol_is_on_stdout(opened, tmp_path):
    (tmp_path / "let go loud").touch()
    with opened("loud", "this is no JSON", "[[[[", "") as child:
        answers = []
        while not answers or answers[-1].get("id") != 2:
            answers.append(json.loads(child.stdout.readline()))
        child.stdin.close()
        assert child.stdout.read() == b""
        assert child.wait(timeout=60) == 0
    assert "loud: done" in answers[-1]["result"]["content"][0]["text"]


def test_when_the_agent_leaves_in_the_middle_of_a_call_the_server_ends(opened, tmp_path, appears):
    with opened("unheard") as child:
        assert appears(tmp_path / "begun unheard")
        child.stdin.close()
        assert child.wait(timeout=60) == 0
