from pathlib import Path

import pytest

from qwen_audio_tools.engines.embedded.questions import routing_model, routing_rules
from qwen_audio_tools.engines.embedded.questions.question_form import (
    choices,
    is_yes_no,
    language_of,
)
from qwen_audio_tools.engines.embedded.questions.router import route
from qwen_audio_tools.tasks import TASKS

HELD_OUT = Path(__file__).parent / "data" / "held_out_questions.tsv"
BY_NAME = {"compare", "voice"}
"""Tasks that no question is taken for: they are asked for by name, or by several clips."""
EXAMPLES = routing_model.examples(
    Path(routing_model.__file__).with_name(routing_model.EXAMPLES).read_text("utf-8")
)


def tasks_of(question: str) -> set[str]:
    return {task.name for task in route(question).tasks}


def test_every_example_is_of_a_known_task_and_none_is_given_twice() -> None:
    assert {task for task, _, _ in EXAMPLES} == set(TASKS) - BY_NAME
    asked = [question.lower().rstrip("?？") for _, _, question in EXAMPLES]
    assert len(asked) == len(set(asked))


@pytest.mark.parametrize(("language", "least"), [("en", 25), ("zh", 20)])
def test_each_task_has_enough_examples(language: str, least: int) -> None:
    for task in set(TASKS) - BY_NAME:
        assert sum(1 for found in EXAMPLES if found[:2] == (task, language)) >= least, task


@pytest.mark.parametrize(("language", "least"), [("en", 0.9), ("zh", 0.9)])
def test_questions_kept_out_of_the_examples_are_routed_right(language: str, least: float) -> None:
    rows = [line.split("\t") for line in HELD_OUT.read_text("utf-8").splitlines()]
    right = [tasks_of(asked) == set(gold.split("+")) for kind, gold, asked in rows
             if kind == language]  # fmt: skip
    assert sum(right) / len(right) >= least


@pytest.mark.parametrize(
    "question",
    ["what emotion?", "What emotion?", "wat emotion", "emotion", "whats the emotoin", "什么情绪？",
     "what emotion is it", "WHAT EMOTION IS IN THE VOICE"],
)  # fmt: skip
def test_asking_for_the_emotion_always_works(question: str) -> None:
    assert tasks_of(question) == {"emotion"}


@pytest.mark.parametrize(
    "question",
    ["What did he say about the dog?", "Why is she angry about the contract?", "他对音乐怎么看？",
     "Does he mention a dog?", "What language does he recommend learning?", "谁买了吉他？"],
)  # fmt: skip
def test_content_is_asked_for_also_where_a_sound_or_feeling_is_named(question: str) -> None:
    assert tasks_of(question) == {"question"}


@pytest.mark.parametrize(
    ("question", "both"),
    [
        ("What does she say and how does she feel?", {"transcribe", "emotion"}),
        ("她说了什么，她感觉怎么样？", {"transcribe", "emotion"}),
        ("Tell me the speaker's gender and emotion", {"speaker", "emotion"}),
        ("说话人的性别和情绪", {"speaker", "emotion"}),
        ("transcribe and translate this", {"transcribe", "translate"}),
        ("What language is it, and how many people speak?", {"language", "speakers"}),
    ],
)
def test_a_double_question_has_two_tasks(question: str, both: set[str]) -> None:
    assert tasks_of(question) == both


@pytest.mark.parametrize(
    "question",
    [
        "Is she angry, happy or sad?",
        "What do Tom and Anna buy?",
        "list sounds and times",
        "Describe the music and the singing",
        "苹果和香蕉多少钱？",
    ],
)
def test_a_list_is_not_a_double_question(question: str) -> None:
    assert len(tasks_of(question)) == 1


@pytest.mark.parametrize(
    ("question", "task"),
    [("is there a dog?", "sound_events"), ("有没有狗叫？", "sound_events"),
     ("Is there a piano", "music"), ("有小提琴吗", "music"), ("is he laughing?", "vocal_sound"),
     ("any harpsichord?", "music"), ("有没有人打哈欠", "vocal_sound")],
)  # fmt: skip
def test_a_named_sound_goes_to_its_kind(question: str, task: str) -> None:
    found = route(question)
    assert (found.task, found.yes_no) == (task, True)


