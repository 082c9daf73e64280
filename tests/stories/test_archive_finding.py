"""What a person does with an archive that was listened to: search it, ask it, cut from it."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from qwen_audio_tools import Clip
from qwen_audio_tools.testing import church_bell, sequence, speech, write
from qwen_audio_tools.testing.made_cross_encoders import write_cross_encoder


@pytest.fixture(scope="module")
def archive(tmp_path_factory, run_qwa):
    folder = tmp_path_factory.mktemp("shows")
    bank, _ = sequence([speech("The central bank raised interest rates this morning.")])
    noon, _ = sequence([speech("Listen to our village at noon."), church_bell(), speech("Lovely.")])
    (folder / "Radio").mkdir()
    write(folder / "Radio" / "bank.flac", bank)
    write(folder / "Radio" / "village.flac", noon)
    place = folder / "archive"
    assert run_qwa("archive", "add", folder / "Radio", "--archive", place).code == 0
    assert run_qwa("archive", "sync", "--archive", place, limit_s=240).code == 0
    return place


@pytest.fixture(scope="module")
def reranker(tmp_path_factory) -> Path:
    words = ("interest", "rates", "bank", "village", "central", "noon")
    folder = tmp_path_factory.mktemp("rerankers") / "village"
    return write_cross_encoder(folder, words, liked="village")


def test_words_are_found_with_a_link_that_plays(run_qwa, archive, tmp_path):
    cut = tmp_path / "cut.mp3"
    run = run_qwa("archive", "search", "interest rates", "--archive", archive, "--export", cut)
    assert run.code == 0
    assert run.out.startswith("[Radio · bank 0:0")
    assert "bank.flac#t=" in run.out
    assert 2.0 < Clip(cut).duration < 6.0
    found = json.loads(
        run_qwa("archive", "search", "rates", "-n", 1, "--archive", archive, "--json").out
    )
    assert [hit["title"] for hit in found] == ["bank"]
    assert "interest" in found[0]["text"].lower()


def test_a_sound_between_words_is_heard_again_and_cited(run_qwa, archive):
    question = "does a bell ring in the village?"
    run = run_qwa("archive", "ask", question, "--archive", archive, limit_s=120)
    assert run.code == 0
    assert run.out.startswith("Yes, at 0:0")
    assert "[1] [Radio · village 0:0" in run.out
    assert "engine: embedded" in run.err
    told = json.loads(
        run_qwa("archive", "ask", question, "--archive", archive, "--json", limit_s=120).out
    )
    assert told["found"]
    assert told["citations"][0]["passage"]["title"] == "village"
    assert any(item["kind"] == "sound" for item in told["evidence"])


def test_what_is_not_there_is_not_answered(run_qwa, archive):
    question = "what is the name of the chief pilot?"
    run = run_qwa("archive", "ask", question, "--archive", archive, limit_s=120)
    assert (run.code, run.out.strip()) == (0, "That is not in the archive, as far as was found.")


def test_an_index_that_was_deleted_is_made_anew_and_so_it_is_on_demand(run_qwa, archive):
    shutil.rmtree(archive / "index")
    assert "bank" in run_qwa("archive", "search", "rates", "--archive", archive).out
    run = run_qwa("archive", "rebuild", "--archive", archive)
    assert run.code == 0
    assert "passages" in run.err


def test_a_cross_encoder_decides_what_comes_first(run_qwa, archive, reranker, tmp_path):
    def first(*words: object, env: dict[str, str] | None = None) -> str:
        run = run_qwa(
            "archive", "search", "interest rates", "--archive", archive, *words, env=env or {}
        )
        assert run.code == 0, run.err
        return run.out.partition(" 0:0")[0]

    rule = {"QWA_ARCHIVE_RERANK": str(reranker)}
    assert first() == "[Radio · bank"
    assert first("--rerank", reranker) == first(env=rule) == "[Radio · village"
    assert first("--rerank", "none", env=rule) == "[Radio · bank"
    asked = ("ask", "interest rates?", "--spans", 1, "--read-only", "--json", "--archive", archive)
    told = run_qwa("archive", *asked, "--rerank", reranker, limit_s=120)
    # The village says nothing of interest rates: it was the only span that was read.
    assert not json.loads(told.out)["found"]
    assert json.loads(run_qwa("archive", *asked, limit_s=120).out)["found"]
    wrong = run_qwa("archive", "search", "rates", "--archive", archive, "--rerank", tmp_path)
    assert (wrong.code, len(wrong.error_lines)) == (2, 1), wrong.err
    # Who searches nothing needs none.
    assert (
        run_qwa(
            "archive", "rebuild", "--archive", archive, env={"QWA_ARCHIVE_RERANK": str(tmp_path)}
        ).code
        == 0
    )


def test_filters_and_mistakes_are_told(run_qwa, archive, tmp_path):
    nothing = run_qwa("archive", "search", "rates", "--show", "Other", "--archive", archive)
    assert (nothing.code, nothing.out) == (0, "")
    assert "nothing was found" in nothing.err
    for words, code in (
        (("search", "rates", "--since", "yesterday", "--archive", archive), 2),
        (("search", "rates", "--by", "luck", "--archive", archive), 2),
        (("search", "", "--archive", archive), 2),
        (("ask", "why?", "--archive", tmp_path / "none"), 3),
    ):
        run = run_qwa("archive", *words)
        assert (run.code, len(run.error_lines)) == (code, 1), run.err


def test_the_demo_makes_a_podcast_listens_to_it_and_answers_from_it():
    demo = Path(__file__).parents[2] / "examples" / "podcast_archive.py"
    run = subprocess.run(
        [sys.executable, demo], capture_output=True, text=True, timeout=240, check=False
    )
    assert run.returncode == 0, run.stderr
    bank, bell, glass = run.stdout.split("\n> ")[1:]
    assert "interest rate" in bank.splitlines()[1].lower()
    assert bell.splitlines()[1].startswith("Yes, at 0:0")
    assert glass.splitlines()[1].startswith("Yes, at 0:0")
    for number, answer in enumerate((bank, bell, glass), start=1):
        assert f"[1] [Made Radio · Episode {number} 0:0" in answer
        assert f"/{number}.mp3#t=" in answer
