"""A span that an agent cuts out: a file that plays, named so that other tools take it."""

import pytest

from qwen_audio_tools import Clip, ClipStore
from qwen_audio_tools.agents.cutting import cut_audio
from qwen_audio_tools.agents.references import References
from qwen_audio_tools.agents.tools import Place
from qwen_audio_tools.errors import ClipRefused, ClipTooLong
from qwen_audio_tools.sources import agent
from qwen_audio_tools.testing import chirp, tone, write


@pytest.fixture
def references(tmp_path) -> References:
    write(tmp_path / "high.wav", chirp(200, 4000, seconds=5.0))
    return References(policy=agent([tmp_path]), store=ClipStore(tmp_path / "store"))


def place(tmp_path, start=1.0, end=3.5, name="high.wav") -> Place:
    return Place(audio=str(tmp_path / name), start_s=start, end_s=end)


def test_a_cut_in_a_store_has_an_id_that_names_it(references, tmp_path):
    cut = cut_audio(references, place(tmp_path), into=references.store)
    assert "0:01.0 to 0:03.5 of high.wav" in cut.reply.text
    named = references.resolve(cut.reply.text.partition(": ")[2])
    assert named.duration == pytest.approx(2.5)
    assert named.name == "0:01.0 to 0:03.5 of high.wav.wav"
    assert (cut.reply.clips[0].start, cut.reply.clips[0].end) == (1.0, 3.5)


def test_a_cut_in_a_folder_is_a_wav_file_named_after_its_span(references, tmp_path):
    cut = cut_audio(references, place(tmp_path), into=tmp_path / "cuts")
    assert cut.path.name.startswith("high-1.0-3.5-")
    assert Clip(cut.path).duration == pytest.approx(2.5, abs=0.01)
    assert references.resolve(cut.reply.text.partition(": ")[2]).sha256 == Clip(cut.path).sha256


def test_recordings_of_one_name_do_not_overwrite_each_others_cuts(references, tmp_path):
    (tmp_path / "other").mkdir()
    write(tmp_path / "other" / "high.wav", tone(seconds=5.0))
    paths = {
        cut_audio(references, place(tmp_path, name=name), into=tmp_path / "cuts").path
        for name in ("high.wav", "other/high.wav")
    }
    assert len(paths) == 2


def test_a_cut_is_bounded_and_stays_inside_the_roots(references, tmp_path):
    with pytest.raises(ClipTooLong, match="at most 2 s"):
        cut_audio(references, place(tmp_path), into=tmp_path, longest_s=2.0)
    with pytest.raises(ClipRefused):
        cut_audio(references, Place(audio="/etc/passwd"), into=tmp_path)
