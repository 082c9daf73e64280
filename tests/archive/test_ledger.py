"""The ledger keeps what it was given, whatever happens to a process, a disk or a file."""

import json
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from qwen_audio_tools.archive import archive as archives
from qwen_audio_tools.archive.ledger import Ledger
from qwen_audio_tools.archive.records import Enclosure, Episode, EpisodeRecord
from qwen_audio_tools.errors import ArchiveError, ClipMissing


def a_record(number: int = 1, **values) -> EpisodeRecord:
    episode = Episode(
        id=f"{number:016x}",
        show="The Show",
        title=f"Number {number}",
        enclosure=Enclosure(url=f"https://example.com/{number}.mp3", sha256=f"{number:064x}"),
    )
    return EpisodeRecord(episode=episode, **values)


@pytest.fixture
def ledger(tmp_path) -> Ledger:
    return Ledger(tmp_path)


def test_what_was_put_is_found_by_id_and_by_iterating(ledger):
    for number in (3, 1, 2):
        ledger.put(a_record(number))
    assert ledger.get(f"{2:016x}").episode.title == "Number 2"
    assert [record.episode.title for record in ledger] == ["Number 1", "Number 2", "Number 3"]
    assert f"{1:016x}" in ledger
    assert ledger.get(f"{9:016x}") is None


def test_a_record_tells_when_it_was_written(ledger):
    assert ledger.put(a_record()) == ledger.get(f"{1:016x}")
    assert ledger.get(f"{1:016x}").updated.endswith("+00:00")


@pytest.mark.parametrize("id", ["", "../x", "AB12CD34", "0" * 65, "x" * 16, "00000000/1"])
def test_nothing_but_an_id_ever_becomes_a_path(ledger, id):
    with pytest.raises(ArchiveError, match="no id"):
        ledger.get(id)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (b"", "Expecting value"),
        (b'{"version": 1, "epis', "Unterminated string"),
        (b"\xff\xfe\x00", "codec can't decode"),
        (b"[1, 2]", "not list"),
        (b'{"version": 1}', "lacks 'episode'"),
        (b'{"version": "one"}', "version 'one'"),
        (b"[" * 100_000, "recursion"),
    ],
)
def test_a_damaged_file_is_set_aside_with_its_reason_and_stops_nobody(ledger, damage, words):
    ledger.put(a_record(1))
    ledger.put(a_record(2))
    ledger.path(f"{1:016x}").write_bytes(damage)
    assert [record.episode.title for record in ledger] == ["Number 2"]
    (broken,) = ledger.set_aside()
    assert broken.id == f"{1:016x}"
    assert words in broken.why
    assert broken.path.read_bytes() == damage
    ledger.put(a_record(1))
    assert len(list(ledger)) == 2


def test_a_file_of_a_newer_version_is_neither_misread_nor_set_aside(ledger):
    ledger.put(a_record())
    path = ledger.path(f"{1:016x}")
    path.write_text(json.dumps({**json.loads(path.read_text()), "version": 2}))
    with pytest.raises(ArchiveError, match="newer version"):
        ledger.get(f"{1:016x}")
    assert path.exists()


def test_a_title_that_is_no_unicode_costs_nothing(ledger):
    record = a_record()
    ledger.put(replace(record, summary="half a \ud83d smile"))
    assert ledger.get(record.episode.id).summary == "half a ? smile"


def test_what_a_killed_process_left_half_written_is_no_episode_and_goes(ledger):
    ledger.put(a_record())
    half = ledger.path(f"{1:016x}").with_name(f".{1:016x}.json-abc")
    half.write_text("{")
    assert len(list(ledger)) == 1
    ledger.sweep()
    assert half.exists()  # another process may be writing it right now
    os.utime(half, (0, 0))
    ledger.sweep()
    assert not half.exists()


def test_a_lock_is_held_by_one_at_a_time_and_leaves_no_file(ledger, tmp_path):
    id = f"{1:016x}"
    with ledger.locked(id) as first, ledger.locked(id) as second:
        assert (first, second) == (True, False)
    with ledger.locked(id) as again:
        assert again
    assert list((tmp_path / "locks").iterdir()) == []


