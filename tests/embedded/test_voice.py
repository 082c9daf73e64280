import numpy as np
import pytest

from qwen_audio_tools.engines.embedded.voices.pitch import without_octave_slips
from qwen_audio_tools.engines.embedded.voices.voice_meter import (
    VoiceMeter,
    VoiceTrack,
    voice_measures,
)
from qwen_audio_tools.spans import Span
from qwen_audio_tools.testing import speech, white_noise
from qwen_audio_tools.transcript import spoken_words

TEXT = "The committee will meet again on Thursday to discuss the new plan for the river."


def buzz(hertz: float, seconds: float = 2.0) -> np.ndarray:
    """A voice-like sound: 20 harmonics that fall by 6 dB an octave."""
    time = np.arange(int(seconds * 16_000)) / 16_000
    waves = [np.sin(2 * np.pi * hertz * k * time) / k for k in range(1, 21) if k * hertz < 7000]
    return np.asarray(0.2 * np.sum(waves, axis=0), np.float32)


@pytest.fixture(scope="module")
def man() -> np.ndarray:
    return speech(TEXT, voice="en-us")


@pytest.mark.parametrize("hertz", [70.0, 110.0, 165.0, 220.0, 330.0, 440.0])
def test_pitch_of_a_harmonic_sound_is_its_frequency(hertz: float) -> None:
    measures = voice_measures(buzz(hertz))
    assert measures.pitch == pytest.approx(hertz, rel=0.01)
    assert measures.pitch_range is not None
    assert measures.pitch_range < 0.5


def test_pitch_withstands_noise() -> None:
    noisy = buzz(120.0) + 0.03 * white_noise(2.0)
    assert voice_measures(noisy.astype(np.float32)).pitch == pytest.approx(120.0, rel=0.02)


def test_noise_and_silence_have_no_pitch() -> None:
    assert voice_measures(white_noise(2.0)).pitch is None
    silent = voice_measures(np.zeros(32_000, np.float32), [])
    assert silent.pitch is None
    assert silent.speech_seconds == 0.0
    assert silent.adult() is None


def test_level_changes_the_level_and_nothing_else(man: np.ndarray) -> None:
    loud, soft = voice_measures(man), voice_measures(man * np.float32(0.1))
    assert loud.level is not None
    assert soft.level == pytest.approx(loud.level - 20.0, abs=0.5)
    assert soft.pitch == pytest.approx(loud.pitch, rel=0.02)
    assert soft.tilt == pytest.approx(loud.tilt, abs=1.0)
    assert soft.dynamics == pytest.approx(loud.dynamics, abs=2.0)


def test_a_low_voice_is_a_mans_and_a_high_one_a_womans(man: np.ndarray) -> None:
    low = voice_measures(man).adult()
    high = voice_measures(speech(TEXT, voice="en-us+f3")).adult()
    assert low is not None
    assert low[0] == "male"
    assert high is not None
    assert high[0] == "female"
    assert 0.5 <= high[1] <= 0.9


def test_near_the_border_the_guess_is_hedged() -> None:
    guess = voice_measures(buzz(168.0)).adult()
    assert guess is not None
    assert guess[1] < 0.6


def test_pauses_are_counted_between_the_spans_of_speech(man: np.ndarray) -> None:
    spans = [Span(0.0, 1.0), Span(2.5, 3.0), Span(3.1, 4.0)]
    long_enough = np.concatenate([man, man])
    measures = voice_measures(long_enough, spans, words=8)
    assert measures.pauses == 1
    assert measures.longest_pause == 1.5
    assert measures.speech_seconds == pytest.approx(2.4, abs=0.01)
    assert measures.words_per_minute == 200


def test_measures_of_a_stretch_see_only_that_stretch() -> None:
    meter = VoiceMeter()
    meter.feed(np.concatenate([buzz(100.0), buzz(200.0)]))
    track = meter.finish()
    everything = [Span(0.0, 4.0)]
    assert track.measures(everything, within=Span(0.1, 1.9)).pitch == pytest.approx(100, rel=0.01)
    assert track.measures(everything, within=Span(2.1, 3.9)).pitch == pytest.approx(200, rel=0.01)


def test_block_size_does_not_change_the_track(man: np.ndarray) -> None:
    tracks = []
    for block in (999, 16_000, len(man)):
        meter = VoiceMeter()
        for at in range(0, len(man), block):
            meter.feed(man[at : at + block])
        tracks.append(meter.finish().to_arrays())
    assert all(
        np.array_equal(tracks[0][name], other[name]) for other in tracks[1:] for name in other
    )


def test_a_track_survives_its_arrays_and_stays_small(man: np.ndarray) -> None:
    meter = VoiceMeter()
    meter.feed(man)
    track = meter.finish()
    arrays = track.to_arrays()
    spans = [Span(0.0, 3.0)]
    assert VoiceTrack.from_arrays(arrays).measures(spans) == track.measures(spans)
    a_minute = sum(array.nbytes for array in arrays.values()) / track.duration * 60
    assert a_minute < 12_000


@pytest.mark.parametrize("count", [0, 1, 500, 1024, 16_001])
def test_any_length_is_taken(count: int) -> None:
    meter = VoiceMeter()
    meter.feed(buzz(100.0)[:count])
    track = meter.finish()
    assert track.duration == count / 16_000
    track.measures([Span(0.0, 10.0)])


def test_octave_slips_are_folded_back() -> None:
    hertz = np.full(40, 100.0, np.float32)
    hertz[[5, 20]] = 200.0
    hertz[30] = 50.0
    hertz[35] = 490.0
    mended = without_octave_slips(hertz, np.ones(40, np.bool_))
    assert len(mended) == 39
    assert np.allclose(mended, 100.0)


@pytest.mark.parametrize(
    ("text", "words"), [("It's half past nine.", 4), ("我今天很高兴", 4), ("", 0), ("— !", 0)]
)
def test_words_are_counted_in_any_script(text: str, words: int) -> None:
    assert spoken_words(text) == words
