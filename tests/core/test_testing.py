"""Made audio is what it says it is: as long as asked, the same each time, and readable as files."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest

from qwen_audio_tools import testing as made
from qwen_audio_tools.errors import ClipUnsupported, MissingExtra

CLIPS = Path(__file__).parents[2] / "examples" / "audio"
SOUNDS: tuple[Callable[..., np.ndarray], ...] = (
    made.alarm_clock, made.bicycle_bell, made.church_bell, made.clock_ticking, made.dog_bark,
    made.doorbell, made.glass_breaking, made.guitar, made.helicopter, made.piano, made.rain,
    made.siren, made.smoke_alarm, made.telephone, made.whistle,
)  # fmt: skip
RANDOM = (made.rain, made.glass_breaking, made.helicopter, made.guitar, made.white_noise)


def decoded(path: Path) -> tuple[float, int, int]:
    """Return seconds, rate and channels of a file as PyAV decodes it."""
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        count = sum(frame.samples for frame in container.decode(stream))
        return count / stream.rate, stream.rate, stream.channels


@pytest.mark.parametrize("sound", SOUNDS, ids=lambda sound: sound.__name__)
@pytest.mark.parametrize(("seconds", "rate"), [(1.3, 16_000), (2.0, 44_100)])
def test_a_sound_is_as_long_and_as_loud_as_it_says(sound, seconds, rate):
    samples = sound(seconds=seconds, rate=rate)
    assert samples.shape == (round(seconds * rate),)
    assert samples.dtype == np.float32
    assert np.abs(samples).max() == pytest.approx(0.5, abs=1e-3)


@pytest.mark.parametrize("sound", RANDOM, ids=lambda sound: sound.__name__)
def test_the_same_seed_makes_the_same_sound_and_another_seed_another(sound):
    assert np.array_equal(sound(1.0, seed=3), sound(1.0, seed=3))
    assert not np.array_equal(sound(1.0, seed=3), sound(1.0, seed=4))


def test_a_tone_has_its_frequency():
    spectrum = np.abs(np.fft.rfft(made.tone(1000.0, 1.0)))
    assert int(np.argmax(spectrum)) == 1000


def test_silence_is_zero():
    assert not made.silence(0.5).any()


def test_a_mix_has_the_ratio_that_was_asked_for():
    noise, tone = made.white_noise(4.0), made.tone(500.0, 1.0)
    mixed = made.mix(noise, tone, 2.0, snr_db=12.0)
    before = np.mean(np.square(mixed[:32_000]))
    during = np.mean(np.square(mixed[32_000:48_000]))
    assert mixed.shape == noise.shape
    assert 10 * np.log10((during - before) / before) == pytest.approx(12.0, abs=0.5)


def test_a_mix_grows_when_the_foreground_sticks_out():
    assert made.mix(made.silence(1.0), made.tone(seconds=1.0), 0.5).shape == (24_000,)


def test_a_sequence_tells_where_each_part_lies():
    parts = [made.tone(seconds=0.5), made.tone(seconds=1.0)]
    samples, spans = made.sequence(parts, gap=0.25)
    assert spans == ((0.0, 0.5), (0.75, 1.75))
    assert samples.shape == (28_000,)
    assert not samples[8_000:12_000].any()


@pytest.mark.parametrize("voice", ["en-us", "en-gb", "de", "fr", "es", "cmn", "en-us+f3"])
def test_each_voice_speaks_the_same_each_time_whoever_spoke_before(voice):
    first = made.speech("1 2 3", voice=voice)
    made.speech("something else", voice="fr")
    assert first.dtype == np.float32
    assert 0.3 < len(first) / made.RATE < 4.0
    assert np.array_equal(first, made.speech("1 2 3", voice=voice))


def test_a_higher_rate_of_words_takes_less_time():
    assert len(made.speech("good morning", rate_wpm=260)) < len(made.speech("good morning"))


def test_an_unknown_voice_is_named():
    with pytest.raises(ClipUnsupported, match="'nobody'"):
        made.speech("hello", voice="nobody")


def test_speech_without_its_package_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)
    with pytest.raises(MissingExtra, match="espeakng_loader") as caught:
        made.speech("hello")
    assert caught.value.hint == "pip install espeakng-loader"


def test_speech_is_the_same_in_another_process():
    code = "from qwen_audio_tools.testing import speech; print(speech('hello').sum())"
    runs = {
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout
        for _ in range(2)
    }
    assert len(runs) == 1
    assert float(runs.pop()) == pytest.approx(float(made.speech("hello").sum()), abs=1e-3)


@pytest.mark.parametrize("kind", made.KINDS)
@pytest.mark.parametrize("channels", [1, 2])
def test_a_file_of_each_kind_decodes_back(tmp_path, kind, channels):
    rate = 8_000 if kind == "amr" else 44_100
    if kind == "amr":
        channels = 1
    ending = "wav" if kind.startswith("wav") else kind
    path = made.write(
        tmp_path / f"a.{ending}", made.tone(seconds=1.5), kind=kind, rate=rate, channels=channels
    )
    seconds, own_rate, own_channels = decoded(path)
    assert seconds == pytest.approx(1.5, abs=0.09)
    assert own_rate == (48_000 if kind in ("opus", "webm") else rate)
    assert own_channels == channels


def test_a_file_is_the_same_each_time(tmp_path):
    for ending in ("wav", "flac", "mp3", "m4a", "opus"):
        path = tmp_path / f"a.{ending}"
        first = made.write(path, made.tone()).read_bytes()
        assert made.write(path, made.tone()).read_bytes() == first, ending


def test_an_unknown_kind_of_file_is_named(tmp_path):
    with pytest.raises(ClipUnsupported, match="'xyz'"):
        made.write(tmp_path / "a.xyz", made.tone())


@pytest.mark.parametrize("ending", ["mp4", "mkv"])
def test_a_video_has_a_picture_and_sound_only_if_given(tmp_path, ending):
    for samples, kinds in ((made.tone(), {"video", "audio"}), (None, {"video"})):
        path = made.write_video(tmp_path / f"a.{ending}", samples)
        with av.open(str(path)) as container:
            assert {stream.type for stream in container.streams} == kinds


def clips() -> list[dict[str, object]]:
    """Return what clips.json says."""
    return list(json.loads((CLIPS / "clips.json").read_text(encoding="utf-8"))["clips"])


@pytest.mark.parametrize("clip", clips(), ids=lambda clip: clip["file"])
def test_an_example_clip_is_as_the_list_says(clip):
    path = CLIPS / clip["file"]
    seconds, _, channels = decoded(path)
    assert seconds == pytest.approx(clip["seconds"], abs=0.1)
    assert channels == 1
    assert path.stat().st_size < 200_000
    assert clip["text"] == " ".join(line["text"] for line in clip["said"])
    assert clip["speakers"] == len({line["speaker"] for line in clip["said"]})
    for part in (*clip["said"], *clip["sounds"]):
        assert 0 <= part["start"] < part["end"] <= clip["seconds"] + 0.01


def test_the_list_names_every_example_clip_and_all_are_small():
    files = {path for path in CLIPS.iterdir() if path.suffix not in (".py", ".json", ".md")}
    assert {path.name for path in files if path.is_file()} == {clip["file"] for clip in clips()}
    assert sum(path.stat().st_size for path in files if path.is_file()) < 900_000
