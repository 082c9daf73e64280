import pytest

from qwen_audio_tools.engines.embedded.meaning.sentence_encoder import shared_encoder
from qwen_audio_tools.engines.embedded.questions import sound_names
from qwen_audio_tools.engines.embedded.questions.sound_kinds import task_of_sound
from qwen_audio_tools.engines.embedded.questions.sound_names import labels_for, labels_named
from qwen_audio_tools.engines.embedded.sounds import audioset


def test_every_alias_names_a_real_label() -> None:
    named = {label for _, labels in sound_names._aliases() for label in labels}
    assert named <= set(audioset.labels())


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("a dog", "Dog"),
        ("dogs barking", "Dog"),
        ("狗叫声", "Dog"),
        ("glass breaking", "Shatter"),
        ("玻璃破碎的声音", "Shatter"),
        ("the doorbell", "Doorbell"),
        ("门铃", "Doorbell"),
        ("someone laughing", "Laughter"),
        ("笑声", "Laughter"),
        ("a baby crying", "Baby cry, infant cry"),
        ("婴儿在哭", "Baby cry, infant cry"),
        ("phone ringing", "Telephone"),
        ("电话铃响", "Telephone"),
        ("clapping", "Applause"),
        ("掌声", "Applause"),
        ("an ambulance", "Siren"),
        ("警笛", "Siren"),
        ("rain", "Rain"),
        ("下雨", "Rain"),
        ("thunder", "Thunder"),
        ("打雷", "Thunder"),
        ("car horn", "Vehicle horn, car horn, honking"),
        ("cars", "Car"),
        ("a violin", "Violin, fiddle"),
        ("小提琴", "Violin, fiddle"),
        ("a harpsichord", "Harpsichord"),
    ],
)
def test_everyday_words_name_labels(text: str, label: str) -> None:
    assert labels_for(text)[0] == (label, 1.0)


def test_kinds_of_a_named_sound_follow_it() -> None:
    found = dict(labels_for("a dog"))
    assert found["Bark"] == sound_names.RELATED
    assert "Cat" not in found


@pytest.mark.parametrize("text", ["a dragon", "the president", "恐龙", "外星人", "money", "", " "])
def test_what_has_no_sound_class_names_nothing(text: str) -> None:
    assert labels_for(text, encoder=shared_encoder()) == ()


@pytest.mark.parametrize(
    ("text", "label"), [("leaves", "Rustling leaves"), ("a cow mooing", "Moo")]
)
def test_near_meaning_is_found_with_its_score(text: str, label: str) -> None:
    found = dict(labels_for(text, encoder=shared_encoder()))
    assert 0.6 < found[label] <= 1.0


def test_only_allowed_labels_come_back() -> None:
    assert labels_for("a dog", ["Bark", "Cat"]) == ()
    assert dict(labels_for("a dog", ["Dog", "Bark"])) == {"Dog": 1.0, "Bark": 0.9}


def test_a_word_inside_another_is_not_that_word() -> None:
    assert "Cat" not in labels_named("a catalogue")
    assert "Car" not in labels_named("a scarf and a carpet")


@pytest.mark.parametrize(
    ("text", "task"),
    [("a piano", "music"), ("coughing", "vocal_sound"), ("siren", "sound_events"),
     ("applause", "sound_events"), ("doorbell", "sound_events"), ("voice", None)],
)  # fmt: skip
def test_a_sound_belongs_to_a_task(text: str, task: str | None) -> None:
    assert task_of_sound(labels_named(text)) == task
