"""Listening: from any clip to samples that the encoder takes, or a clear word why not."""

import io

import numpy as np
import pytest

from qwen_audio_tools.clip import Clip
from qwen_audio_tools.engines.transformers.hearing.encoder import token_count
from qwen_audio_tools.engines.transformers.hearing.listening import listen
from qwen_audio_tools.engines.transformers.reuse.kept import Kept
from qwen_audio_tools.errors import ClipMissing, ClipTooLong, ClipUnreadable
from qwen_audio_tools.testing import glass_breaking, pink_noise, silence, tone, write

RATE = 16_000


def clip_of(samples, rate: int = RATE) -> Clip:
    return Clip((np.asarray(samples), rate))


def test_a_clip_becomes_its_samples_named_by_their_content(tmp_path):
    clip = Clip(write(tmp_path / "glass.flac", glass_breaking()), title="the window")
    sound = listen(clip, window=30.0)
    np.testing.assert_array_equal(sound.samples, clip.samples())
    assert sound.samples.dtype == np.float32
    assert (sound.key, sound.name, sound.warnings) == (clip.sha256, "the window", ())
    assert sound.seconds == pytest.approx(clip.duration)


def test_the_same_sound_has_the_same_key_wherever_it_lies(tmp_path):
    first = Clip(write(tmp_path / "one.wav", glass_breaking()))
    second = clip_of(first.samples())
    assert listen(first, window=30.0).key == listen(second, window=30.0).key
    assert listen(first, window=30.0).key != listen(clip_of(tone()), window=30.0).key


def test_a_part_of_a_clip_is_heard_without_the_rest():
    sound = listen(clip_of(tone(seconds=40.0))[5.0:7.5], window=30.0)
    assert (sound.seconds, len(sound.samples)) == (2.5, 40_000)


def test_what_is_longer_than_the_window_is_refused_and_not_cut():
    with pytest.raises(ClipTooLong, match=r"lasts 30\.10 s; this model hears 30 s") as refused:
        listen(clip_of(tone(seconds=30.1)), window=30.0)
    assert "clip[0:30]" in refused.value.hint


def test_a_single_sample_over_the_window_is_too_long():
    assert len(listen(clip_of(tone(seconds=30.0)), window=30.0).samples) == 480_000
    with pytest.raises(ClipTooLong):
        listen(clip_of(np.append(tone(seconds=30.0), 0.0)), window=30.0)


@pytest.mark.parametrize("start", [0.0, 1 / 3, 1.6750937499999998, 1.5652187499999999])
def test_a_span_as_long_as_the_window_fits_however_its_ends_are_rounded(start):
    # The last two begin half a sample late, and end, by rounding, 480,001 samples later.
    clip = clip_of(pink_noise(35.0))[start : start + 30.0]
    assert len(listen(clip, window=30.0).samples) == 480_000


class CountingFile(io.BytesIO):
    """A file that knows how much of it was read."""

    taken = 0

    def read(self, size: int | None = -1, /) -> bytes:
        found = super().read(size)
        self.taken += len(found)
        return found

    def readinto(self, buffer, /) -> int:
        count = super().readinto(buffer)
        self.taken += count
        return count


def test_of_what_is_too_long_no_more_is_read_than_the_window(tmp_path):
    data = write(tmp_path / "long.wav", pink_noise(300.0)).read_bytes()
    file = CountingFile(data)
    with pytest.raises(ClipTooLong):
        listen(Clip(file), window=30.0)
    assert 0 < file.taken < len(data) / 5


@pytest.mark.parametrize("count", [1, 320, 1599])
def test_what_is_shorter_than_a_tenth_of_a_second_is_filled_up_and_says_so(count):
    samples = np.asarray(tone(seconds=1.0), np.float32)[100 : 100 + count]
    sound = listen(clip_of(samples), window=30.0)
    assert len(sound.samples) == 1600
    np.testing.assert_array_equal(sound.samples[:count], samples)
    assert not sound.samples[count:].any()
    assert sound.seconds == count / RATE
    assert any("of silence" in warning for warning in sound.warnings)
    assert token_count(len(sound.samples)) == 2  # the model knows two for audio, and one not


def test_a_tenth_of_a_second_is_enough():
    sound = listen(clip_of(tone(seconds=0.1)), window=30.0)
    assert (len(sound.samples), sound.warnings) == (1600, ())


@pytest.mark.parametrize("samples", [silence(2.0), np.full(32_000, 2e-5, np.float32)])
def test_silence_is_heard_and_said(samples):
    sound = listen(clip_of(samples), window=30.0)
    assert sound.seconds == 2.0
    assert [warning for warning in sound.warnings if warning.startswith("silent")]


def test_a_whisper_is_no_silence():
    assert listen(clip_of(tone(level=1e-3)), window=30.0).warnings == ()


def test_samples_that_are_no_numbers_become_silence_and_it_is_said():
    samples = np.asarray(tone(), np.float32).copy()
    samples[100:110] = np.nan
    samples[200] = np.inf
    sound = listen(clip_of(samples), window=30.0)
    assert np.isfinite(sound.samples).all()
    assert "11 of 16000 samples were not numbers" in sound.warnings[0]


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_nothing_but_no_numbers_is_refused(value):
    with pytest.raises(ClipUnreadable, match="no numbers"):
        listen(clip_of(np.full(RATE, value)), window=30.0)


@pytest.mark.parametrize("kind", [np.int16, np.int32])
def test_integers_sound_as_loud_as_floats(kind):
    floats = np.asarray(tone(), np.float32)
    integers = (floats * np.iinfo(kind).max).astype(kind)
    heard = listen(clip_of(integers), window=30.0).samples
    np.testing.assert_allclose(heard, floats, atol=1e-4)


@pytest.mark.parametrize("axis", [0, 1])
def test_stereo_is_mixed_whichever_way_the_array_lies(axis):
    left, right = np.asarray(tone(), np.float32), np.asarray(tone(880.0), np.float32)
    sound = listen(clip_of(np.stack([left, right], axis=axis)), window=30.0)
    np.testing.assert_allclose(sound.samples, (left + right) / 2, atol=1e-6)
    assert "stereo was mixed down to mono" in sound.warnings


def test_no_samples_are_no_clip():
    with pytest.raises(ClipMissing):
        listen(clip_of(np.zeros(0, np.float32)), window=30.0)


def test_what_is_kept_is_not_decoded_again(tmp_path):
    path = write(tmp_path / "glass.wav", glass_breaking())
    kept, clip = Kept(10**7), Clip(path)
    first = listen(clip, window=30.0, kept=kept)
    assert kept.held == first.samples.nbytes
    path.unlink()
    assert listen(clip, window=30.0, kept=kept).samples is first.samples
    with pytest.raises(ClipMissing):
        listen(clip, window=30.0)


def test_what_is_kept_goes_by_the_name_it_is_asked_for_by(tmp_path):
    path = write(tmp_path / "glass.wav", glass_breaking())
    kept = Kept(10**7)
    names = [listen(Clip(path, title=t), window=30.0, kept=kept).name for t in ("one", "two")]
    assert names == ["one", "two"]


def test_parts_of_one_clip_are_kept_apart(tmp_path):
    kept, clip = Kept(10**7), Clip(write(tmp_path / "noise.wav", pink_noise(3.0)))
    keys = {listen(clip[at : at + 1.0], window=30.0, kept=kept).key for at in (0.0, 1.0, 2.0)}
    assert len(keys) == 3


def test_without_a_budget_a_clip_is_heard_all_the_same():
    assert listen(clip_of(tone()), window=30.0, kept=Kept(0)).seconds == 1.0
