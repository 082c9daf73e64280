"""`qwa serve` as a server: it tells all that an engine knows, and all that an answer rests on."""

import pytest

from qwen_audio_tools import Options, ask, transcribe
from qwen_audio_tools.tasks import Ability
from qwen_audio_tools.testing.server_reactions import says

EVIDENCE = [
    {"kind": "speech", "text": "Good morning.", "start": 0.5, "end": 1.5, "score": 0.9},
    {"kind": "language", "text": "en"},
]
TOLD = {
    "engine": "embedded:small models",
    "task": "transcribe",
    "evidence": [{"model": "whisper", "clip": "audio 1", **item} for item in EVIDENCE],
    "coverage": {"heard": 2.0, "total": 3.0, "gaps": [[2.0, 3.0]]},
    "warnings": ["spoken softly"],
}


def listing(**about: object) -> dict:
    told = {"engine": "embedded:small models", "abilities": ["transcribe", "sounds", "times"]}
    told |= {"window_seconds": None, "audio_tokens_per_second": 0.0} | about
    entry = {"id": "embedded", "owned_by": "qwen-audio-tools", "qwa": told}
    return {"object": "list", "data": [entry]}


def telling(told: object):
    """Reply as `qwa serve` does with an engine that has no tokens."""

    def react(call):
        call.head()
        call.piece("Good morning.")
        choice = {"index": 0, "delta": {}, "finish_reason": "stop"}
        call.event({"choices": [choice], "qwa": told})
        usage = {"prompt_tokens": 0, "completion_tokens": 0}
        call.event({"choices": [], "usage": usage})
        call.event("[DONE]")
        call.end()

    return react


def test_an_engine_behind_it_is_known_as_it_knows_itself(serve, engine_of):
    info = engine_of(serve(listing=listing()), model="").info
    assert info.abilities == {Ability.TRANSCRIBE, Ability.SOUNDS, Ability.TIMES}
    assert (info.window, info.audio_tokens_per_second) == (1800.0, 0.0)
    large = listing(window_seconds=30.0, audio_tokens_per_second=25.0, abilities=["chat", "new"])
    info = engine_of(serve(listing=large), model="").info
    assert info.abilities == {Ability.CHAT}
    assert (info.window, info.audio_tokens_per_second) == (30.0, 25.0)


def test_evidence_coverage_and_warnings_come_through_with_the_times_of_the_recording(
    serve, engine_of, alarm
):
    server = serve(listing=listing(), otherwise=telling(TOLD))
    options = Options(task="transcribe", language="en", lang="zh")
    part = alarm[4.0:7.0]
    transcript, answer = transcribe(part, engine=engine_of(server, model=""), options=options)
    (segment,) = transcript.segments
    assert (segment.text, segment.start, segment.end) == ("Good morning.", 4.5, 5.5)
    assert transcript.language == "en"
    assert {item.clip for item in answer.evidence} == {part.name}
    assert {item.model for item in answer.evidence} == {"whisper"}
    assert (answer.coverage.heard, answer.coverage.total) == (2.0, 3.0)
    assert [tuple(gap) for gap in answer.coverage.gaps] == [(6.0, 7.0)]
    assert answer.warnings == ("spoken softly",)
    assert answer.task == "transcribe"
    body = server.asked[0].body
    assert body["qwa"] == {"task": "transcribe", "language": "en", "lang": "zh"}
    assert server.asked[0].texts == []  # the task goes by its name
    assert "max_tokens" not in body  # it writes in its own words


def test_of_several_clips_no_time_is_told_of_the_wrong_one(serve, engine_of, alarm):
    engine = engine_of(serve(listing=listing(), otherwise=telling(TOLD)), model="")
    answer = ask([alarm[2.0:4.0], alarm], "What?", engine=engine)
    assert [item.start for item in answer.evidence] == [None, None]
    assert answer.coverage.heard == 2.0
    answer = ask([alarm, alarm], "What?", engine=engine)
    assert answer.evidence[0].start == 0.5


@pytest.mark.parametrize(
    "told",
    [
        {},
        {"evidence": 7},
        TOLD | {"coverage": {}},
        TOLD | {"evidence": [{"kind": "speech"}]},
        TOLD | {"evidence": [7]},
    ],
)
def test_what_can_not_be_read_of_it_is_passed_over(told, serve, engine_of, alarm):
    engine = engine_of(serve(listing=listing(), otherwise=telling(told)), model="")
    answer = ask(alarm, "What?", engine=engine)
    assert answer.text == "Good morning."
    assert answer.coverage.total == 12.0
    assert [item.kind for item in answer.evidence] == ["heard"]
    assert any("nothing proves" in each for each in answer.warnings)


def test_another_server_that_tells_the_same_is_not_believed(serve, engine_of, alarm):
    server = serve(otherwise=telling(TOLD), owner="vllm", listing=None)
    answer = ask(alarm, "What?", engine=engine_of(server, server_dialect="compatible"))
    assert [item.kind for item in answer.evidence] == ["heard"]


def test_a_qwa_serve_that_tells_nothing_of_its_engine_is_as_any_server(serve, engine_of, alarm):
    server = serve(owner="qwen-audio-tools", otherwise=says())
    engine = engine_of(server)
    assert (engine.info.window, engine.info.audio_tokens_per_second) == (30.0, 25.0)
    assert ask(alarm, "What is heard?", engine=engine).usage.audio_tokens == 300
