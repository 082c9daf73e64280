"""Output files: named after clips, whole or absent, and never overwritten by surprise."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from qwa.exits import OutputFailed
from qwa.interrupts import unfinished
from qwa.outputs import Outputs, write


def test_a_clip_gives_its_stem():
    paths = Outputs(folder=Path("out"), suffix="srt").paths(["a/talk.mp3", "-"])
    assert paths == {"a/talk.mp3": Path("out/talk.srt"), "-": Path("out/stdin.srt")}


def test_clips_of_the_same_stem_get_files_of_their_own():
    paths = Outputs(folder=Path("out"), suffix="txt").paths(
        ["a/x.mp3", "b/x.mp3", "x.wav", "y.wav"]
    )
    assert sorted(path.name for path in paths.values()) == [
        "a_x.mp3.txt",
        "b_x.mp3.txt",
        "x.wav.txt",
        "y.txt",
    ]


def test_an_existing_file_asks_for_a_decision(tmp_path):
    (tmp_path / "a.txt").write_text("old")
    with pytest.raises(Exception, match="exists already") as caught:
        Outputs(folder=tmp_path, suffix="txt").paths(["a.wav"])
    assert "--skip-existing" in caught.value.example
    for given in ({"skip_existing": True}, {"force": True}):
        assert Outputs(folder=tmp_path, suffix="txt", **given).paths(["a.wav"])


def test_a_file_is_written_whole_and_leaves_no_draft(tmp_path):
    write(tmp_path / "new" / "a.txt", "你好\n")
    assert (tmp_path / "new" / "a.txt").read_text(encoding="utf-8") == "你好\n"
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["a.txt"]
    assert not unfinished


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputFailed, match=r"a\.txt"):
        write(tmp_path / "file" / "a.txt", "text")


def test_without_room_the_old_file_stays_and_no_draft_is_left(tmp_path):
    (tmp_path / "a.txt").write_text("old")
    code = (
        "import resource, sys; from pathlib import Path\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "from qwa.exits import OutputFailed; from qwa.outputs import write\n"
        "try: write(Path(sys.argv[1]), 'x' * 5000)\n"
        "except OutputFailed as error: print(error)\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "a.txt")],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )
    assert "cannot be written: File too large" in run.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]
    assert (tmp_path / "a.txt").read_text() == "old"
