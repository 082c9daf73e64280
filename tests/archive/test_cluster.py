"""An archive heard by a real Ray on this machine: workers are lost, nothing else is."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from qwen_audio_tools.archive.adding import Adding
from qwen_audio_tools.archive.cluster import RETRIES, Cluster, hear_row
from qwen_audio_tools.archive.records import State
from qwen_audio_tools.archive.worker import Listeners
from qwen_audio_tools.errors import EngineUnreachable, MissingExtra
from qwen_audio_tools.testing.made_podcasts import item, rss

PLUGIN = {"PYTHONPATH": str(Path(__file__).parent / "installed")}
EPISODES = 6


@pytest.fixture
def filled(podcasts, archive, fetcher, sound):
    """An archive of six episodes that nobody has fetched or heard."""
    items = [
        item(number, podcasts.put(f"/{number}.mp3", sound(number)))
        for number in range(1, EPISODES + 1)
    ]
    list(Adding(archive=archive, fetcher=fetcher).add(podcasts.put("/f.xml", rss(*items))))
    return archive


def sync(archive, *options, engine="quick", log=None):
    words = ["archive", "sync", "--archive", archive.folder, "--engine", engine, "--allow-private"]
    return subprocess.Popen(
        [sys.executable, "-m", "qwa", *map(str, words), "--json", *options],
        env={**os.environ, **PLUGIN, **({"QUICK_LOG": str(log)} if log else {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def states(archive):
    return Counter(record.state for record in archive.ledger)


def raylets():
    """Return the ids of Ray's own processes on this machine."""
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if b"raylet" in (process / "cmdline").read_bytes().split(b"\0")[0]:
                found.add(int(process.name))
        except OSError:
            continue
    return found


def test_the_episode_of_a_killed_worker_is_heard_by_another_and_none_twice(filled, tmp_path):
    before = raylets()
    log = tmp_path / "heard"
    child = sync(filled, "--ray", "auto", engine="quick:dies-once", log=log)
    out, err = child.communicate(timeout=180)
    assert child.returncode == 0, err
    assert json.loads(out)["heard"] == EPISODES
    assert states(filled) == {State.HEARD: EPISODES}
    begun = Counter(line.rpartition(" · ")[2] for line in log.read_text().splitlines())
    assert begun.pop("Episode 2") == 2  # once in the worker that was killed
    assert set(begun.values()) == {1}
    assert "Ray: started here" in err
    assert raylets() <= before


def test_an_episode_that_kills_every_worker_fails_and_stops_no_other(filled, tmp_path):
    log = tmp_path / "heard"
    child = sync(filled, "--ray", "auto", engine="quick:dies", log=log)
    out, err = child.communicate(timeout=180)
    assert child.returncode == 7, err
    told = json.loads(out)
    assert told["heard"] == EPISODES - 1
    (failed,) = told["failed"]
    assert failed["title"] == "Episode 2"
    assert f"was lost {RETRIES + 1} times" in failed["error"]
    assert log.read_text().count("Episode 2\n") == RETRIES + 1


def test_ctrl_c_ends_what_runs_on_the_cluster_and_the_ray_that_was_started(filled, tmp_path):
    before, log = raylets(), tmp_path / "heard"
    child = sync(filled, "--ray", "auto", engine="quick:endless", log=log)
    until = time.monotonic() + 120
    while not log.exists() and time.monotonic() < until:
        time.sleep(0.1)
    child.send_signal(signal.SIGINT)
    _, err = child.communicate(timeout=60)
    assert child.returncode == 130, err
    assert "Traceback" not in err
    while raylets() - before and time.monotonic() < until:
        time.sleep(0.1)
    assert raylets() <= before
    assert states(filled)[State.HEARD] == 0


def test_an_address_where_nobody_answers_is_told_at_once(filled):
    child = sync(filled, "--ray", "127.0.0.1:9")
    _, err = child.communicate(timeout=60)
    assert child.returncode == 5
    assert "no Ray cluster answers at '127.0.0.1:9'" in err
    with (
        pytest.raises(EngineUnreachable, match="is no address of a Ray cluster"),
        Cluster(filled, Listeners(), "the big one"),
    ):
        pass


def test_without_ray_the_extra_is_named(filled, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingExtra, match="not installed") as told, Cluster(filled, Listeners()):
        pass
    assert "qwen-audio-tools[ray]" in told.value.hint


def test_a_worker_that_sees_another_archive_says_so(filled, tmp_path):
    listeners = {"engine": "embedded"}
    row = {"id": "f" * 16, "folder": str(filled.folder), "listeners": listeners}
    assert "sees another archive" in hear_row(row)["fatal"]["message"]
    gone = hear_row({**row, "folder": str(tmp_path / "elsewhere")})
    assert "there is no archive" in gone["fatal"]["message"]
