"""Stopping, streaming and sharing: whoever leaves closes the request, and nobody waits for ever."""

import asyncio
import gc
import multiprocessing
import signal
import subprocess
import sys
import threading
from contextlib import aclosing, closing

import pytest

from qwen_audio_tools import Options, ask
from qwen_audio_tools.conversation import user
from qwen_audio_tools.errors import Cancelled, EngineRefused, SettingsError
from qwen_audio_tools.testing.server_reactions import fails, hangs, says, trickles

GREEDY = Options(temperature=0.0)


def asked(clip):
    return [user(clip, "What is heard?")]


def test_text_comes_while_the_server_is_still_writing(serve, engine_of, alarm):
    more = threading.Event()

    def waits(call):
        call.head()
        call.piece("A bell")
        assert more.wait(10)
        call.piece(" rings.", "stop")
        call.end()

    deltas = engine_of(serve(otherwise=waits)).reply(asked(alarm), GREEDY)
    assert next(deltas).text == "A bell"
    more.set()
    assert "".join(delta.text for delta in deltas) == " rings."


def test_questions_one_after_the_other_share_a_connection(serve, engine_of, alarm):
    server = serve()
    engine = engine_of(server)
    for _ in range(4):
        ask(alarm, "What is heard?", engine=engine)
    assert len(server.connections) == 1


def test_closing_the_iterator_closes_the_request_at_once(serve, engine_of, alarm):
    server = serve(otherwise=trickles())
    engine = engine_of(server)
    with closing(engine.reply(asked(alarm), GREEDY)) as deltas:
        assert next(deltas).text == "la "
    assert server.left.wait(10)
    server.otherwise = says()
    assert ask(alarm, "And now?", engine=engine).text == "A bell rings."


def test_closing_many_questions_closes_all_their_requests(serve, engine_of, alarm):
    servers = [serve(says("done"), otherwise=trickles()) for _ in range(2)]
    conversations = [[user(alarm, f"What is heard, {index}?")] for index in range(8)]
    with closing(engine_of(*servers).replies(conversations, GREEDY)) as answers:
        assert next(answers)[1].text == "done"
    assert all(server.left.wait(10) for server in servers)


def test_a_wish_to_stop_is_heeded_while_the_server_is_silent(serve, engine_of, alarm):
    server = serve(otherwise=hangs())

    def stop(*_: object) -> None:
        if server.asked:
            raise Cancelled("enough")

    with pytest.raises(Cancelled):
        list(engine_of(server).reply(asked(alarm), Options(progress=stop)))
    assert server.left.wait(10)


def test_an_iterator_that_is_dropped_closes_its_request(serve, engine_of, alarm):
    server = serve(otherwise=trickles())
    deltas = engine_of(server).reply(asked(alarm), GREEDY)
    next(deltas)
    del deltas
    gc.collect()
    assert server.left.wait(10)


def test_ctrl_c_closes_the_request(serve, tmp_path, alarm):
    server = serve(otherwise=hangs())
    clip = tmp_path / "alarm.wav"
    clip.write_bytes(alarm.wav_bytes())
    command = [sys.executable, "-m", "qwa", "ask", str(clip), "What is heard?"]
    child = subprocess.Popen(
        [*command, "--engine", f"server:{server.model}@{server.url}"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while not server.asked and child.poll() is None:
        server.left.wait(0.05)
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=60)
    assert (child.returncode, out) == (130, "")
    assert "Traceback" not in err
    assert server.left.wait(10)


async def _text(engine, clip) -> str:
    return "".join([delta.text async for delta in engine.areply(asked(clip), GREEDY)])


def test_event_loops_get_the_same_answer_without_being_blocked(serve, engine_of, alarm):
    engine = engine_of(serve())

    async def both() -> list[str]:
        return await asyncio.gather(*(_text(engine, alarm) for _ in range(8)))

    assert asyncio.run(both()) == ["A bell rings."] * 8
    assert asyncio.run(_text(engine, alarm)) == "A bell rings."  # and from another loop


def test_a_task_that_is_cancelled_closes_its_request(serve, engine_of, alarm):
    server = serve(otherwise=hangs())
    engine = engine_of(server)

    async def gives_up() -> None:
        async with asyncio.timeout(60):
            task = asyncio.create_task(_text(engine, alarm))
            while not server.asked:
                await asyncio.sleep(0.02)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(gives_up())
    assert server.left.wait(10)


def test_leaving_an_asynchronous_reply_closes_its_request(serve, engine_of, alarm):
    server = serve(otherwise=trickles())
    engine = engine_of(server)

    async def leaves() -> None:
        async with aclosing(engine.areply(asked(alarm), GREEDY)) as deltas:
            async for _ in deltas:
                break

    asyncio.run(leaves())
    assert server.left.wait(10)


def test_an_error_reaches_an_event_loop_as_it_is(serve, engine_of, alarm):
    engine = engine_of(serve(otherwise=fails(400, {"error": {"message": "bad words"}})))
    with pytest.raises(EngineRefused, match="bad words"):
        asyncio.run(_text(engine, alarm))


def test_threads_share_an_engine(serve, engine_of, alarm):
    engine, texts = engine_of(serve()), []
    threads = [
        threading.Thread(
            target=lambda: texts.append(ask(alarm, "What is heard?", engine=engine).text)
        )
        for _ in range(12)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert texts == ["A bell rings."] * 12


def test_an_engine_that_was_closed_opens_again_when_it_is_asked(serve, engine_of, alarm):
    engine = engine_of(serve())
    for _ in range(2):
        assert ask(alarm, "What is heard?", engine=engine).text == "A bell rings."
        engine.close()
    engine.close()


def test_an_engine_that_nobody_holds_any_more_ends_its_thread(serve, engine_of, alarm):
    from qwen_audio_tools import open_engine

    server = serve()
    before = set(threading.enumerate())
    engine = open_engine(f"server:{server.model}@{server.url}")
    ask(alarm, "What is heard?", engine=engine)
    (thread,) = [
        each for each in set(threading.enumerate()) - before if each.name == "qwa-server-engine"
    ]
    del engine
    gc.collect()
    thread.join(10)
    assert not thread.is_alive()


def test_a_process_that_was_forked_asks_for_itself(serve, engine_of, alarm):
    engine = engine_of(serve())
    assert ask(alarm, "What is heard?", engine=engine).text == "A bell rings."
    told = multiprocessing.get_context("fork").SimpleQueue()
    child = multiprocessing.get_context("fork").Process(
        target=lambda: told.put(ask(alarm, "What is heard?", engine=engine).text)
    )
    child.start()
    child.join(60)
    assert child.exitcode == 0
    assert told.get() == "A bell rings."


@pytest.mark.parametrize("options", [Options(max_tokens=0), Options(lang="xx")])
def test_an_option_that_cannot_be_reaches_no_server(options, serve, engine_of, alarm):
    server = serve()
    with pytest.raises(SettingsError):
        list(engine_of(server).reply(asked(alarm), options))
    assert server.asked == []
