"""A person keeps an archive from the command line: adds shows, listens, asks how it stands."""

import json

import numpy as np
import pytest

from qwen_audio_tools.testing import dog_bark, silence, speech, write
from qwen_audio_tools.testing.made_podcasts import item, rss, serving


@pytest.fixture(scope="module")
def shows(tmp_path_factory):
    """A podcast of two episodes on a server of this machine, one with a transcript."""
    folder = tmp_path_factory.mktemp("shows")
    for number, words in enumerate(
        (
            "Good morning everybody. The bridge over the river is closed because of the storm.",
            "We bought a new boat.",
        ),
        1,
    ):
        parts = [silence(0.5), speech(words), silence(1.5), dog_bark()]
        write(folder / f"{number}.mp3", np.concatenate(parts))
    with serving() as podcasts:
        podcasts.put("/2.vtt", "WEBVTT\n\n00:00.500 --> 00:02.000\n<v Ann>We bought a new boat.\n")
        link = '<podcast:transcript url="/2.vtt" type="text/vtt"/>'
        items = []
        for number in (1, 2):
            url = podcasts.put(f"/{number}.mp3", (folder / f"{number}.mp3").read_bytes())
            items.append(item(number, url, inside=link if number == 2 else ""))
        podcasts.put("/feed.xml", rss(*items), etag='"1"')
        yield podcasts


@pytest.fixture
def qwa(run_qwa, tmp_path):
    def qwa(*arguments, **options):
        env = {"QWA_ARCHIVE": str(tmp_path / "archive"), **options.pop("env", {})}
        return run_qwa("archive", *arguments, env=env, limit_s=180.0, **options)

    return qwa


def test_a_podcast_is_added_heard_and_told_of(qwa, shows, tmp_path):
    feed = f"{shows.url}/feed.xml"
    added = qwa("add", feed, "--allow-private")
    assert (added.code, added.out) == (0, "The Harbour Show: 2 new episodes\n"), added.err
    assert "hint: qwa archive sync" in added.err

    synced = qwa("sync", "--allow-private")
    assert synced.code == 0, synced.err
    assert synced.out.startswith("2 episodes heard, 0.00 h")
    assert "The Harbour Show · Episode 2" in synced.err
    assert "h of audio an hour" in synced.err

    standing = json.loads(qwa("status", "--json").out)
    assert standing["states"] == {"heard": 2}
    assert standing["failures"] == standing["damaged"] == []
    assert standing["disk"]["audio"] > 10_000

    listed = json.loads(qwa("list", "--json").out)
    assert [(each["title"], each["words"]) for each in listed] == [
        ("Episode 2", "publisher"),
        ("Episode 1", "embedded:whisper-base+yamnet"),
    ]
    record = json.loads(
        next((tmp_path / "archive" / "episodes").rglob(f"{listed[1]['id']}.json")).read_text()
    )
    assert "bridge" in record["passages"][0]["text"].lower()
    assert record["sounds"]

    again = qwa("sync", "--allow-private", "--json")
    assert (again.code, json.loads(again.out)["heard"]) == (0, 0)
    assert qwa("verify", "--audio").out == "all is as it should be\n"


def test_a_folder_is_added_and_a_backup_restored(qwa, tmp_path):
    folder = tmp_path / "Talks"
    folder.mkdir()
    write(folder / "one.wav", speech("This is a talk."))
    assert qwa("add", folder).out == "Talks: 1 new episode\n"
    assert qwa("sync", "--quiet").err == ""
    backup = tmp_path / "backup.tar.gz"
    assert qwa("export", backup).code == 0
    refused = qwa("export", backup)
    assert refused.code == 2
    assert "exists already" in refused.err
    elsewhere = tmp_path / "elsewhere"
    restored = qwa("restore", backup, "--archive", elsewhere)
    assert "1 shows, 1 episodes" in restored.err
    assert "1 heard" in qwa("status", "--archive", elsewhere).out


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("status",), 3, "there is no archive in"),
        (("sync",), 3, "there is no archive in"),
        (("add", "/nothing.mp3"), 3, "there is no file or folder"),
        (("add", "https://127.0.0.1:1/feed"), 4, "not public"),
        (("add", "x", "--since", "tomorrow"), 2, "a date is 2026-01-31"),
        (("list", "--state", "odd"), 2, "there are new, fetched, heard"),
        (("restore", "/nothing.tar.gz"), 3, "there is no file"),
        (("sync", "--workers", "0"), 2, "0"),
        (("sync", "--stop", "x", "--archive", "."), 2, "--stop means nothing here"),
    ],
)
def test_a_mistake_ends_with_one_line_and_a_hint(qwa, arguments, code, words):
    run = qwa(*arguments)
    assert (run.code, run.out) == (code, "")
    assert words in run.err
    assert len(run.error_lines) == 1
    assert "Traceback" not in run.err


def test_bad_feeds_are_told_and_good_ones_added_beside_them(qwa, shows, tmp_path):
    shows.put("/page", "<!doctype html><html><title>Shop</title></html>", kind="text/html")
    shows.put("/bomb", '<!DOCTYPE r [<!ENTITY a "b">]><rss/>')
    run = qwa(
        "add", f"{shows.url}/page", f"{shows.url}/bomb", f"{shows.url}/gone",
        f"{shows.url}/feed.xml", "--latest", "1", "--allow-private",
    )  # fmt: skip
    assert run.code == 7
    assert run.out == "The Harbour Show: 1 new episode\n"
    for words in ("a web page, not a feed", "declares an XML entity", "the server says 404"):
        assert words in run.err
    assert "1 new" in qwa("status").out


def test_a_name_of_a_show_that_is_none_names_those_that_are(qwa, shows):
    qwa("add", f"{shows.url}/feed.xml", "--allow-private")
    run = qwa("sync", "cooking")
    assert run.code == 3
    assert "no show is called 'cooking': there are 'The Harbour Show'" in run.err


def test_the_help_names_every_command(qwa):
    out = qwa("--help").out
    for name in ("add", "sync", "status", "list", "verify", "export", "restore"):
        assert f"\n  {name}" in out
