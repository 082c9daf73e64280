"""Exported clips: playable, cut where asked, and never half written."""

import numpy as np
import pytest

from qwen_audio_tools.clip import Clip
from qwen_audio_tools.errors import ClipError, ClipUnsupported
from qwen_audio_tools.export import export


@pytest.mark.parametrize("ending", ["wav", "flac", "mp3", "ogg", "opus"])
@pytest.mark.parametrize("rate", [16_000, 44_100, 96_000])
def test_a_cut_keeps_its_sound_in_every_format(ending, rate, tmp_path, melody):
    clip = Clip((melody(6, rate, 2), rate))[1.5:4.0]
    path = tmp_path / f"cut.{ending}"
    export(clip, path)
    again = Clip(path)
    assert again.info.channels == 2
    assert again.duration == pytest.approx(2.5, abs=0.05)
    ours, theirs = again.samples()[:39_000], clip.samples()[:39_000]
    assert np.corrcoef(ours, theirs)[0, 1] > 0.97
    if ending in ("wav", "flac"):
        assert again.info.rate == rate
        np.testing.assert_allclose(ours[500:-500], theirs[500:-500], atol=1e-3)


def test_fades_begin_and_end_in_silence(tmp_path):
    path = tmp_path / "faded.wav"
    export(Clip((np.full(32_000, 0.5, np.float32), 16_000)), path, 0.5)
    found = Clip(path).samples()
    assert abs(found[0]) < 0.01 > abs(found[-1])
    assert found[4000] < found[7000] < 0.5
    np.testing.assert_allclose(found[9000:23_000], 0.5, atol=0.01)


def test_surround_is_mixed_and_too_loud_is_clipped_not_wrapped(tmp_path):
    path = tmp_path / "mixed.wav"
    export(Clip((np.full((16_000, 6), 1.5, np.float32), 16_000)), path)
    assert Clip(path).info.channels == 1
    assert Clip(path).samples().min() > 0.99


def test_what_cannot_be_written_leaves_the_old_file(tmp_path, melody):
    path = tmp_path / "kept.wav"
    path.write_bytes(b"old")
    good = Clip((melody(1, 16_000), 16_000))
    for clip, fade in ((good, -1.0), (good, 0.6), (Clip(tmp_path / "none.wav"), 0.0)):
        with pytest.raises(ClipError):
            export(clip, path, fade)
    with pytest.raises(ClipUnsupported, match=r"\.mp3"):
        export(good, tmp_path / "x.m4a")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
