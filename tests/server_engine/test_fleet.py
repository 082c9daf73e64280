"""A fleet: the least loaded is asked; one that fails is put aside, and others take over."""

import threading
import time

import pytest

from qwen_audio_tools import Clip, Options, ask
from qwen_audio_tools.conversation import user
from qwen_audio_tools.engines.server.retrying import asked_wait, pause
from qwen_audio_tools.errors import EngineRefused, EngineUnreachable
from qwen_audio_tools.testing import RATE, tone
from qwen_audio_tools.testing.server_reactions import drops, fails, hangs, says


def conversations(count: int) -> list:
    """Questions about clips of different sound."""
    sounds = [Clip((tone(200.0 + 10 * index, seconds=8.0), RATE)) for index in range(count)]
    return [[user(sound, f"What is number {index}?")] for index, sound in enumerate(sounds)]


def echo(call):
    """Reply with the question that was asked."""
    says(call.texts[-1])(call)


class Counter:
    """A reaction that takes a moment, and counts how many are under way at once."""

    def __init__(self) -> None:
        self.now = self.most = 0
        self._lock = threading.Lock()

    def __call__(self, call) -> None:
        with self._lock:
            self.now += 1
            self.most = max(self.most, self.now)
        time.sleep(0.05)
        with self._lock:
            self.now -= 1
        echo(call)


def test_many_questions_are_spread_over_the_servers_and_each_gets_its_own_answer(serve, engine_of):
    first, second = serve(otherwise=echo), serve(otherwise=echo)
    found = dict(engine_of(first, second).replies(conversations(12), Options()))
    assert [found[index].text for index in range(12)] == [
        f"What is number {index}?" for index in range(12)
    ]
    assert len(first.asked) + len(second.asked) == 12
    assert min(len(first.asked), len(second.asked)) >= 4


def test_no_server_gets_more_at_once_than_it_may(serve, engine_of):
    first, second = Counter(), Counter()
    engine = engine_of(serve(otherwise=first), serve(otherwise=second), server_concurrency=3)
    assert len(list(engine.replies(conversations(24), Options()))) == 24
    assert first.most <= 3
    assert second.most <= 3
    assert first.most + second.most > 3  # but both were busy


def test_one_of_two_that_dies_in_the_middle_costs_no_answer(serve, engine_of):
    steady = serve(otherwise=echo)
    dying = serve(echo, otherwise=drops("What is"))

    def falls_over(call):
        drops("What is")(call)
        threading.Thread(target=dying.stop).start()

    dying.otherwise = falls_over
    engine = engine_of(steady, dying, server_concurrency=4)
    found = dict(engine.replies(conversations(16), Options()))
    assert sorted(found) == list(range(16))
    assert all(answer.text == f"What is number {index}?" for index, answer in found.items())
    assert all(answer.coverage.complete for answer in found.values())


@pytest.mark.parametrize(
    "broken",
    [
        fails(503, {"error": {"message": "Loading model", "code": 503}}),
        fails(429, {"error": {"message": "busy"}}, Retry_After="3600"),
        drops(),
    ],
)
def test_a_question_goes_to_another_server_when_one_fails(broken, serve, engine_of, alarm):
    ill, well = serve(otherwise=broken), serve()
    engine = engine_of(ill, well, server_timeout=600.0)
    for _ in range(4):
        assert ask(alarm, "What is heard?", engine=engine).text == "A bell rings."
    assert len(well.asked) == 4
    assert len(ill.asked) <= 3  # it was put aside


def test_a_server_that_hangs_is_left_for_one_that_answers(serve, engine_of, alarm):
    def dies(call):
        call.server.silent = True
        hangs()(call)

    ill, well = serve(otherwise=dies), serve()
    engine = engine_of(ill, well, server_timeout=3600.0)
    assert ask(alarm, "What is heard?", engine=engine).text == "A bell rings."


def test_a_server_that_is_not_there_at_all_is_passed_over(serve, engine_of, alarm):
    gone = serve()
    gone.stop()
    engine = engine_of(gone, serve())
    assert ask(alarm, "What is heard?", engine=engine).text == "A bell rings."


def test_one_without_the_model_is_passed_over_and_if_none_has_it_their_models_are_named(
    serve, engine_of, alarm
):
    other = serve(model="Qwen/Qwen2.5-7B-Instruct")
    assert ask(alarm, "What?", engine=engine_of(other, serve())).text == "A bell rings."
    with pytest.raises(EngineRefused, match=r"has no model .*; it has 'Qwen/Qwen2.5-7B-Instruct'"):
        ask(alarm, "What?", engine=engine_of(other))
    assert other.asked == []


