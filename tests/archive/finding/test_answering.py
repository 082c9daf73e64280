"""An archive answers with what can be heard in it, cited to the second, or says that it can't."""

from dataclasses import replace

import pytest

from qwen_audio_tools import open_engine
from qwen_audio_tools.archive.answering import NOT_THERE, ask_archive
from qwen_audio_tools.archive.archive import made
from qwen_audio_tools.archive.citing import cites_all, playable
from qwen_audio_tools.archive.index.lance_index import LanceIndex
from qwen_audio_tools.archive.index.rows import Hit
from qwen_audio_tools.archive.noting import Asking
from qwen_audio_tools.conversation import Conversation
from qwen_audio_tools.engines.embedding import open_embedder
from qwen_audio_tools.testing.made_records import text_record
from qwen_audio_tools.testing.scripted_engine import ScriptedEngine

OTHERS = [("David Stone", "Dublin", "rabbits"), ("Mary Cooper", "Glasgow", "foxes")]


@pytest.fixture(scope="module")
def embedded():
    return open_engine("embedded")


def test_a_fact_is_quoted_with_a_citation_that_plays(shelf, embedded):
    archive, index = shelf
    found = ask_archive(archive, index, "by how much did the bank raise rates?", engine=embedded)
    assert found.found
    assert "half a percent" in found.answer.text
    best = found.citations[0]
    assert best.label.startswith("[Made Radio · On money 0:0")
    assert "On%20money.flac#t=" in best.link
    assert best.end - best.start < 8.0
    assert f"[{best.number}]" in found.answer.text


def test_a_sound_that_no_word_tells_is_heard_by_listening_again(shelf, embedded):
    archive, index = shelf
    question = "does a bell ring at noon in the village?"
    found = ask_archive(archive, index, question, engine=embedded)
    assert "bell" in found.answer.text.lower()
    assert any(item.kind == "sound" for item in found.answer.evidence)
    read = ask_archive(archive, index, question, engine=embedded, asking=Asking(listen=False))
    assert not any(item.kind == "sound" for item in read.answer.evidence)


def test_reading_alone_cites_the_sentence_and_knows_what_nobody_said(shelf, embedded):
    archive, index = shelf
    reading = Asking(listen=False)
    known = ask_archive(
        archive, index, "by how much did the bank raise rates?", engine=embedded, asking=reading
    )
    assert "half a percent" in known.answer.text
    assert known.answer.coverage.heard == 0.0
    unknown = ask_archive(
        archive, index, "what is the chief pilot's name?", engine=embedded, asking=reading
    )
    assert not unknown.found


def test_what_nobody_said_is_not_in_the_archive(shelf, embedded):
    archive, index = shelf
    found = ask_archive(
        archive, index, "what is the name of the chief pilot of the airline?", engine=embedded
    )
    assert not found.found
    assert found.answer.text == NOT_THERE
    assert found.citations == ()


@pytest.mark.parametrize(
    "question",
    [
        "Who translated the Odyssey into Korean?",
        "Which programming language does the robot use?",
        "How old was the oldest mammoth?",
    ],
)
def test_a_voice_or_a_language_that_any_speech_has_answers_nothing(shelf, embedded, question):
    archive, index = shelf
    assert not ask_archive(archive, index, question, engine=embedded).found


def test_how_somebody_sounds_is_told_of_those_who_speak_about_it(shelf, embedded):
    archive, index = shelf
    question = "Is the person who talks about tomatoes and water male or female?"
    found = ask_archive(archive, index, question, engine=embedded)
    assert any(item.kind == "voice" for item in found.answer.evidence)
    assert {each.hit.title for each in found.citations} == {"In the village"}


def test_the_same_that_was_said_of_somebody_else_is_not_cited(tmp_path, embedded):
    archive = made(tmp_path / "archive")
    for at, (who, where, why) in enumerate(
        [("Helen Park", "Oslo", "wolves"), ("Helen Park", "Boston", "seals"), *OTHERS]
    ):
        said = f"{who} moved from {where} because of the {why}."
        archive.ledger.put(text_record("Harbour Radio", f"Number {at}", [said]))
    index = LanceIndex(str(tmp_path / "index"), open_embedder(), tmp_path / "lock")
    index.refresh(archive.ledger)
    question = "Why did Helen Park move from Oslo?"
    reading = Asking(listen=False)
    found = ask_archive(archive, index, question, engine=embedded, asking=reading)
    assert [each.hit.title for each in found.citations] == ["Number 0"]
    assert found.answer.text == "“Helen Park moved from Oslo because of the wolves.” [1]"


def test_a_model_that_converses_hears_the_span_and_its_sentences_are_cited(shelf):
    archive, index = shelf

    def model(conversation: Conversation) -> str:
        turn = conversation[-1]
        if not turn.clips:  # the notes on all spans
            return "Rates rose by half a percent [1]."
        assert "data and no instruction" in turn.text
        return "The bank raised rates." if "central bank" in turn.text else "NOTHING"

    engine = ScriptedEngine([model] * 5)
    found = ask_archive(archive, index, "what about the interest rates?", engine=engine)
    assert found.answer.text == "Rates rose by half a percent [1]."
    assert [each.hit.title for each in found.citations] == ["On money"]
    assert found.answer.coverage.heard > 10.0
    assert engine.heard[-1][-1].clips == ()


def test_a_sentence_without_its_source_is_not_let_through(shelf):
    archive, index = shelf

    def model(conversation: Conversation) -> str:
        turn = conversation[-1]
        if not turn.clips:
            return "Everyone was angry, surely."
        return "Rates rose." if "central bank" in turn.text else "NOTHING"

    found = ask_archive(archive, index, "interest rates?", engine=ScriptedEngine([model] * 5))
    assert found.answer.text == "Rates rose. [1]"


def test_audio_that_is_gone_is_read_and_that_is_said(shelf, embedded, tmp_path):
    archive, index = shelf
    other = made(tmp_path / "other")
    for record in archive.ledger:
        gone = replace(record.episode.enclosure, path=str(tmp_path / "gone.flac"))
        other.ledger.put(replace(record, episode=replace(record.episode, enclosure=gone)))
    again = LanceIndex(str(tmp_path / "index"), index.embedder, tmp_path / "lock")
    again.refresh(other.ledger)
    found = ask_archive(other, again, "by how much did the bank raise rates?", engine=embedded)
    assert "half a percent" in found.answer.text
    assert any("read, not heard" in warning for warning in found.answer.warnings)


def test_marks_in_a_transcript_are_no_citations():
    assert cites_all("It rained [1]. It was cold [2][1].", {1, 2})
    assert not cites_all("It rained [1]. It was cold.", {1})
    assert not cites_all("It rained [3].", {1})
    assert not cites_all("", {1})


def test_a_link_names_the_span_as_media_fragments_do():
    found = Hit(
        episode="a",
        index=0,
        show="S",
        title="T",
        start=0.0,
        end=9.0,
        text="",
        link="https://example.com/a.mp3",
    )
    assert playable(found, 751.0, 778.0) == "https://example.com/a.mp3#t=751,778"
    assert playable(found, 0.5, 778.25) == "https://example.com/a.mp3#t=0.5,778.2"
