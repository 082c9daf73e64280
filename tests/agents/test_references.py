"""What a model writes for a recording leads to it, or nowhere; and never out of the folders."""

import pytest

from qwen_audio_tools import Clip, ClipStore
from qwen_audio_tools.agents.references import References, path_of
from qwen_audio_tools.errors import ClipMissing, ClipRefused, ClipUnreadable
from qwen_audio_tools.sources import agent
from qwen_audio_tools.testing import tone, write


@pytest.fixture
def folders(tmp_path):
    for name in ("first", "second", "elsewhere"):
        (tmp_path / name).mkdir()
    write(tmp_path / "first" / "a.wav", tone(440.0, 0.5))
    write(tmp_path / "second" / "b c#d?.wav", tone(440.0, 1.0))
    write(tmp_path / "elsewhere" / "secret.wav", tone(440.0, 1.5))
    return tmp_path


@pytest.fixture
def references(folders):
    return References(policy=agent([folders / "first", folders / "second"]))


def test_a_relative_path_lies_in_the_first_root_that_has_it(references, folders, monkeypatch):
    monkeypatch.chdir(folders / "elsewhere")
    assert references.resolve("a.wav").duration == 0.5
    clip = references.resolve("b c#d?.wav")
    assert (clip.name, clip.duration) == ("b c#d?.wav", 1.0)


def test_a_relative_path_of_the_working_folder_still_holds_inside_a_root(folders, monkeypatch):
    monkeypatch.chdir(folders / "second")
    found = References(policy=agent([folders])).resolve("b c#d?.wav")
    assert found.duration == 1.0


def test_a_file_uri_is_the_path_that_it_names(references, folders):
    path = folders / "second" / "b c#d?.wav"
    for uri in (path.as_uri(), f"file:{path}", f"file://localhost{path}", f"FILE://{path}"):
        assert references.resolve(uri).duration == 1.0
        assert path_of(uri) == str(path)
    for uri in ("file://elsewhere/a.wav", "file:////etc/passwd", "file:a.wav"):
        with pytest.raises(ClipRefused):
            path_of(uri)


@pytest.mark.parametrize(
    "named",
    [
        "../elsewhere/secret.wav",
        "../elsewhere/none.wav",
        "../first/../elsewhere/secret.wav",
        "~/secret.wav",
        "/etc/passwd",
        "file:///etc/passwd",
    ],
)
def test_what_lies_outside_looks_the_same_whether_it_is_there_or_not(references, named):
    with pytest.raises(ClipRefused, match="outside the allowed folders"):
        references.resolve(named).duration  # noqa: B018


@pytest.mark.parametrize("named", ["loop.wav", "a\0b.wav", "x" * 300, "concat:x|y"])
def test_what_no_file_is_called_is_an_error_of_ours(references, folders, named):
    (folders / "first" / "loop.wav").symlink_to(folders / "first" / "loop.wav")
    with pytest.raises(Exception, match=r"loop|NUL|does not exist|concat") as caught:
        references.resolve(named).duration  # noqa: B018
    assert caught.value.__class__.__module__ == "qwen_audio_tools.errors"


def test_a_file_with_a_colon_in_its_name_is_a_file(references, folders):
    write(folders / "first" / "concat: the show.wav", tone(440.0, 0.7))
    assert references.resolve("concat: the show.wav").duration == pytest.approx(0.7)


def test_a_stored_clip_is_named_by_its_uri_too(folders):
    store = ClipStore(folders / "store")
    id = store.put(folders / "first" / "a.wav")
    references = References(store=store, ids="clip://ID of a stored clip")
    for named in (
        f"clip://{id}",
        f"clip://{id}/audio",
        f"audio:{id}",
        f"[audio:{id} a.wav 0:00.5]",
    ):
        assert references.resolve(named).sha256 == Clip(folders / "first" / "a.wav").sha256
    assert references.takes == "clip://ID of a stored clip"
    with pytest.raises(ClipMissing):
        references.resolve("clip://ffffffffffff")


def test_a_name_that_leads_to_nothing_is_answered_with_those_that_are_there(references, folders):
    (folders / "first" / "sub").mkdir()
    for number in range(30):
        write(folders / "first" / "sub" / f"episode {number:02d}.mp3", tone(440.0, 0.1))
    for named, hint in (
        ("A.WAV", "did you mean 'a.wav'?"),
        ("epsode 07.mp3", "there are 'a.wav', 'b c#d?.wav'"),
        ("sub/epsode 07.mp3", "did you mean 'sub/episode 07.mp3'"),
        (str(folders / "first" / "sub" / "epsode 07.mp3"), "did you mean 'sub/episode 07.mp3'"),
        ("sub/nothing.ogg", "'sub/episode 07.mp3', and 24 more"),
    ):
        with pytest.raises(ClipMissing, match="does not exist in") as missing:
            references.resolve(named)
        assert hint in missing.value.hint
        assert len(missing.value.hint) < 400
    with pytest.raises(ClipUnreadable, match="is a folder") as folder:
        references.resolve("sub")
    assert "there are 'sub/episode 00.mp3'" in folder.value.hint
    with pytest.raises(ClipUnreadable, match="is a folder") as root:
        references.resolve(".")
    assert "there are 'a.wav'" in root.value.hint


def test_an_empty_folder_says_so(folders):
    (folders / "empty").mkdir()
    with pytest.raises(ClipMissing) as missing:
        References(policy=agent([folders / "empty"])).resolve("a.wav")
    assert "there are none here" in missing.value.hint
