"""Decoding: whatever the container, the same sound comes out, where it belongs."""

import io

import av
import numpy as np
import pytest
import soundfile
import soxr

from qwen_audio_tools.decoding import RATE, Limits, decode, probe
from qwen_audio_tools.errors import ClipError, ClipMissing, ClipTooLong, ClipUnreadable

KINDS = ("wav", "mp3", "flac", "ogg", "aiff", "caf", "m4a", "mp4", "aac", "opus", "webm", "mkv")
RATES = {"opus": 48_000, "webm": 48_000}


def heard(path, **span):
    with path.open("rb") as file, decode(file, **span) as decoded:
        samples = np.concatenate(list(decoded))
        return samples, decoded


@pytest.mark.parametrize("kind", KINDS)
def test_every_container_gives_the_same_sound(kind, write, melody):
    rate = RATES.get(kind, 44_100)
    samples, decoded = heard(write(kind, melody(3, rate, 2), rate))
    expected = melody(3, RATE)[:, 0]
    assert samples.dtype == np.float32
    # Bare aac alone can't say how much of its first frames is priming.
    lag = 1024 * RATE // 44_100 if kind == "aac" else 0
    assert abs(len(samples) - lag - len(expected)) < 0.05 * RATE
    ours, theirs = samples[lag + 800 : lag + 46_000], expected[800:46_000]
    assert np.corrcoef(ours, theirs)[0, 1] > 0.97
    assert np.sqrt(np.mean(ours**2)) == pytest.approx(np.sqrt(np.mean(theirs**2)), rel=0.02)
    assert decoded.warnings == ("stereo was mixed down to mono",)
    assert decoded.info.rate == rate
    assert decoded.info.channels == 2


@pytest.mark.parametrize("kind", ["alac", "amr"])
def test_mono_codecs_need_no_warning(kind, write, melody):
    rate = 8_000 if kind == "amr" else 44_100
    samples, decoded = heard(write(kind, melody(2, rate), rate))
    assert len(samples) / RATE == pytest.approx(2, abs=0.05)
    assert decoded.warnings == ()


@pytest.mark.parametrize(
    "subtype", ["PCM_U8", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "IMA_ADPCM", "MS_ADPCM", "ULAW"]
)
def test_every_sample_type_of_wav_is_taken(subtype, write, melody):
    samples, _ = heard(write("wav", melody(1), 44_100, subtype=subtype))
    error = samples[:15_900] - melody(1, RATE)[:15_900, 0]
    assert np.abs(error[200:]).max() < 0.05


def test_rf64_is_taken(tmp_path, melody):
    path = tmp_path / "big.wav"
    soundfile.write(path, melody(1), 44_100, format="RF64")
    assert len(heard(path)[0]) == RATE


def test_a_wav_that_was_piped_has_no_length_in_its_header(write, melody):
    path = write("wav", melody(1), 44_100)
    data = bytearray(path.read_bytes())
    data[4:8] = data[40:44] = b"\xff\xff\xff\xff"
    path.write_bytes(data)
    samples, decoded = heard(path)
    assert len(samples) == RATE
    assert decoded.warnings == ()


@pytest.mark.parametrize("rate", [8_000, 11_025, 16_000, 22_050, 32_000, 44_101, 96_000, 192_000])
def test_any_rate_becomes_16_khz(rate, write, melody):
    samples, _ = heard(write("wav", melody(2, rate), rate))
    assert abs(len(samples) - 2 * RATE) <= 1
    assert np.abs(samples[500:31_000] - melody(2, RATE)[500:31_000, 0]).max() < 1e-3


@pytest.mark.parametrize("channels", [3, 6, 8, 64])
def test_any_channels_are_mixed_by_their_mean(channels, write):
    levels = np.linspace(0, 0.8, channels, dtype=np.float32)
    samples, decoded = heard(write("wav", np.tile(levels, (RATE, 1)), RATE, subtype="FLOAT"))
    np.testing.assert_allclose(samples, 0.4, atol=1e-6)
    assert "mixed down to mono" in decoded.warnings[0]


def test_stereo_in_phase_keeps_its_level_and_out_of_phase_cancels(write, melody):
    one = melody(1, 48_000)
    both, _ = heard(write("m4a", np.hstack([one, one]), 48_000))
    assert np.abs(both[2000:14_000]).max() == pytest.approx(0.4, abs=0.01)
    none, _ = heard(write("flac", np.hstack([one, -one]), 48_000))
    assert np.abs(none).max() < 1e-4


