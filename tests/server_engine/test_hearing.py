"""No answer to audio that was not heard: token counts prove it, early where they come early."""

import numpy as np
import pytest

from qwen_audio_tools import Clip, Options, ask, transcribe
from qwen_audio_tools.conversation import user
from qwen_audio_tools.engines.server.events import Counts
from qwen_audio_tools.engines.server.hearing import Demand, Verdict
from qwen_audio_tools.errors import ClipTooLong, EngineRefused, EngineUnsupported
from qwen_audio_tools.testing import RATE, tone
from qwen_audio_tools.testing.server_reactions import says


def counting(prompt, text="I hear a bell.", *, audio=None, early=False):
    """Reply and count so many tokens of the prompt, whatever it was."""

    def react(call):
        usage = {"prompt_tokens": prompt, "completion_tokens": 4}
        if audio is not None:
            usage["prompt_tokens_details"] = audio
        call.head()
        call.piece(text, "stop", **({"usage": usage} if early else {}))
        call.event({"choices": [], "usage": usage})
        call.event("[DONE]")
        call.end()

    return react


def deaf(call):
    """Reply as a server does that drops the audio: it counts the texts alone."""
    words = sum(len(text.encode()) // 4 for text in call.texts)
    counting(words + 20)(call)


def uncounted(call):
    call.head()
    call.piece("A bell.", "stop")
    call.event("[DONE]")
    call.end()


@pytest.mark.parametrize("dialect", ["vllm", "compatible", "transformers", "qwa"])
def test_an_answer_to_dropped_audio_is_refused(dialect, serve, engine_of, alarm):
    engine = engine_of(serve(otherwise=deaf), server_dialect=dialect)
    with pytest.raises(EngineRefused, match="did not hear the audio: it counted") as caught:
        ask(alarm, "What is heard?", engine=engine)
    assert "the audio alone demands 267" in str(caught.value)


def test_where_counts_come_early_no_word_of_a_deaf_answer_is_shown(serve, engine_of, alarm):
    engine = engine_of(serve(otherwise=counting(23, early=True)))
    shown = []
    with pytest.raises(EngineRefused, match="did not hear"):
        shown.extend(engine.reply([user(alarm, "What is heard?")], Options()))
    assert shown == []


def test_where_they_come_at_the_end_the_answer_is_taken_back(serve, engine_of, alarm):
    engine = engine_of(serve(otherwise=counting(23)), server_dialect="compatible")
    deltas = engine.reply([user(alarm, "What is heard?")], Options())
    assert next(deltas).text == "I hear a bell."
    with pytest.raises(EngineRefused, match="did not hear"):
        next(deltas)


@pytest.mark.parametrize(
    "details", [{"audio_tokens": 40}, {"multimodal_tokens": {"audio": 40}, "cached_tokens": 5}]
)
def test_audio_that_was_heard_in_part_is_refused(details, serve, engine_of, alarm):
    engine = engine_of(serve(otherwise=counting(400, audio=details)))
    with pytest.raises(EngineRefused, match="40 tokens of audio, and it demands 267"):
        ask(alarm, "What is heard?", engine=engine)


@pytest.mark.parametrize(
    "details", [{"audio_tokens": 300}, {"multimodal_tokens": {"audio": 300}}, {"audio_tokens": 0}]
)
def test_audio_tokens_are_those_that_the_server_counts_or_as_many_as_it_takes(
    details, serve, engine_of, alarm
):
    answer = ask(
        alarm, "What is heard?", engine=engine_of(serve(otherwise=counting(325, audio=details)))
    )
    usage = answer.usage
    assert (usage.input_tokens, usage.audio_tokens, usage.output_tokens) == (325, 300, 4)
    assert usage.seconds_heard == 12.0
    (evidence,) = answer.evidence
    assert (evidence.kind, evidence.text, evidence.start, evidence.end) == (
        *("heard", "300 audio tokens"),
        *(0.0, 12.0),
    )


def test_a_clip_of_fewer_tokens_than_the_question_is_proved_heard_once(serve, engine_of):
    server, short = serve(), Clip((tone(seconds=1.0), RATE))
    engine = engine_of(server)
    answer = ask(short, "What is heard?", engine=engine)
    assert answer.usage.audio_tokens == 25
    counted = server.asked[1]  # the same words without the audio, for the count alone
    assert (counted.clips, counted.texts, counted.body["max_tokens"]) == (
        [],
        ["What is heard?"],
        1,
    )
    ask(short, "And now?", engine=engine)
    assert len(server.asked) == 3


def test_a_server_that_drops_a_short_clip_is_found_out(serve, engine_of):
    short = Clip((tone(seconds=1.0), RATE))
    question = "What is heard in this clip, if anything is heard in it at all, and how loud is it?"
    with pytest.raises(EngineRefused, match="as many tokens with the audio as without it"):
        ask(short, question, engine=engine_of(serve(otherwise=deaf)))


def test_a_model_of_no_known_family_is_proved_to_hear_by_the_difference(serve, engine_of, alarm):
    server = serve(model="acme/ears-1b")
    engine = engine_of(server, model="acme/ears-1b")
    for _ in range(2):
        assert ask(alarm, "What is heard?", engine=engine).usage.audio_tokens == 300
    assert len(server.asked) == 3
    with pytest.raises(EngineRefused, match="did not hear"):
        ask(
            alarm,
            "What is heard?",
            engine=engine_of(serve(otherwise=deaf, model="acme/ears-1b"), model="acme/ears-1b"),
        )


def test_voice_chat_is_proved_too(serve, engine_of):
    short = Clip((tone(seconds=1.0), RATE))
    assert ask(short, engine=engine_of(serve())).text == "A bell rings."


def test_a_server_that_counts_nothing_is_told_of(serve, engine_of, alarm):
    answer = ask(alarm, "What is heard?", engine=engine_of(serve(otherwise=uncounted, owner="x")))
    assert answer.text == "A bell."
    assert answer.warnings == (
        "the server counts no tokens: nothing proves that it heard the audio",
    )
    assert (answer.usage.audio_tokens, answer.usage.seconds_heard) == (0, 12.0)


def test_a_server_without_the_audio_part_is_not_sent_any(serve, engine_of, alarm):
    props = {"modalities": {"vision": False, "audio": False}}
    server = serve(owner="llamacpp", answers={"/props": props})
    engine = engine_of(server)
    with pytest.raises(EngineUnsupported, match="lacks transcribe"):
        transcribe(alarm, engine=engine)
    with pytest.raises(EngineUnsupported, match="without the audio part"):
        ask(alarm, "What is heard?", engine=engine)
    assert server.asked == []


def test_a_model_that_is_listed_without_ears_is_not_sent_any(serve, engine_of, alarm):
    entry = {"id": "m", "architecture": {"input_modalities": ["text", "image"]}}
    server = serve(listing={"data": [entry]})
    with pytest.raises(EngineUnsupported, match="does not hear"):
        ask(alarm, "What is heard?", engine=engine_of(server, model="m"))
    assert server.asked == []


def test_nothing_longer_than_the_window_is_sent(serve, engine_of, long_tone):
    server = serve()
    with pytest.raises(ClipTooLong, match="hears 30 s at once"):
        list(engine_of(server).reply([user(long_tone, "What is heard?")], Options()))
    assert server.asked == []


def test_a_long_recording_is_heard_whole_in_windows(serve, engine_of, long_tone):
    server = serve()
    answer = ask(long_tone, "What is heard?", engine=engine_of(server))
    assert answer.coverage.complete
    assert answer.coverage.total == 95.0
    lengths = [clip.seconds for call in server.asked for clip in call.clips]
    assert max(lengths) <= 30.0
    assert sum(lengths) == pytest.approx(95.0, abs=0.01)
    assert server.asked[-1].clips == []  # the turn that answers from the notes


def test_what_was_odd_about_a_clip_is_told(serve, engine_of):
    still = Clip((np.zeros(RATE // 20, np.float32), RATE))
    warnings = ask(still, "What is heard?", engine=engine_of(serve())).warnings
    assert [each.partition(":")[0] for each in warnings] == [
        "only 50 ms of audio",
        "silent",
        "filled up with 50 ms of silence",
    ]


@pytest.mark.parametrize(
    ("counts", "verdict"),
    [
        (Counts(), Verdict.UNSURE),
        (Counts(prompt=299), Verdict.UNHEARD),
        (Counts(prompt=300), Verdict.UNSURE),
        (Counts(prompt=900, audio=299), Verdict.UNHEARD),
        (Counts(prompt=900, audio=300), Verdict.HEARD),
        (Counts(prompt=900, audio=0), Verdict.UNSURE),
        (Counts(prompt=100, audio=0), Verdict.UNHEARD),
    ],
)
def test_what_counts_prove(counts, verdict):
    assert Demand(least=300, texts=600).verdict(counts) is verdict


def test_more_audio_tokens_than_the_texts_can_have_prove_that_they_are_audio():
    assert Demand(least=300, texts=200).verdict(Counts(prompt=300)) is Verdict.HEARD
    assert Demand(least=0, texts=200).verdict(Counts(prompt=9000)) is Verdict.UNSURE


def test_who_answers_without_a_clip_proves_nothing_and_needs_nothing(serve, engine_of):
    server = serve(otherwise=says("Hello."))
    deltas = list(engine_of(server).reply([user("Say hello.")], Options()))
    assert "".join(delta.text for delta in deltas) == "Hello."
    assert [delta.coverage for delta in deltas if delta.coverage] == []
    assert len(server.asked) == 1
