"""What a user asks of a clip, and what comes back: true, with evidence, and whole."""

import json
from pathlib import Path

import pytest

from qwen_audio_tools.asking import ask, transcribe
from qwen_audio_tools.clip import Clip
from qwen_audio_tools.engines import open_engine
from qwen_audio_tools.engines.base import Options
from qwen_audio_tools.errors import SettingsError

AUDIO = Path(__file__).parents[2] / "examples" / "audio"
TRUTH = {
    clip["file"]: clip
    for clip in json.loads((AUDIO / "clips.json").read_text(encoding="utf-8"))["clips"]
}


@pytest.fixture(scope="module")
def engine():
    return open_engine("embedded")


@pytest.fixture
def asked(engine):
    def about(file, question, **options):
        return ask(Clip(AUDIO / file), question, engine=engine, options=Options(**options))

    return about


def sound_truth(file):
    return TRUTH[file]["sounds"][0]


def test_an_upset_voice_is_told_by_its_words_and_they_are_quoted(asked):
    answer = asked("kitchen.mp3", "what emotion?")
    assert answer.task == "emotion"
    assert answer.text.lower().startswith(("a negative feeling", "most likely sad"))
    quoted = " ".join(item.text for item in answer.evidence if item.kind == "emotion")
    assert "ruined" in quoted or "terrible" in quoted
    assert answer.engine.startswith("embedded:")
    assert answer.coverage.complete


def test_a_happy_voice_is_told_from_an_upset_one(asked):
    assert "happy" in asked("happy.mp3", "angry, happy or sad?").text
    assert "Most likely happy" in asked("happy.mp3", "how does she feel?").text


def test_asked_whether_someone_is_angry_it_says_no_with_the_score(asked):
    answer = asked("happy.mp3", "is she angry?")
    assert answer.text.startswith("No sign of it")
    assert "%" in answer.text


def test_without_a_voice_no_emotion_is_made_up(asked):
    answer = asked("alarm.ogg", "how does the speaker feel?")
    assert "no speech" in answer.text
    assert answer.evidence == ()


def test_a_sound_that_is_there_is_found_where_it_is(asked):
    answer = asked("kitchen.mp3", "did glass break?")
    assert answer.text.startswith("Yes")
    truth = sound_truth("kitchen.mp3")
    assert answer.evidence[0].start == pytest.approx(truth["start"], abs=0.6)
    assert answer.evidence[0].score >= 0.3


def test_when_the_bell_rings_is_told_in_seconds(asked):
    answer = asked("bell.flac", "when does the bell ring?")
    truth = sound_truth("bell.flac")
    assert answer.evidence[0].start == pytest.approx(truth["start"], abs=0.8)


def test_a_sound_that_is_not_there_is_not_claimed(asked):
    answer = asked("kitchen.mp3", "is there a dog barking?")
    assert answer.text.startswith("No evidence of")
    assert answer.evidence == ()


def test_a_sound_that_no_model_knows_is_admitted(asked):
    answer = asked("kitchen.mp3", "can you hear a dragon?")
    assert "can't tell" in answer.text


def test_what_was_said_comes_word_for_word(asked):
    answer = asked("happy.mp3", "what does she say?")
    assert "this is wonderful news" in answer.text.lower()
    assert answer.task == "transcribe"


@pytest.mark.parametrize(
    ("question", "fact"),
    [
        ("what is the budget?", "200,000"),
        ("how much will the delay cost?", "40,000"),
        ("when is the new launch date?", "17"),
    ],
)
def test_an_open_question_is_answered_by_quoting_the_sentence_that_holds_the_fact(
    asked, question, fact
):
    answer = asked("meeting.opus", question)
    assert answer.task == "question"
    assert fact in answer.text
    assert any(fact in item.text for item in answer.evidence)


def test_a_question_that_was_not_answered_in_the_clip_is_not_answered_by_the_engine(asked):
    answer = asked("meeting.opus", "what is the name of the chief pilot?")
    assert answer.text.startswith("Nothing that was said clearly answers that")


def test_yes_or_no_about_the_content_is_quoted_not_guessed(asked):
    answer = asked("meeting.opus", "did they agree to move the launch?")
    assert answer.text.startswith("Can't tell yes or no")
    assert "move the launch" in answer.text


def test_two_voices_are_two_and_one_is_one(asked):
    assert "best estimate is 2" in asked("meeting.opus", "how many people are talking?").text
    assert asked("voicemail.wav", "is it one person or several?").text.startswith("One voice")


def test_spanish_is_named_and_put_into_english(asked):
    assert "Spanish" in asked("spanish.ogg", "which language is this?").text
    answer = asked("spanish.ogg", "translate this into English")
    assert "Good afternoon" in answer.text
    assert any(item.kind == "original" and "Buenas tardes" in item.text for item in answer.evidence)


