"""An archive heard by a real Ray on this machine: workers are lost, nothing else is."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import pytest

from qwen_audio_tools.archive.adding import Adding
from qwen_audio_tools.archive.cluster import RETRIES, Cluster, hear_row
from qwen_audio_tools.archive.ray_preflight import ready_here
from qwen_audio_tools.archive.records import State
from qwen_audio_tools.archive.worker import Listeners
from qwen_audio_tools.errors import EngineUnreachable, MissingExtra
from qwen_audio_tools.testing.made_podcasts import item, rss

INSTALLED = Path(__file__).parent / "installed"
EPISODES = 6
UNHEARD = {State.NEW, State.FETCHED}


@pytest.fixture
def filled(podcasts, archive, fetcher, sound):
    """An archive of six episodes that nobody has fetched or heard."""
    items = [
        item(number, podcasts.put(f"/{number}.mp3", sound(number)))
        for number in range(1, EPISODES + 1)
    ]
    list(Adding(archive=archive, fetcher=fetcher).add(podcasts.put("/f.xml", rss(*items))))
    return archive


class Rays:
    """What of Ray runs in a folder of its own, short as the paths of sockets must be."""

    def __init__(self, log: Path) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="ray-", dir="/tmp"))
        self.log = log
        self.environ = {
            **os.environ,
            "PYTHONPATH": str(INSTALLED),
            "QUICK_LOG": str(log),
            "RAY_TMPDIR": str(self.folder),
            "HOME": str(self.folder),
            "RAY_USAGE_STATS_ENABLED": "0",
        }
        for name in ("RAY_ADDRESS", "RAY_AUTH_MODE", "RAY_AUTH_TOKEN"):
            self.environ.pop(name, None)

    def processes(self) -> dict[int, str]:
        """Return the processes that write their logs there, and what they are called."""
        found = {}
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                opened = [str(each.readlink()) for each in (process / "fd").iterdir()]
                if any(name.startswith(str(self.folder)) for name in opened):
                    name = (process / "cmdline").read_bytes().replace(b"\0", b" ")
                    found[int(process.name)] = name.decode(errors="replace")
        return found

    def raylets(self) -> set[int]:
        """Return those of them that stand for a machine."""
        return {at for at, name in self.processes().items() if "raylet/raylet" in name.split()[0]}

    def ended(self, what: str = "", seconds: float = 120) -> bool:
        """Return whether all of them end, or those called so."""
        until = time.monotonic() + seconds
        while any(what in name for name in self.processes().values()):
            if time.monotonic() > until:
                return False
            time.sleep(0.1)
        return True

    def start(self, *options: str, **environ: str) -> str:
        """Start a machine of a cluster, as it were, and return what it prints."""
        ray = Path(sys.executable).with_name("ray")
        done = subprocess.run(
            [str(ray), "start", "--num-cpus", "2", *options],
            env={**self.environ, **environ},
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def head(self) -> str:
        """Start a cluster of one machine, and return its address."""
        self.start("--head", "--port", "0", "--include-dashboard", "false")
        return (self.folder / "ray" / "ray_current_cluster").read_text()

    def ask_for_a_token(self) -> None:
        """Let clusters that are started from now on let nobody in who hasn't got it."""
        token = self.folder / ".ray" / "auth_token"
        token.parent.mkdir()
        token.write_text("a" * 64)

    def close(self) -> None:
        for process in self.processes():
            with contextlib.suppress(OSError):
                os.kill(process, signal.SIGKILL)
        shutil.rmtree(self.folder, ignore_errors=True)


@pytest.fixture
def rays(tmp_path):
    found = Rays(tmp_path / "heard")
    yield found
    found.close()


