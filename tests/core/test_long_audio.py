"""Recordings longer than a window: batches, order, stopping, coverage, and who is asked what."""

from dataclasses import dataclass, field, replace

import pytest

from qwen_audio_tools.answer import Coverage, Evidence
from qwen_audio_tools.asking import ask, ask_in_pieces, ask_questions, converse, transcribe
from qwen_audio_tools.clip import Clip
from qwen_audio_tools.conversation import assistant, clips, question, system, user
from qwen_audio_tools.engines.base import Delta, Options, join
from qwen_audio_tools.errors import Cancelled, EngineUnsupported, SettingsError
from qwen_audio_tools.spans import Span
from qwen_audio_tools.tasks import Ability
from qwen_audio_tools.testing import RATE, tone
from qwen_audio_tools.testing.scripted_engine import ScriptedEngine

CHATS = frozenset(Ability) - {Ability.TIMES}
ONLY_WRITES = frozenset({Ability.TRANSCRIBE, Ability.SOUNDS, Ability.VOICE})


def a_clip(seconds: float) -> Clip:
    return Clip((tone(seconds=seconds), RATE), title="hum.wav")


def span_told(conversation) -> str:
    """Say which seconds were given, so that order and times can be seen in the answer."""
    given = clips(conversation)
    if not given:
        lines = question(conversation).splitlines()
        return f"joined {sum(line.startswith('[') for line in lines)} notes"
    return f"{given[0].start or 0:.0f} to {given[0].end or given[0].duration:.0f}"


@dataclass
class Batches(ScriptedEngine):
    """Answers whole batches, the last conversation first, as an engine that sorts may do."""

    sizes: list[int] = field(default_factory=list)
    answered: int = 0
    closed: int = 0

    def replies(self, conversations, options):
        self.sizes.append(len(conversations))
        try:
            for index in reversed(range(len(conversations))):
                self.answered += 1
                yield index, join(self.reply(conversations[index], options), self.info)
        finally:
            self.closed += 1


def batches(**values) -> Batches:
    return Batches([span_told] * 500, **{"window": 30.0, "abilities": CHATS} | values)


def test_all_windows_go_to_the_engine_at_once_and_are_told_in_order():
    engine = batches()
    answer = ask(a_clip(200), "what is heard?", engine=engine)
    assert engine.sizes == [len(answer.evidence)]
    starts = [item.start for item in answer.evidence]
    assert starts == sorted(starts)
    assert [item.text.split()[0] for item in answer.evidence] == [
        f"{start:.0f}" for start in starts
    ]
    assert answer.text == f"joined {len(starts)} notes"
    assert answer.coverage.complete
    assert answer.coverage.total == pytest.approx(200, abs=0.01)


def test_progress_counts_the_seconds_that_were_heard():
    told = []
    options = Options(progress=lambda what, done, total: told.append((what, done, total)))
    ask(a_clip(70), "what is heard?", engine=batches(), options=options)
    assert {what for what, _, _ in told} == {"listening"}
    assert [done for _, done, _ in told] == sorted(done for _, done, _ in told)
    assert told[0][1] == 0
    assert told[-1][1] == pytest.approx(70)
    assert {total for _, _, total in told} == {70}


def test_closing_the_pieces_stops_the_engine():
    engine = ScriptedEngine([span_told] * 500, 10.0, CHATS)
    pieces = ask_in_pieces(a_clip(200), "what is heard?", engine=engine)
    next(pieces)
    pieces.close()
    assert len(engine.heard) == 1
    at_once = batches()
    pieces = ask_in_pieces(a_clip(200), "what is heard?", engine=at_once)
    next(pieces)
    pieces.close()
    assert at_once.closed == 1


def test_a_caller_who_stops_at_the_progress_is_obeyed():
    def stop(what: str, done: float, total: float) -> None:
        if done:
            raise Cancelled("enough")

    engine = ScriptedEngine([span_told] * 500, 10.0, CHATS)
    with pytest.raises(Cancelled):
        ask(a_clip(200), "what is heard?", engine=engine, options=Options(progress=stop))
    assert len(engine.heard) == 1


@dataclass
class Reporting(ScriptedEngine):
    """Reports of each clip that it was heard, but for the seconds from `deaf_from` on."""

    deaf_from: float = float("inf")

    def reply(self, conversation, options):
        for delta in super().reply(conversation, options):
            yield replace(delta, coverage=None)
        for clip in clips(conversation):
            whole = Span(clip.start or 0.0, clip.end or clip.duration)
            yield Delta(
                coverage=Coverage.of((Span(whole.start, min(whole.end, self.deaf_from)),), whole),
                evidence=(Evidence(kind="heard", text="audio tokens", start=whole.start),),
            )


def test_that_a_window_was_heard_does_not_replace_its_note():
    answer = ask(a_clip(70), "what?", engine=Reporting([span_told] * 9, abilities=CHATS))
    assert {item.kind for item in answer.evidence} == {"note"}
    transcript, _ = transcribe(a_clip(70), engine=Reporting(["one"] * 9, abilities=CHATS))
    assert transcript.segments[0].text == "one"


def test_seconds_that_a_window_did_not_hear_are_told_with_their_times():
    engine = Reporting([span_told] * 9, abilities=CHATS, deaf_from=65.0)
    answer = ask(a_clip(70), "what?", engine=engine)
    assert answer.coverage.gaps == (Span(65.0, 70.0),)
    assert answer.coverage.heard == pytest.approx(65.0)


