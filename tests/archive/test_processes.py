"""Archives outlive their processes: killed at any moment, two at once, or without room."""

import json
import os
import random
import resource
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from qwen_audio_tools.archive import syncing
from qwen_audio_tools.archive.adding import Adding
from qwen_audio_tools.archive.records import State
from qwen_audio_tools.archive.status import status
from qwen_audio_tools.archive.verifying import verify
from qwen_audio_tools.archive.worker import Listeners
from qwen_audio_tools.archive.workers import Workers
from qwen_audio_tools.locking import locked
from qwen_audio_tools.testing.made_podcasts import item, rss

PLUGIN = {"PYTHONPATH": str(Path(__file__).parent / "installed")}
KILLS = 50


@pytest.fixture
def fill(podcasts, archive, fetcher, sound):
    """Return a function that puts a show of so many tiny episodes into the archive."""

    def fill(count):
        items = []
        for number in range(1, count + 1):
            # The same second of sound, but for a tag: each file is another one.
            body = sound(number % 10) + b"TAG" + f"{number:0125d}".encode()
            items.append(item(number, podcasts.put(f"/{number}.mp3", body, etag=f'"{number}"')))
        list(Adding(archive=archive, fetcher=fetcher).add(podcasts.put("/f.xml", rss(*items))))

    return fill


def qwa(*arguments, **popen):
    return subprocess.Popen(
        [sys.executable, "-m", "qwa", "archive", *map(str, arguments)],
        env={**os.environ, **PLUGIN, **popen.pop("env", {})},
        **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True} | popen,
    )


def sync(archive, *options, engine="quick", **popen):
    words = ("sync", "--archive", archive.folder, "--engine", engine, "--allow-private", "--json")
    return qwa(*words, *options, **popen)


def done(child, limit_s=120):
    out, err = child.communicate(timeout=limit_s)
    return child.returncode, out, err


def states(archive):
    return Counter(record.state for record in archive.ledger)


def test_workers_hear_all_of_it(fill, archive):
    fill(6)
    code, out, err = done(sync(archive, "--workers", "2"))
    assert code == 0, err
    assert json.loads(out)["heard"] == 6
    assert states(archive) == {State.HEARD: 6}
    words = {passage.text for record in archive.ledger for passage in record.passages}
    assert len(words) == 6
    assert "[6/6]" in err