def test_a_chinese_question_gets_a_chinese_answer(asked):
    answer = asked("kitchen.mp3", "有玻璃破碎的声音吗？")
    assert answer.text.startswith("有：")
    assert "难过" in asked("kitchen.mp3", "说话人是什么情绪？").text


def test_chinese_speech_is_written_down(asked):
    text = asked("chinese.mp3", "录音里说了什么？").text
    assert "你好" in text
    assert "中文" in text


def test_music_is_music_and_speech_is_not(asked):
    assert asked("music.m4a", "is there music?").text.startswith("There is music")
    assert asked("voicemail.wav", "is there music?").text.startswith("No evidence of music")


def test_a_question_about_content_of_a_clip_without_speech_is_answered_by_its_sounds(asked):
    answer = asked("alarm.ogg", "what is happening?")
    assert "smoke" in answer.text


def test_two_questions_in_one_get_two_answers(asked):
    answer = asked("happy.mp3", "what does she say and how does she feel?")
    assert answer.task == "transcribe+emotion"
    assert "wonderful" in answer.text
    assert "happy" in answer.text


def test_the_second_question_does_not_listen_again(tmp_path, monkeypatch):
    monkeypatch.setenv("QWA_ANALYSES", str(tmp_path))
    listened = []
    options = Options(progress=lambda what, done, total: listened.append(what))
    clip = Clip(AUDIO / "happy.mp3")
    ask(clip, "what is said?", engine=open_engine("embedded"), options=options)
    assert "listening" in listened
    listened.clear()
    # A new engine is as good as a new process: only the folder remembers.
    again = Clip(AUDIO / "happy.mp3")
    answer = ask(again, "which language is it?", engine=open_engine("embedded"), options=options)
    assert listened == []
    assert "English" in answer.text


def test_the_part_of_a_clip_keeps_the_times_of_the_recording(engine):
    answer = ask(Clip(AUDIO / "bell.flac")[2.5:8.0], "is there a bell?", engine=engine)
    assert answer.text.startswith("Yes")
    assert answer.evidence[0].start >= 2.5
    assert answer.evidence[0].start == pytest.approx(sound_truth("bell.flac")["start"], abs=0.8)
    assert answer.coverage.total == pytest.approx(5.5, abs=0.05)


def test_a_transcript_can_have_speakers(engine):
    transcript, answer = transcribe(Clip(AUDIO / "meeting.opus"), engine=engine, speakers=True)
    voices = {segment.speaker for segment in transcript.segments}
    assert voices == {"S1", "S2"}
    assert transcript.language == "en"
    assert answer.coverage.complete


def test_a_translation_is_a_transcript_in_english(engine):
    transcript, _ = transcribe(Clip(AUDIO / "spanish.ogg"), engine=engine, translate=True)
    assert "Thank you" in transcript.text
    assert all(segment.language == "en" for segment in transcript.segments)


def test_clips_are_compared_in_one_answer(engine):
    clips = [Clip(AUDIO / "happy.mp3"), Clip(AUDIO / "spanish.ogg")]
    answer = ask(clips, "what differs?", engine=engine, options=Options(task="compare"))
    assert "English" in answer.text
    assert "Spanish" in answer.text
    assert answer.coverage.total == pytest.approx(
        sum(TRUTH[name]["seconds"] for name in ("happy.mp3", "spanish.ogg")), abs=0.5
    )


def test_what_it_can_not_judge_names_who_could(asked):
    answer = asked("meeting.opus", "did they agree to move the launch?")
    assert any("Qwen2-Audio" in warning for warning in answer.warnings)
    assert not any("Qwen2-Audio" in w for w in asked("happy.mp3", "what is said?").warnings)


def test_the_evidence_of_a_comparison_names_its_clips(engine):
    clips = [Clip(AUDIO / "happy.mp3"), Clip(AUDIO / "bell.flac")[2.0:9.0]]
    answer = ask(clips, engine=engine, options=Options(task="compare"))
    assert {Path(item.clip).name for item in answer.evidence} == {"happy.mp3", "bell.flac"}
    bell = next(item for item in answer.evidence if "bell" in item.text)
    assert bell.start >= 2.0


def test_the_task_of_questions_needs_one(engine):
    with pytest.raises(SettingsError, match="needs a question"):
        ask(Clip(AUDIO / "happy.mp3"), engine=engine, options=Options(task="question"))


@pytest.mark.parametrize(
    "question", ["what is that noise?", "what's that sound?", "这是什么声音？"]
)
def test_asked_what_a_noise_is_it_names_the_sound(asked, question):
    answer = asked("alarm.ogg", question)
    assert any("smoke" in item.text or "烟雾" in item.text for item in answer.evidence)


def test_asked_for_noise_itself_it_looks_for_noise(asked):
    assert "noise" in asked("alarm.ogg", "is there background noise?").text