def test_threads_that_fight_for_a_lock_never_hold_it_together(ledger):
    inside, most = [0], [0]
    guard = threading.Lock()

    def fight():
        times = 0
        while times < 50:
            with ledger.locked(f"{1:016x}") as held:
                if held:
                    times += 1
                    with guard:
                        inside[0] += 1
                        most[0] = max(most[0], inside[0])
                    time.sleep(0)
                    with guard:
                        inside[0] -= 1

    threads = [threading.Thread(target=fight) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1]


HOLDER = """
import sys, time
from pathlib import Path
from qwen_audio_tools.archive.ledger import Ledger
with Ledger(Path(sys.argv[1])).locked(sys.argv[2]) as held:
    print(held, flush=True)
    time.sleep(60)
"""


def test_the_lock_of_a_killed_process_is_free_at_once(ledger, tmp_path):
    id = f"{1:016x}"
    command = [sys.executable, "-c", HOLDER, str(tmp_path), id]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout.readline() == "True\n"
        with ledger.locked(id) as held:
            assert not held
        child.send_signal(signal.SIGKILL)
        child.wait()
        with ledger.locked(id) as held:
            assert held


WRITER = """
import resource, sys
from pathlib import Path
from qwen_audio_tools.archive.ledger import Ledger
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
ledger = Ledger(Path(sys.argv[1]))
record = ledger.get(sys.argv[2])
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    ledger.put(replace(record, summary="x" * 100_000))
except OSError as error:
    print(error.strerror)
"""


def test_a_write_without_room_leaves_the_record_that_was_there(ledger, tmp_path):
    ledger.put(a_record())
    before = ledger.path(f"{1:016x}").read_bytes()
    run = subprocess.run(
        [sys.executable, "-c", WRITER, str(tmp_path), f"{1:016x}"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.strip() == os.strerror(27)
    assert ledger.path(f"{1:016x}").read_bytes() == before
    assert len(list(ledger.path(f"{1:016x}").parent.iterdir())) == 1
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY


def test_the_same_audio_belongs_to_who_claimed_it_first(ledger):
    for number in (1, 2):
        ledger.put(a_record(number))
    sha = f"{1:064x}"
    assert ledger.claim(sha, f"{1:016x}") == f"{1:016x}"
    assert ledger.claim(sha, f"{2:016x}") == f"{1:016x}"


def test_a_claim_of_an_episode_that_is_gone_or_has_other_audio_now_is_worth_nothing(ledger):
    sha = f"{1:064x}"
    assert ledger.claim(sha, f"{1:016x}") == f"{1:016x}"
    assert ledger.claim(sha, f"{2:016x}") == f"{2:016x}"  # the first was never put
    ledger.put(a_record(2))
    assert ledger.claim(sha, f"{3:016x}") == f"{3:016x}"  # the second has another hash


def test_an_archive_is_made_once_and_opened_ever_after(tmp_path):
    made = archives.made(tmp_path / "new")
    made.ledger.put(a_record())
    for again in (archives.made(tmp_path / "new"), archives.opened(tmp_path / "new")):
        assert len(list(again.ledger)) == 1


def test_no_archive_is_made_among_other_things(tmp_path):
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(ArchiveError, match="not empty"):
        archives.made(tmp_path)
    with pytest.raises(ArchiveError, match="no archive"):
        archives.opened(tmp_path)


def test_audio_is_found_in_the_archive_or_where_a_local_file_lies(tmp_path):
    archive = archives.made(tmp_path / "archive")
    record = a_record()
    with pytest.raises(ClipMissing, match="not fetched"):
        archive.path_of(record)
    for path in ("audio/00/0.mp3", str(tmp_path / "own.mp3")):
        there = archive.folder / path
        there.parent.mkdir(parents=True, exist_ok=True)
        there.write_bytes(b"ID3")
        enclosure = replace(record.episode.enclosure, path=path)
        found = replace(record, episode=replace(record.episode, enclosure=enclosure))
        assert archive.path_of(found) == Path(there)
        assert archive.clip_of(found, 1.0, 2.0).name == "The Show · Number 1"
        there.unlink()
        with pytest.raises(ClipMissing, match="is gone"):
            archive.path_of(found)


def test_threads_that_write_at_once_leave_files_as_open_as_any_other(ledger, tmp_path):
    mask = os.umask(0o022)
    try:
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda number: ledger.put(a_record(number)), range(1, 200)))
        modes = {ledger.path(id).stat().st_mode & 0o777 for id in ledger.ids()}
        assert modes == {0o644}
        assert os.umask(0o022) == 0o022
    finally:
        os.umask(mask)