def test_overlapping_windows_count_no_second_twice():
    engine = Reporting(["la la la"] * 20, abilities=CHATS)
    answer = ask(a_clip(70), engine=engine, options=Options(task="transcribe"))
    heard = sum(clip.duration for turn in engine.heard for clip in clips(turn))
    assert heard > 71
    assert answer.coverage.total == pytest.approx(70)
    assert answer.coverage.complete


def test_notes_of_many_hours_are_shortened_before_they_are_joined():
    long_note = "a word " * 120

    def reply(conversation):
        words = question(conversation)
        return "short" if "shortly" in words else "done" if not clips(conversation) else long_note

    engine = ScriptedEngine([reply] * 500, 5.0, CHATS)
    answer = ask(a_clip(200), "what?", engine=engine)
    assert answer.text == "done"
    last = question(engine.heard[-1])
    assert "short" in last
    assert len(last) < 12_000
    assert all(len(question(each)) < 13_000 for each in engine.heard)
    assert "[0:00.0-" in last
    assert "-3:20.0]" in last


def test_the_schema_and_stop_words_are_for_the_answer_not_for_the_notes():
    seen = []

    @dataclass
    class Noting(ScriptedEngine):
        def reply(self, conversation, options):
            seen.append((bool(clips(conversation)), options.schema, options.stop))
            yield from super().reply(conversation, options)

    options = Options(schema={"type": "object"}, stop=("END",))
    ask(a_clip(50), "what?", engine=Noting([span_told] * 9, abilities=CHATS), options=options)
    assert set(map(str, seen)) == {
        str((True, None, ())),
        str((False, {"type": "object"}, ("END",))),
    }
    with pytest.raises(SettingsError, match="fits no JSON schema"):
        ask(a_clip(50), engine=batches(), options=replace(options, task="transcribe"))


def test_an_engine_that_can_not_reason_lists_what_it_heard_with_times():
    engine = ScriptedEngine(["a hum", "", "a hum"], abilities=ONLY_WRITES)
    answer = ask(a_clip(75), engine=engine, options=Options(task="sound_events"))
    first, second = answer.text.splitlines()
    assert first.startswith("[0:00.0-")
    assert first.endswith("] a hum")
    assert second.endswith("-1:15.0] a hum")


def test_a_conversation_keeps_its_turns_when_its_clip_is_long():
    engine = ScriptedEngine(["note"] * 3 + ["The answer."], abilities=CHATS)
    turns = [
        system("Be brief."),
        user(a_clip(70), "what is it?"),
        assistant("A hum."),
        user("loud?"),
    ]
    assert join(converse(turns, engine=engine), engine.info).text == "The answer."
    for asked in engine.heard:
        assert [turn.role for turn in asked] == ["system", "user", "assistant", "user"]
        assert asked[2].text == "A hum."
        assert not any(turn.clips for turn in asked[:-1])
    assert "loud?" in question(engine.heard[0])


def test_a_long_spoken_turn_is_written_down_and_replied_to():
    engine = ScriptedEngine(["good morning", "how are you", "bye", "Fine!"], abilities=CHATS)
    assert join(converse([user(a_clip(75))], engine=engine), engine.info).text == "Fine!"
    assert "word for word" in question(engine.heard[0])
    assert "how are you" in question(engine.heard[-1])
    assert question(engine.heard[-1]).endswith("Reply to it.")


def test_a_conversation_needs_an_engine_that_converses_and_a_question():
    with pytest.raises(EngineUnsupported, match="single questions"):
        converse([user(a_clip(1))], engine=ScriptedEngine([], abilities=ONLY_WRITES))
    with pytest.raises(SettingsError, match="end with a turn of the user"):
        converse([user(a_clip(1)), assistant("yes")], engine=ScriptedEngine([]))


def test_many_questions_of_a_clip_are_asked_at_once_and_answered_in_order():
    engine = Batches([lambda turn: f"re: {question(turn)}"] * 9)
    asked = ["who?", "where?", "when?"]
    answers = ask_questions(a_clip(3), asked, engine=engine)
    assert engine.sizes == [3]
    assert [(each.question, each.text) for each in answers] == [(q, f"re: {q}") for q in asked]
    assert {each.clip for each in answers} == {"hum.wav"}
    one_by_one = ask_questions(
        a_clip(3), asked, engine=ScriptedEngine([lambda turn: f"re: {question(turn)}"] * 9)
    )
    assert [each.text for each in one_by_one] == [each.text for each in answers]


def test_of_a_long_recording_each_part_is_asked_all_questions_before_the_next():
    engine = batches()
    answers = ask_questions(a_clip(200), ["what?", "why?"], engine=engine)
    parts = len(answers[0].evidence)
    assert engine.sizes == [2] * parts + [2]  # the last one joins the notes of both
    assert all(each.text == f"joined {parts} notes" for each in answers)
    assert all(each.coverage.complete for each in answers)
    assert [each.question for each in answers] == ["what?", "why?"]


def test_an_empty_question_among_many_is_refused():
    with pytest.raises(SettingsError, match="empty"):
        ask_questions(a_clip(1), ["what?", " "], engine=ScriptedEngine([]))