def test_runners_up_are_ranked_and_apart_from_the_tasks() -> None:
    found = route("how does she feel?")
    scores = [task.score for task in (*found.tasks, *found.others)]
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores)
    assert found.task not in {task.name for task in found.others}


@pytest.mark.parametrize("question", ["", " ", "?"])
def test_no_question_asks_for_a_description(question: str) -> None:
    assert tasks_of(question) == {"caption"}


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("angry, happy or sad?", ("angry", "happy", "sad")),
        ("Is the speaker a man or a woman?", ("man", "woman")),
        ("is it a cough or a sneeze", ("cough", "sneeze")),
        ("Does the speaker sound confident or unsure?", ("confident", "unsure")),
        ("Is this from a film, a podcast or a phone call?", ("film", "podcast", "phone call")),
        ("Which feeling: joy, anger, or fear?", ("joy", "anger", "fear")),
        ("choose from: calm, tense, bored", ("calm", "tense", "bored")),
        ("生气还是高兴", ("生气", "高兴")),
        ("他是生气、开心还是悲伤？", ("生气", "开心", "悲伤")),
        ("说话的是男的还是女的？", ("男的", "女的")),
        ("小孩在哭还是在笑", ("哭", "笑")),
        ("is he angry or not?", ()),
        ("what does he say?", ()),
    ],
)
def test_choices_are_read_from_the_question(question: str, expected: tuple[str, ...]) -> None:
    assert choices(question) == expected


@pytest.mark.parametrize(
    ("question", "language", "expected"),
    [
        ("Is there a dog?", "en", True), ("does she laugh", "en", True),
        ("can you hear rain?", "en", True), ("can you transcribe this?", "en", False),
        ("What is said?", "en", False), ("man or woman?", "en", False),
        ("有狗吗？", "zh", True), ("他是不是生气了", "zh", True), ("有没有音乐", "zh", True),
        ("说话人开心不开心", "zh", True), ("能帮我翻译吗", "zh", False), ("他说什么", "zh", False),
    ],
)  # fmt: skip
def test_yes_no_questions_are_told_apart(question: str, language: str, expected: bool) -> None:
    assert is_yes_no(question, language) is expected


@pytest.mark.parametrize(
    ("question", "language"),
    [("what emotion?", "en"), ("什么情绪", "zh"), ("何と言っていますか", "ja"),
     ("뭐라고 해요?", "ko"),
     ("¿cuántas personas hablan?", "es"), ("Wie viele Personen sind das?", "de"),
     ("Combien de personnes parlent dans le clip ?", "fr"), ("", "en"), ("123", "en")],
)  # fmt: skip
def test_the_language_of_a_question(question: str, language: str) -> None:
    assert language_of(question) == language


@pytest.mark.parametrize(
    ("question", "subject"),
    [("Is there a dog in the background?", "dog"), ("有没有狗叫？", "狗叫"),
     ("有玻璃碎的声音吗", "玻璃碎"),
     ("can you hear rain", "rain"), ("what emotion?", None), ("is someone laughing?", "laughing")],
)  # fmt: skip
def test_the_subject_of_is_there(question: str, subject: str | None) -> None:
    assert route(question).subject == subject


def test_how_often_and_when_are_noticed() -> None:
    assert route("how many times does the bell ring?").counts
    assert route("狗叫了几次").counts
    assert route("when does the siren start?").wants_time
    assert not route("is there a siren?").wants_time


def test_an_english_question_is_tipped_the_same_by_the_ascii_words_alone() -> None:
    for question in ("translate it into french", "who is talking?", "any music?", "what's said"):
        everything = routing_rules.tips(question + " \u00a0")  # not ASCII: all words are tried
        assert routing_rules.tips(question) == everything