def test_a_program_may_start_workers_itself(fill, archive, fetcher, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", PLUGIN["PYTHONPATH"])
    fill(3)
    told = []
    with Workers(archive, Listeners(engine="quick"), 2) as listening:
        report = syncing.sync(
            archive, fetcher, listening, choice=syncing.Choice(), tell=told.append
        )
    assert report.heard == 3
    assert states(archive) == {State.HEARD: 3}


def test_a_worker_that_dies_costs_its_episode_alone(fill, archive):
    fill(4)
    code, out, err = done(sync(archive, engine="quick:dies"))
    assert code == 7, err
    told = json.loads(out)
    assert told["heard"] == 3
    (failed,) = told["failed"]
    assert failed["title"] == "Episode 2"
    assert "died (signal 9): was there enough memory?" in failed["error"]
    assert done(sync(archive))[0] == 0
    assert states(archive) == {State.HEARD: 4}


@pytest.mark.parametrize(
    ("engine", "code", "words"),
    [
        ("quick:unreachable", 5, "the server is on holiday"),
        ("quick:gone", 6, "ended with exit code 3"),
        ("nonsense", 2, "no engine is called 'nonsense'"),
    ],
)
def test_an_engine_that_cannot_work_ends_the_run_and_is_no_episodes_fault(
    fill, archive, engine, code, words
):
    fill(3)
    found, _, err = done(sync(archive, engine=engine))
    assert (found, words in err) == (code, True), err
    assert {record.attempts for record in archive.ledger} == {0}
    assert done(sync(archive))[0] == 0


def test_ctrl_c_keeps_what_is_finished_and_leaves_no_process_behind(fill, archive):
    fill(5)
    child = sync(archive, "--limit", "2")
    assert done(child)[0] == 0
    child = sync(archive, engine="quick:endless")
    worker = _worker_of(child)
    child.send_signal(signal.SIGINT)
    code, _, err = done(child)
    assert code == 130
    assert "interrupted" in err
    assert "Traceback" not in err
    assert _ends(worker)
    assert states(archive)[State.HEARD] == 2
    assert done(sync(archive))[0] == 0


def test_whoever_listened_has_ended_before_the_index_takes_its_memory(fill, archive):
    fill(3)
    with locked(archive.folder / "index.lock"):
        child = sync(archive, "--workers", "2")
        worker = _worker_of(child)
        assert _ends(worker)
        assert states(archive) == {State.HEARD: 3}
        assert child.poll() is None  # it waits for the index, which is held here
    code, out, err = done(child)
    assert code == 0, err
    assert json.loads(out)["heard"] == 3


def test_a_worker_does_not_outlive_whoever_started_it(fill, archive):
    fill(2)
    child = sync(archive, engine="quick:endless")
    worker = _worker_of(child)
    child.kill()
    done(child)
    assert _ends(worker)
    code, out, _ = done(sync(archive))
    assert (code, json.loads(out)["heard"]) == (0, 2)


@pytest.mark.slow
def test_killed_fifty_times_nothing_is_lost_and_all_is_heard_in_the_end(fill, archive, tmp_path):
    count = 2 * KILLS
    fill(count)
    chance = random.Random(1)
    log = tmp_path / "log"
    log.touch()
    before: dict[str, object] = {}
    for _ in range(KILLS):
        _killed_after(chance.choice([0, 1, 1, 2, 3]), archive, log, chance)
        found = {r.episode.id: r.passages for r in archive.ledger if r.state is State.HEARD}
        assert before.items() <= found.items()
        before = found
    assert archive.ledger.set_aside() == []
    while states(archive) != {State.HEARD: count}:
        assert done(sync(archive, "--workers", "2"))[0] == 0
    assert list(verify(archive, audio=True)) == []
    # Each kill costs at most the episodes that were in work.
    assert len(log.read_text().splitlines()) <= count + 2 * KILLS


def _killed_after(episodes, archive, log, chance):
    """Start a sync, and kill it when so many more episodes were begun, or a moment later."""
    env = {"QUICK_LOG": str(log)}
    begun = len(log.read_text().splitlines()) + episodes
    child = sync(archive, "--workers", "2", engine="quick:slow", env=env)
    _wait_for(lambda: len(log.read_text().splitlines()) >= begun or child.poll() is not None)
    time.sleep(chance.uniform(0.0, 0.08))  # at any moment of the work, the writing included
    child.kill()
    done(child)


def test_two_processes_share_the_work(fill, archive, tmp_path):
    fill(12)
    log = tmp_path / "log"
    children = [sync(archive, engine="quick:slow", env={"QUICK_LOG": str(log)}) for _ in range(2)]
    found = [done(child) for child in children]
    assert [code for code, _, _ in found] == [0, 0], found
    assert states(archive) == {State.HEARD: 12}
    told = [json.loads(out) for _, out, _ in found]
    assert sum(each["heard"] for each in told) == 12
    assert len(log.read_text().splitlines()) == 12  # nothing was heard twice
    assert list(verify(archive, audio=True)) == []
    assert archive.ledger.set_aside() == []


def test_a_full_disk_is_told_and_what_is_there_stays(fill, archive, podcasts, sound):
    fill(2)
    podcasts.pages["/1.mp3"].body += bytes(2_000_000)

    def no_room():
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))

    code, _, err = done(sync(archive, preexec_fn=no_room))
    assert code == 4
    assert "no room to write" in err
    assert states(archive) == {State.HEARD: 1, State.FAILED: 1}
    (failure,) = status(archive).failures
    assert "File too large" in failure.error
    assert not list((archive.folder / "audio").rglob("*.part*"))
    assert done(sync(archive))[0] == 0
    assert states(archive) == {State.HEARD: 2}


def _worker_of(child):
    """Wait until a process listens for the child, and return its id."""
    found = []

    def look():
        for path in Path(f"/proc/{child.pid}/task").glob("*/children"):
            found.extend(int(each) for each in path.read_text().split())
        return found

    _wait_for(look)
    # It has an episode as soon as it holds a lock.
    return found[0]


def _ends(pid):
    def gone():
        try:
            return Path(f"/proc/{pid}/stat").read_text().split()[2] == "Z"
        except (FileNotFoundError, ProcessLookupError):
            return True

    return _wait_for(gone)


def _wait_for(what, limit_s=60.0):
    deadline = time.monotonic() + limit_s
    while not (found := what()):
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.01)
    return found