def test_id3_tags_with_cover_art_are_jumped_over(write, melody):
    path = write("mp3", melody(2), 44_100)
    art = b"\xff\xfb\x90\x00" * 100_000  # which looks like mp3 frames
    size = len(art) + 10
    tag = b"ID3\x03\0\0" + bytes(size >> shift & 0x7F for shift in (21, 14, 7, 0))
    tag += b"APIC" + len(art).to_bytes(4, "big") + b"\0\0" + art
    expected, _ = heard(path)
    path.write_bytes(tag + path.read_bytes() + b"TAG" + b"\0" * 125)
    samples, decoded = heard(path)
    assert decoded.info.container == "mp3"
    np.testing.assert_allclose(samples, expected, atol=1e-6)


def test_a_name_says_nothing(write, melody):
    path = write("flac", melody(1), 44_100, name="holiday.mp3")
    with path.open("rb") as file:
        assert probe(file).container == "flac"


@pytest.mark.parametrize("kind", ["mp4", "mkv"])
def test_the_sound_of_a_video_is_heard(kind, tmp_path, melody):
    path = tmp_path / f"film.{kind}"
    _film(path, "mp4" if kind == "mp4" else "matroska", melody(2, 48_000, 2))
    samples, decoded = heard(path)
    assert len(samples) / RATE == pytest.approx(2, abs=0.05)
    assert decoded.info.codec == "aac"


