import numpy as np
import pytest

from qwen_audio_tools import testing
from qwen_audio_tools.engines.embedded import weights
from qwen_audio_tools.engines.embedded.sounds import audioset
from qwen_audio_tools.engines.embedded.sounds.sound_grouping import (
    SoundEvent,
    best_of,
    drop_explained,
)
from qwen_audio_tools.engines.embedded.sounds.sound_meter import SoundMeter, SoundScores
from qwen_audio_tools.engines.embedded.sounds.yamnet import Yamnet


@pytest.fixture(scope="module")
def model() -> Yamnet:
    return Yamnet(weights.folder("yamnet"))


def scores(model: Yamnet, samples: np.ndarray, block: int = 0) -> SoundScores:
    meter = SoundMeter(model=model)
    for at in range(0, len(samples), block or max(1, len(samples))):
        meter.feed(samples[at : at + (block or len(samples))])
    return meter.finish()


@pytest.fixture(scope="module")
def scene(model: Yamnet) -> SoundScores:
    quiet = testing.silence
    parts = [quiet(5), testing.dog_bark(), quiet(5), testing.siren(), quiet(4)]
    return scores(model, np.concatenate(parts))


def test_each_of_521_classes_has_a_chinese_name_and_a_known_or_root_parent() -> None:
    assert len(audioset.classes()) == 521
    for index, entry in enumerate(audioset.classes()):
        assert entry.index == index
        assert any("一" <= char <= "鿿" for char in entry.chinese), entry
        assert entry.parent.startswith("(") or entry.parent in audioset.by_label(), entry


def test_groups_name_real_classes_only() -> None:
    named = audioset.GENERIC | audioset.SCENE | audioset.MEDIUM | audioset.MOODS
    assert named <= set(audioset.labels())
    for words in audioset.EVERYDAY.values():
        assert set(words) <= set(audioset.labels()), words


def test_ancestors_lead_to_a_root_and_family_is_their_inverse() -> None:
    assert audioset.ancestors("Bark") == ("Dog", "Domestic animals, pets", "Animal")
    assert "Bark" in audioset.family("Animal")
    assert "Guitar" in audioset.INSTRUMENTS
    assert "Jazz" in audioset.GENRES
    assert "Giggle" in audioset.VOCAL


def test_sounds_are_found_where_they_are(scene: SoundScores) -> None:
    events = scene.events()
    dogs = [event for event in events if event.label in audioset.family("Dog")]
    sirens = [event for event in events if event.label in audioset.family("Siren")]
    assert abs(min(event.start for event in dogs) - 5.0) < 0.3
    assert all(event.start > 4.7 and event.end < 7.3 for event in dogs)
    assert abs(min(event.start for event in sirens) - 12.0) < 0.3
    assert abs(max(event.end for event in sirens) - 16.0) < 0.5


def test_presence_says_yes_with_spans_and_no_evidence_without(scene: SoundScores) -> None:
    dog = scene.presence(["Dog"])
    assert dog.verdict == "yes"
    assert all(span.start > 4.7 and span.end < 7.3 for span in dog.spans)
    assert scene.presence(["Piano"]).verdict == "no evidence"
    assert scene.presence(["Piano"]).spans == ()


def test_a_broad_name_is_answered_by_what_is_below_it(scene: SoundScores) -> None:
    assert scene.presence(["Alarm"]).verdict == "yes"


def test_an_unknown_name_is_a_key_error(scene: SoundScores) -> None:
    with pytest.raises(KeyError):
        scene.presence(["Unicorn"])


def test_block_size_does_not_change_the_scores(model: Yamnet) -> None:
    sound = np.concatenate([testing.siren(2.5), testing.white_noise(1.37)])
    whole = scores(model, sound).to_arrays()
    for block in (777, 16_000):
        cut = scores(model, sound, block).to_arrays()
        assert all(np.array_equal(whole[name], cut[name]) for name in whole), block


def test_scores_survive_their_arrays(scene: SoundScores) -> None:
    assert SoundScores.from_arrays(scene.to_arrays()).events() == scene.events()


def test_silence_has_no_events(model: Yamnet) -> None:
    assert scores(model, testing.silence(3.0)).events() == ()


@pytest.mark.parametrize("count", [0, 1, 80, 3000, 16_000])
def test_any_length_is_taken(model: Yamnet, count: int) -> None:
    found = scores(model, testing.tone(seconds=2.0)[:count])
    assert found.duration == count / 16_000
    assert all(event.end <= found.duration + 1e-6 for event in found.events())
    assert found.presence(["Music"]).score >= 0.0


def test_speech_is_heard_as_speech_and_is_no_event(model: Yamnet) -> None:
    found = scores(model, testing.speech("The train leaves from platform four at half past nine."))
    assert found.presence(["Speech"]).verdict == "yes"
    assert found.presence(["Music"]).verdict == "no evidence"
    assert found.events() == ()


def test_music_is_heard_as_music(model: Yamnet) -> None:
    found = scores(model, testing.piano(4.0))
    assert found.presence(["Music"]).verdict == "yes"
    assert found.top(1)[0][0] in audioset.MUSIC
    assert found.top(3, among=audioset.INSTRUMENTS)


@pytest.mark.parametrize(
    ("make", "label"),
    [
        (testing.smoke_alarm, "Alarm"),
        (testing.siren, "Siren"),
        (testing.clock_ticking, "Clock"),
        (testing.dog_bark, "Dog"),
        (testing.church_bell, "Bell"),
        (testing.rain, "Water"),
    ],
)
def test_made_sounds_are_named(model: Yamnet, make: object, label: str) -> None:
    assert scores(model, make()).presence([label]).verdict == "yes"  # type: ignore[operator]


def event(label: str, start: float, end: float, score: float) -> SoundEvent:
    return SoundEvent(label=label, start=start, end=end, score=score)


def test_the_specific_name_wins_over_the_general() -> None:
    events = [event("Animal", 0, 5, 0.99), event("Dog", 0, 5, 0.95), event("Bark", 0, 4.5, 0.8)]
    assert [found.label for found in drop_explained(events)] == ["Bark"]


def test_the_specific_name_takes_over_the_times_of_the_general() -> None:
    (found,) = drop_explained([event("Dog", 0, 4, 0.7), event("Bark", 1.5, 4, 0.5)])
    assert (found.label, found.start, found.end, found.score) == ("Bark", 0, 4, 0.5)


def test_a_general_name_stays_when_nothing_explains_it() -> None:
    events = [event("Animal", 0, 2, 0.5), event("Siren", 4, 5, 0.9)]
    assert [found.label for found in drop_explained(events)] == ["Animal", "Siren"]


def test_music_stays_beside_its_instruments() -> None:
    events = [event("Music", 0, 5, 0.9), event("Piano", 0, 5, 0.8)]
    assert {found.label for found in drop_explained(events)} == {"Music", "Piano"}


def test_of_equal_scores_the_deepest_class_leads() -> None:
    ranked = best_of({"Animal": 0.9, "Dog": 0.91, "Bark": 0.88, "Siren": 0.4}, 3)
    assert [label for label, _ in ranked] == ["Bark", "Siren"]
