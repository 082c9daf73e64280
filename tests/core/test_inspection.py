"""Measures of a file: known signals have known levels."""

import json

import numpy as np
import pytest

from qwen_audio_tools.clip import Clip
from qwen_audio_tools.inspection import inspect, plot
from qwen_audio_tools.spans import Span


def tone(seconds, rate, level=1.0, hertz=997):
    return level * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)


@pytest.mark.parametrize("rate", [16_000, 44_100, 48_000, 96_000])
def test_a_full_scale_997_hz_tone_has_minus_3_lufs(rate):
    # EBU Tech 3341 and BS.1770-4: 0 dBFS, one channel, -3.01 LUFS; in two, 3 dB more.
    found = inspect(Clip((tone(5, rate), rate)))
    assert found.lufs == pytest.approx(-3.01, abs=0.1)
    assert found.rms_dbfs == pytest.approx(-3.01, abs=0.01)
    assert found.peak_dbfs == pytest.approx(0, abs=0.05)
    both = np.repeat(tone(5, rate)[:, None], 2, axis=1)
    assert inspect(Clip((both, rate))).lufs == pytest.approx(0, abs=0.1)


@pytest.mark.parametrize(("hertz", "gain"), [(60, -2.6), (100, -1.1), (1000, 0.7), (4000, 4.0)])
def test_k_weighting_has_the_standards_shape(hertz, gain):
    found = inspect(Clip((tone(5, 48_000, 0.1, hertz), 48_000)))
    assert found.lufs == pytest.approx(-23.01 - 0.691 + gain, abs=0.3)


def test_the_gate_leaves_out_pauses():
    loud = tone(10, 48_000, 10 ** (-23 / 20))
    gated = inspect(Clip((np.concatenate([loud, loud * 0.001, loud]), 48_000)))
    assert gated.lufs == pytest.approx(inspect(Clip((loud, 48_000))).lufs, abs=0.1)


def test_clipping_is_counted_in_runs():
    sound = tone(1, 44_100, 0.5)
    assert inspect(Clip((sound, 44_100))).clipped_runs == 0
    sound[1000:1010] = 1.0
    sound[5000:5002] = 1.0  # two samples are a peak, no run
    sound[20_000:20_003] = -1.0
    found = inspect(Clip((sound, 44_100)))
    assert found.clipped_runs == 2
    assert found.clipped_share == pytest.approx(13 / 44_100)


def test_a_run_across_blocks_is_one_run():
    sound = np.zeros(400_000)
    sound[131_000:131_200] = 1.0
    found = inspect(Clip((sound, 44_100)))
    assert (found.clipped_runs, found.clipped_share) == (1, 200 / 400_000)


def test_silence_is_told_in_spans():
    rate = 44_100
    sound = tone(10, rate, 0.3)
    sound[: 2 * rate] = 0
    sound[4 * rate : 4 * rate + rate // 5] = 0  # too short to tell
    sound[9 * rate :] *= 0.001
    found = inspect(Clip((sound, rate)))
    assert [(round(s.start, 1), round(s.end, 1)) for s in found.silence] == [(0, 2), (9, 10)]


def test_pure_silence_has_no_level_and_stays_json():
    found = inspect(Clip((np.zeros(48_000), 48_000)))
    assert found.silence == (Span(0, 1),)
    values = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert values["peak_dbfs"] is values["rms_dbfs"] is values["lufs"] is None


def test_a_part_is_measured_alone_and_odd_files_say_so(write, melody):
    sound = melody(6, channels=2)
    sound[: 3 * 44_100] = 0
    path = write("flac", sound, 44_100)
    found = inspect(Clip(path)[3.5:5.25])
    assert found.seconds == pytest.approx(1.75, abs=1e-4)
    assert found.silence == ()
    assert found.info.container == "flac"
    assert found.warnings == ("stereo was mixed down to mono",)


def test_five_milliseconds_can_be_measured():
    assert inspect(Clip((tone(0.005, 44_100), 44_100))).lufs is None


@pytest.mark.parametrize("seconds", [0.005, 2, 400])
def test_a_plot_is_drawn_for_any_length(seconds, tmp_path, melody):
    class Sound:
        label, start, end = "Dog $5 犬", 0.0, 1.0

    path = tmp_path / "picture.png"
    plot(Clip((melody(seconds, 16_000), 16_000)), path, [Span(0, 0.5)], [Sound()])
    assert path.read_bytes().startswith(b"\x89PNG")
    assert list(tmp_path.iterdir()) == [path]