def sync(archive, rays, *options, engine="quick"):
    words = ["archive", "sync", "--archive", archive.folder, "--engine", engine, "--allow-private"]
    return subprocess.Popen(
        [sys.executable, "-m", "qwa", *map(str, words), "--json", *options],
        env=rays.environ,
        cwd=rays.folder,  # workers import what lies where the command was given
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def states(archive):
    return Counter(record.state for record in archive.ledger)


def begins(rays, lines=1):
    """Wait until somebody listens."""
    until = time.monotonic() + 120
    while not rays.log.exists() or rays.log.read_text().count("\n") < lines:
        assert time.monotonic() < until
        time.sleep(0.05)


def test_the_episode_of_a_killed_worker_is_heard_by_another_and_none_twice(filled, rays):
    child = sync(filled, rays, "--ray", "auto", engine="quick:dies-once")
    out, err = child.communicate(timeout=180)
    assert child.returncode == 0, err
    assert json.loads(out)["heard"] == EPISODES
    assert states(filled) == {State.HEARD: EPISODES}
    begun = Counter(line.rpartition(" · ")[2] for line in rays.log.read_text().splitlines())
    assert begun.pop("Episode 2") == 2  # once in the worker that was killed
    assert set(begun.values()) == {1}
    assert "Ray: started here" in err
    assert rays.ended()


def test_an_episode_that_kills_every_worker_fails_and_stops_no_other(filled, rays):
    child = sync(filled, rays, "--ray", "auto", engine="quick:dies")
    out, err = child.communicate(timeout=180)
    assert child.returncode == 7, err
    told = json.loads(out)
    assert told["heard"] == EPISODES - 1
    (failed,) = told["failed"]
    assert failed["title"] == "Episode 2"
    assert f"was lost {RETRIES + 1} times" in failed["error"]
    assert rays.log.read_text().count("Episode 2\n") == RETRIES + 1


def test_ctrl_c_ends_the_ray_that_was_started_here(filled, rays):
    child = sync(filled, rays, "--ray", "auto", engine="quick:endless")
    begins(rays)
    child.send_signal(signal.SIGINT)
    _, err = child.communicate(timeout=60)
    assert child.returncode == 130, err
    assert "Traceback" not in err
    assert rays.ended()
    assert set(states(filled)) <= UNHEARD


def test_a_cluster_that_runs_already_goes_on_when_its_work_is_done_or_cancelled(filled, rays):
    rays.ask_for_a_token()
    address = rays.head()
    child = sync(filled, rays, "--ray", address, engine="quick:endless")
    begins(rays)
    child.send_signal(signal.SIGINT)
    _, err = child.communicate(timeout=60)
    assert child.returncode == 130, err
    assert rays.ended("hear_row")
    assert set(states(filled)) <= UNHEARD
    child = sync(filled, rays, "--ray", address)
    _, err = child.communicate(timeout=180)
    assert child.returncode == 0, err
    assert states(filled) == {State.HEARD: EPISODES}
    assert rays.raylets()


def test_a_lost_machine_costs_its_episodes_some_time(filled, rays):
    address = rays.head()
    of_the_head = rays.raylets()
    rays.start("--address", address, "--num-cpus", "4")
    (raylet,) = rays.raylets() - of_the_head
    child = sync(filled, rays, "--ray", address, engine="quick:takes-a-while")
    begins(rays, EPISODES)  # on both of them
    os.kill(raylet, signal.SIGKILL)
    out, err = child.communicate(timeout=180)
    assert child.returncode == 0, err
    assert json.loads(out)["heard"] == EPISODES
    assert states(filled) == {State.HEARD: EPISODES}
    assert rays.log.read_text().count("\n") > EPISODES


def test_a_machine_without_the_package_is_no_episodes_fault(filled, rays, tmp_path):
    address = rays.head()
    other = tmp_path / "other" / "qwen_audio_tools"
    other.mkdir(parents=True)
    (other / "__init__.py").write_text("raise ModuleNotFoundError('nothing of that kind here')")
    rays.start("--address", address, PYTHONPATH=f"{other.parent}")
    child = sync(filled, rays, "--ray", address)
    _, err = child.communicate(timeout=180)
    assert child.returncode == 6, err
    assert "can't listen" in err
    assert "install the same qwen-audio-tools there" in err
    assert {(record.state in UNHEARD, record.attempts) for record in filled.ledger} == {(True, 0)}


def test_an_engine_that_dies_as_it_opens_is_no_episodes_fault(filled, rays):
    child = sync(filled, rays, "--ray", "auto", engine="quick:gone")
    _, err = child.communicate(timeout=180)
    assert child.returncode == 6, err
    assert "ended as it opened the engine" in err
    assert {record.attempts for record in filled.ledger} == {0}
    assert rays.ended()
    assert list((filled.folder / "cache").glob("cluster-*")) == []


def test_an_address_where_nobody_answers_is_told_at_once(filled, rays):
    child = sync(filled, rays, "--ray", "127.0.0.1:9")
    _, err = child.communicate(timeout=60)
    assert child.returncode == 5
    assert "no Ray cluster answers at '127.0.0.1:9'" in err
    for address in ("the big one", "ray://127.0.0.1:10001"):
        with (
            pytest.raises(EngineUnreachable, match="is no address of a Ray cluster"),
            Cluster(filled, Listeners(), address),
        ):
            pass


def test_without_ray_the_extra_is_named(filled, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingExtra, match="not installed") as told, Cluster(filled, Listeners()):
        pass
    assert "qwen-audio-tools[ray]" in told.value.hint


def test_a_worker_that_sees_another_archive_says_so(filled, tmp_path):
    row = {"id": "f" * 16, "folder": str(filled.folder), "listeners": '{"engine": "embedded"}'}
    assert "sees another archive" in hear_row(row)["fatal"]["message"]
    gone = hear_row({**row, "folder": str(tmp_path / "elsewhere")})
    assert "there is no archive" in gone["fatal"]["message"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"mark": "cluster-of-another-copy"}, "is another archive there"),
        ({"folder": "/nowhere"}, "there is no archive in '/nowhere'"),
        ({"version": "99.0"}, "there, 99.0 here"),
        ({"listeners": '{"engine": "nonsense"}'}, "no engine is called 'nonsense'"),
    ],
)
def test_what_keeps_a_machine_from_listening_is_told(filled, change, words):
    from qwen_audio_tools import __version__

    (filled.folder / "cache").mkdir(exist_ok=True)
    (filled.folder / "cache" / "cluster-1").touch()
    row = {
        "folder": str(filled.folder),
        "mark": "cluster-1",
        "listeners": '{"engine": "embedded"}',
        "version": __version__,
    }
    assert ready_here(row) is None
    assert words in ready_here({**row, **change})["message"]