def _film(path, container, sound=None):
    with av.open(str(path), "w", format=container) as file:
        video = file.add_stream("mpeg4", rate=10)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        audio = file.add_stream("aac", rate=48_000, layout="stereo") if sound is not None else None
        for count in range(20):
            picture = np.full((48, 64, 3), count * 10, np.uint8)
            file.mux(video.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        file.mux(video.encode(None))
        if audio is not None:
            for at in range(0, len(sound), 1024):
                planes = np.ascontiguousarray(sound[at : at + 1024].T)
                frame = av.AudioFrame.from_ndarray(planes, format="fltp", layout="stereo")
                frame.sample_rate, frame.pts = 48_000, at
                file.mux(audio.encode(frame))
            file.mux(audio.encode(None))


@pytest.mark.parametrize("kind", ["mp4", "mkv"])
def test_a_video_without_sound_is_named_so(kind, tmp_path):
    path = tmp_path / f"silent.{kind}"
    _film(path, "mp4" if kind == "mp4" else "matroska")
    with pytest.raises(ClipMissing, match="no audio track"):
        heard(path)


@pytest.mark.parametrize("kind", [*KINDS, "alac"])
def test_a_span_is_that_part_of_the_whole(kind, write, melody):
    rate = RATES.get(kind, 44_100)
    path = write(kind, melody(9, rate, 2), rate)
    whole, _ = heard(path)
    for start, end in ((0.0, 0.5), (0.3, 1.7), (4.123, 6.0), (7.9, None)):
        part, _ = heard(path, start=start, end=end)
        last = None if end is None else round(end * RATE)
        expected = whole[round(start * RATE) : last]
        assert len(part) == len(expected)
        # AAC fills bands with noise that differs from run to run; where it lies does not.
        loose = 2e-2 if kind in ("m4a", "mp4") else 1e-5
        np.testing.assert_allclose(part, expected, atol=loose)


def test_a_span_with_a_rate_that_shares_no_factor_is_exact_too(write, melody):
    path = write("wav", melody(5, 44_101), 44_101, subtype="FLOAT")
    whole, _ = heard(path)
    part, _ = heard(path, start=3.3, end=4.4)
    np.testing.assert_allclose(part, whole[52_800:70_400], atol=1e-5)


def test_the_end_of_the_file_is_known_only_to_a_run_that_got_there(write, melody):
    path = write("flac", melody(3), 44_100)
    assert heard(path)[1].whole == 3.0
    assert heard(path, end=2.0)[1].whole is None


def test_a_gap_in_a_tracks_clock_is_filled_with_silence(tmp_path, melody):
    path = tmp_path / "gap.mkv"
    with av.open(str(path), "w", format="matroska") as file:
        stream = file.add_stream("pcm_s16le", rate=RATE, layout="mono")
        for at in (0, 1024, 2048, RATE * 2, RATE * 2 + 1024):
            planes = np.full((1, 1024), 8000, np.int16)
            frame = av.AudioFrame.from_ndarray(planes, format="s16", layout="mono")
            frame.sample_rate, frame.pts = RATE, at
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    samples, decoded = heard(path)
    assert abs(len(samples) - (RATE * 2 + 2048)) < 32
    assert not samples[4000:31_000].any()
    assert samples[32_100:33_000].all()
    assert any("filled with silence" in warning for warning in decoded.warnings)


def test_bytes_in_memory_are_decoded_like_files(write, melody):
    path = write("mp3", melody(1), 44_100)
    with decode(io.BytesIO(path.read_bytes())) as decoded:
        samples = np.concatenate(list(decoded))
    np.testing.assert_array_equal(samples, heard(path)[0])


def test_mp3_frames_keep_the_bits_that_they_borrow_from_earlier_ones(write, melody):
    path = write("mp3", melody(9, channels=2), 44_100)
    with av.open(str(path)) as file:
        theirs = np.concatenate([frame.to_ndarray()[0] for frame in file.decode(audio=0)], axis=0)
    ours, _ = heard(path)
    best = soxr.resample(theirs, 44_100, RATE, quality="HQ")
    np.testing.assert_allclose(ours, best, atol=1e-4)


@pytest.mark.parametrize("rate", [8_000, 22_050, 44_100, 48_000])
@pytest.mark.parametrize("start", [1.0, 2.5, 6.02])
def test_a_span_of_an_mp3_is_what_the_whole_has_there_and_nothing_is_complained_of(
    write, capfd, rate, start
):
    noise = 0.2 * np.random.default_rng(rate).normal(size=(9 * rate, 1))
    path = write("mp3", noise, rate)
    whole, _ = heard(path)
    span, decoded = heard(path, start=start, end=8.0)
    np.testing.assert_allclose(span, whole[round(start * RATE) : 8 * RATE], atol=1e-4)
    assert decoded.warnings == ()
    assert capfd.readouterr().err == ""


def test_the_resampler_is_as_good_as_promised(write):
    rate = 44_100
    time = np.arange(4 * rate) / rate
    sweep = 0.5 * np.sin(2 * np.pi * (100 * time + (6900 / 8) * time**2))  # 100 to 7000 Hz
    ours, _ = heard(write("wav", sweep, rate, subtype="DOUBLE"))
    best = soxr.resample(sweep, rate, RATE, quality="VHQ")
    middle = slice(RATE // 4, -RATE // 4)
    noise = np.sum((ours[middle] - best[middle]) ** 2)
    assert 10 * np.log10(np.sum(best[middle] ** 2) / noise) >= 85


@pytest.mark.parametrize("hertz", [8_200, 8_500, 9_000, 12_000, 20_000])
def test_what_is_over_8_khz_does_not_fold_back(hertz, write):
    tone = 0.9 * np.sin(2 * np.pi * hertz * np.arange(88_200) / 44_100)
    samples, _ = heard(write("wav", tone, 44_100, subtype="DOUBLE"))
    # What fades in and out at the ends is the tone's own onset, not an alias.
    window = np.blackman(24_000)
    spectrum = np.abs(np.fft.rfft(samples[4000:28_000] * window)) / (window.sum() / 2)
    assert 20 * np.log10(spectrum.max() / 0.9) <= -120


@pytest.mark.parametrize("hertz", [100, 1000, 4000, 7000])
def test_the_gain_stays_flat_to_7_khz(hertz, write):
    tone = 0.5 * np.sin(2 * np.pi * hertz * np.arange(88_200) / 44_100)
    samples, _ = heard(write("wav", tone, 44_100, subtype="DOUBLE"))
    level = np.sqrt(2 * np.mean(samples[8000:24_000] ** 2))
    assert abs(20 * np.log10(level / 0.5)) <= 0.05


def test_limits_hold_for_the_header_and_for_the_samples(write, melody):
    path = write("opus", melody(30, 48_000), 48_000)
    for limits, error in (
        (Limits(max_bytes=1000), "1,000"),
        (Limits(max_seconds=10), "10 s"),
    ):
        with pytest.raises(ClipTooLong, match=error):
            heard(path, limits=limits)
    samples, _ = heard(path, start=5, end=10, limits=Limits(max_seconds=10))
    assert len(samples) == 5 * RATE
    bare = write("aac", melody(30), 44_100)  # without any length in its header
    with pytest.raises(ClipTooLong):
        heard(bare, limits=Limits(max_seconds=10))


def test_an_impossible_span_is_refused(write, melody):
    path = write("wav", melody(1), 44_100)
    for start, end in (
        (-1, None),
        (float("nan"), None),
        (0.5, 0.5),
        (0.8, 0.2),
        (float("inf"), None),
    ):
        with pytest.raises(ClipError):
            heard(path, start=start, end=end)
    with pytest.raises(ClipMissing, match=r"lasts 1\.00 s"):
        heard(path, start=5)


def test_a_span_that_runs_over_the_end_says_so(write, melody):
    samples, decoded = heard(write("wav", melody(1), 44_100), start=0.5, end=9)
    assert len(samples) == RATE // 2
    assert decoded.warnings == ("asked for up to 9.0 s, but it ends at 1.0 s",)


def test_samples_that_are_no_numbers_become_silence(write, melody):
    sound = melody(1)
    sound[100:110] = np.nan
    sound[200] = np.inf
    samples, decoded = heard(write("wav", sound, 44_100, subtype="FLOAT"))
    assert np.isfinite(samples).all()
    assert decoded.warnings == ("11 of 44100 samples were not numbers and became silence",)
    with pytest.raises(ClipUnreadable, match="NaN"):
        heard(write("wav", np.full(4000, np.nan), 44_100, subtype="FLOAT"))
