"""Clip: what it promises to callers, whatever it was made from."""

import io
import json
import subprocess
import sys

import numpy as np
import pytest
import soundfile

from qwen_audio_tools.clip import Clip
from qwen_audio_tools.clip_store import ClipStore
from qwen_audio_tools.decoding import Limits
from qwen_audio_tools.errors import ClipError, ClipMissing, ClipTooLong
from qwen_audio_tools.export import segment_of
from qwen_audio_tools.sources import agent, person

RATE = 16_000


@pytest.fixture
def path(write, melody):
    return write("flac", melody(4, channels=2), 44_100)


def test_a_clip_costs_nothing_until_it_is_asked(tmp_path):
    clip = Clip(tmp_path / "not there yet.wav")
    assert clip.name.endswith("not there yet.wav")
    with pytest.raises(ClipMissing):
        clip.samples()


def test_importing_clip_imports_nothing_heavy():
    program = (
        "import sys, qwen_audio_tools.clip, qwen_audio_tools.clip_store, qwen_audio_tools.windows\n"
        "import qwen_audio_tools.inspection, qwen_audio_tools.export\n"
        "print({'numpy', 'av', 'soundfile', 'soxr', 'pydub', 'matplotlib'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.strip() == "set()"


def test_blocks_are_even_and_together_the_samples(path):
    clip = Clip(path)
    blocks = list(clip.blocks(0.7))
    assert [len(block) for block in blocks] == [11_200] * 5 + [8_000]
    np.testing.assert_array_equal(np.concatenate(blocks), clip.samples())
    assert all(block.dtype == np.float32 for block in blocks)


def test_blocks_that_are_kept_do_not_change(path):
    kept = list(Clip(path).blocks(0.1))
    np.testing.assert_array_equal(np.concatenate(kept), Clip(path).samples())


def test_a_slice_is_a_clip_and_slices_compose(path):
    clip = Clip(path)
    part = clip[0.5:3.5][1:2]
    assert (part.start, part.end, part.duration) == (1.5, 2.5, 1.0)
    np.testing.assert_allclose(part.samples(), clip.samples()[24_000:40_000], atol=1e-6)
    assert clip[1:].duration == 3.0
    assert clip[:1].duration == 1.0
    assert clip[3:9].duration == 1.0


def test_impossible_slices_are_refused(path):
    clip = Clip(path)
    for span in (slice(-1, 2), slice(2, -1), slice(2, 1), slice(1, 1), slice(0, 2, 2)):
        with pytest.raises(ClipError):
            clip[span]
    with pytest.raises(ClipMissing, match="lasts 1 s"):
        clip[1:2][1.5:]
    with pytest.raises(ClipMissing, match=r"lasts 4\.00 s"):
        clip[9:].samples()
    with pytest.raises(ClipMissing, match=r"lasts 4\.00 s"):
        _ = clip[9:].duration


def test_every_kind_of_source_is_heard_alike(path):
    data = path.read_bytes()
    expected = Clip(path).samples()
    with path.open("rb") as file:
        for source in (str(path), data, io.BytesIO(data), file):
            clip = Clip(source)
            np.testing.assert_array_equal(clip.samples(), expected)
            np.testing.assert_array_equal(clip.samples(), expected)  # and a second time
            assert clip.fingerprint == Clip(path).fingerprint


def test_arrays_are_taken_in_any_layout_and_type(melody):
    sound = melody(1, 44_100, 2)
    expected = Clip((sound, 44_100)).samples()
    for samples, loose in (
        (sound.T, 1e-6),
        (sound[:, 0], 1e-6),
        (sound.astype(np.float64), 1e-6),
        ((sound * 32_767).astype(np.int16), 1e-4),
        ((sound * 2**31 * 0.999_999).astype(np.int32), 1e-5),
        (((sound + 1) * 127.5).astype(np.uint8), 2e-2),
    ):
        clip = Clip((samples, 44_100))
        np.testing.assert_allclose(clip.samples(), expected, atol=loose)
        assert clip.duration == 1.0
    for bad in (
        np.zeros(9),
        (np.zeros(9), "fast"),
        (np.zeros(9, complex), 8000),
        (np.zeros((2, 2, 2)), 8000),
    ):
        with pytest.raises(ClipError):
            Clip(bad).samples()


def test_arrays_keep_to_the_limits():
    with pytest.raises(ClipTooLong):
        Clip((np.zeros((100, 99)), 8000)).samples()
    with pytest.raises(ClipTooLong):
        Clip((np.zeros(RATE * 5), RATE), policy=person(Limits(max_seconds=4))).samples()


def test_an_audio_segment_is_taken_but_never_its_resampler(melody):
    sound = np.rint(melody(1, 44_100, 2) * 32_768).astype("<i2")
    segment = segment_of(Clip((sound, 44_100)))
    assert (segment.frame_rate, segment.channels, segment.sample_width) == (44_100, 2, 2)
    np.testing.assert_array_equal(Clip(segment).samples(), Clip((sound, 44_100)).samples())
    assert Clip(segment).name == "AudioSegment"


def test_stdin_is_read_once_and_heard_often(path):
    program = (
        "from qwen_audio_tools.clip import Clip\n"
        "clip = Clip('-')\n"
        "print(clip.duration, clip.fingerprint, clip[1:2].duration, len(clip.samples()), clip.name)"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        input=path.read_bytes(), capture_output=True, check=True,
    )  # fmt: skip
    assert done.stdout.decode().split() == ["4.0", Clip(path).fingerprint, "1.0", "64000", "stdin"]
    assert done.stderr == b""


def test_two_runs_over_one_file_object_do_not_disturb_each_other(path):
    with path.open("rb") as file:
        clip = Clip(file)
        pairs = list(zip(clip.blocks(0.5), clip[1:3].blocks(0.5), strict=False))
    whole = Clip(path).samples()
    np.testing.assert_allclose(
        np.concatenate([b for _, b in pairs]), whole[16_000:48_000], atol=1e-6
    )
    np.testing.assert_array_equal(np.concatenate([a for a, _ in pairs]), whole[:32_000])


def test_the_fingerprint_names_bytes_and_span_and_the_hash_the_sound(path):
    clip = Clip(path)
    copy = path.with_name("copy.flac")
    copy.write_bytes(path.read_bytes())
    assert Clip(copy).fingerprint == clip.fingerprint != clip[0:1].fingerprint
    assert clip[0.0:].fingerprint == clip.fingerprint
    as_wav = Clip(path.with_name("same.wav"))
    soundfile.write(as_wav.source, soundfile.read(path, dtype="int16")[0], 44_100)
    assert as_wav.fingerprint != clip.fingerprint
    assert as_wav.sha256 == clip.sha256 != clip[0:1].sha256


def test_the_duration_is_true_also_where_the_header_is_not(write, melody):
    rng = np.random.default_rng(0)
    sound = melody(9) + 0.05 * rng.standard_normal((9 * 44_100, 1)).astype(np.float32)
    for kind in ("wav", "mp3", "flac", "m4a", "opus", "webm", "aac", "amr"):
        rate = {"opus": 48_000, "webm": 48_000, "amr": 8_000}.get(kind, 44_100)
        options = {"movflags": "faststart"} if kind == "m4a" else {}
        made = sound if rate == 44_100 else melody(9, rate)
        path = write(kind, made, rate, name=f"a.{kind}", **options)
        for part in (1, 2):
            with path.open("r+b") as file:
                file.truncate(path.stat().st_size // part)
            clip = Clip(path)
            assert clip.duration == pytest.approx(len(clip.samples()) / RATE, abs=0.03), (
                kind,
                part,
            )


def test_what_the_header_promises_is_kept_for_the_coverage(write, melody):
    path = write("flac", melody(9), 44_100)
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)
    clip = Clip(path)
    assert clip.duration_hint == 9.0
    assert clip[4:8].duration_hint == 4.0
    assert clip.duration < 6
    assert Clip(write("aac", melody(1), 44_100)).duration_hint is None


def test_warnings_are_there_after_listening(path):
    clip = Clip(path)
    assert clip.warnings == ()
    clip.samples()
    assert clip.warnings == ("stereo was mixed down to mono",)


def test_repr_and_messages_never_hold_the_bytes(path):
    data = path.read_bytes()
    assert repr(Clip(data)) == f"Clip('{len(data)} bytes')"
    assert repr(Clip("x.wav")[1:2]) == "Clip('x.wav', 1.0, 2.0)"
    assert repr(Clip((np.zeros(9), 8000))) == "Clip('samples')"
    assert Clip("https://host/x.wav?key=secret").name == "https://host/x.wav"


def test_clips_are_values(path):
    assert Clip(path) == Clip(path)
    assert Clip(path) != Clip(path, 1.0)
    assert len({Clip(str(path)), Clip(str(path))}) == 1
    with pytest.raises(AttributeError):
        Clip(path).start = 3.0


def test_wav_bytes_are_16_khz_mono_16_bit(path):
    clip = Clip(path)[1:2]
    again = Clip(clip.wav_bytes())
    assert (again.info.rate, again.info.channels, again.info.codec) == (16_000, 1, "pcm_16")
    np.testing.assert_allclose(again.samples(), clip.samples(), atol=1 / 32_000)


def test_paths_urls_and_ids_survive_json(path, tmp_path):
    store = ClipStore(tmp_path / "store")
    for clip in (
        Clip(path),
        Clip(str(path), 1, 2),
        Clip("https://host/x"),
        store.get(store.put(path)),
    ):
        again = Clip.from_dict(json.loads(json.dumps(clip.to_dict())), store=store)
        assert again.to_dict() == clip.to_dict()
    for clip in (Clip(b"x"), Clip((np.zeros(9), 8000))):
        with pytest.raises(ClipError, match="memory"):
            clip.to_dict()
    with pytest.raises(ClipError, match="ClipStore"):
        Clip.from_dict({"id": "0" * 12})


def test_a_policy_goes_with_every_slice(path, tmp_path):
    clip = Clip(path, policy=agent([tmp_path / "elsewhere"]))
    for one in (clip, clip[1:2]):
        with pytest.raises(ClipError, match="outside the allowed folders"):
            one.samples()