def test_a_deaf_one_is_passed_over(serve, engine_of, alarm):
    def deaf(call):
        call.head()
        call.piece("I hear nothing.", usage={"prompt_tokens": 25, "completion_tokens": 1})
        call.end()

    engine = engine_of(serve(otherwise=deaf), serve())
    assert ask(alarm, "What is heard?", engine=engine).text == "A bell rings."


def test_a_server_with_a_small_queue_gets_no_more_than_fits_into_it(serve, engine_of):
    busy, counter = fails(429, {"error": {"message": "full"}}, Retry_After="0.1"), Counter()

    def bounded(call):
        if counter.now >= 3:
            busy(call)
        else:
            counter(call)

    server = serve(otherwise=bounded)
    engine = engine_of(server, server_concurrency=16, server_timeout=60.0)
    found = dict(engine.replies(conversations(24), Options()))
    assert sorted(found) == list(range(24))


def test_no_question_waits_for_a_server_that_may_be_ill(serve, engine_of, alarm):
    from qwen_audio_tools.engines.server.watching import Patience

    silent, well = serve(silent=True), serve()
    engine = engine_of(silent, well, patience=Patience(connect=30.0, glance=0.3))
    assert engine.info.window == 30.0  # it looked at both, and only one told what it is
    for _ in range(5):
        assert ask(alarm, "What is heard?", engine=engine).text == "A bell rings."
    assert len(well.asked) == 5


def test_a_server_that_recovers_is_found_out_beside_the_questions(serve, engine_of, alarm):
    ill, well = serve(listing=503), serve()
    engine = engine_of(ill, well, server_concurrency=1)
    assert engine.info.window == 30.0
    ill.listing = well.listing
    for _ in range(100):
        list(engine.replies(conversations(4), Options()))
        if ill.asked:
            break
        time.sleep(0.05)
    assert ill.asked


def test_a_server_that_came_back_is_asked_again(serve, engine_of, alarm):
    server = serve(fails(503, {"detail": "starting"}, Retry_After="0"))
    engine = engine_of(server)
    assert ask(alarm, "What is heard?", engine=engine).text == "A bell rings."
    looks = [path for path, _ in server.paths if path == "/v1/models"]
    assert len(looks) == 2  # what it is was asked anew: it may have started with another model


def test_a_wait_beyond_the_deadline_is_not_waited_for(serve, engine_of, alarm):
    server = serve(otherwise=fails(429, {"error": {"message": "later"}}, Retry_After="3600"))
    with pytest.raises(EngineRefused, match="later"):
        ask(alarm, "What is heard?", engine=engine_of(server, server_timeout=30.0))
    assert len(server.asked) == 1


def test_if_no_server_answers_the_last_reason_is_told(serve, engine_of, alarm):
    servers = [serve(otherwise=fails(503, {"detail": "no"}, Retry_After="0")) for _ in range(2)]
    with pytest.raises(EngineUnreachable, match=r"not ready \(503\): no"):
        ask(alarm, "What is heard?", engine=engine_of(*servers))
    assert all(server.asked for server in servers)


def test_a_conversation_that_is_refused_is_refused_once_and_not_by_each_server(
    serve, engine_of, alarm
):
    refuses = fails(400, {"error": {"message": "bad words"}})
    servers = [serve(otherwise=refuses) for _ in range(3)]
    with pytest.raises(EngineRefused, match="bad words"):
        ask(alarm, "What is heard?", engine=engine_of(*servers))
    assert sum(len(server.asked) for server in servers) == 1


def test_the_first_failure_ends_many_questions(serve, engine_of):
    server = serve(otherwise=fails(400, {"error": {"message": "bad"}}))
    with pytest.raises(EngineRefused, match="bad"):
        list(engine_of(server, server_concurrency=2).replies(conversations(20), Options()))
    assert len(server.asked) <= 4


def test_pauses_grow_with_failures_are_spread_and_have_a_bound():
    longest = [max(pause(failures) for _ in range(300)) for failures in (1, 2, 3, 4, 50)]
    assert longest[0] <= 0.5 < longest[1] <= 1.0 < longest[2] <= 2.0 < longest[3] <= 4.0
    assert longest[4] <= 30.0
    assert min(pause(50) for _ in range(300)) < 3.0


def test_retry_after_is_seconds_or_a_date():
    from datetime import UTC, datetime

    now = datetime(2026, 11, 25, 12, 0, 0, tzinfo=UTC)
    assert asked_wait("7", now) == 7.0
    assert asked_wait(" 0.5 ", now) == 0.5
    assert asked_wait("Wed, 25 Nov 2026 12:00:30 GMT", now) == 30.0
    assert asked_wait("Wed, 25 Nov 2026 11:00:00 GMT", now) == 0.0
    assert [asked_wait(text, now) for text in (None, "", "soon", "-3", "٣")] == [None] * 5
