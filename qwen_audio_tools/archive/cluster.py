"""Listeners on a Ray cluster: episodes as tasks of Ray Data, on whatever machines it has.

The archive lies on storage that all of them see, and the ledger alone says what is done: a task
that Ray runs again after its worker was lost finds the record of its episode, and does nothing.
"""

import json
import queue
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from qwen_audio_tools.archive import fatal
from qwen_audio_tools.archive.archive import Archive, opened
from qwen_audio_tools.archive.ray_preflight import check_machines
from qwen_audio_tools.archive.ray_session import AUTO, connected, load_ray
from qwen_audio_tools.archive.records import State
from qwen_audio_tools.archive.work import Outcome, hear_episode, note_failure
from qwen_audio_tools.archive.worker import Listeners, opened_once
from qwen_audio_tools.archive.workers import Progress
from qwen_audio_tools.errors import ArchiveError, QwenAudioError

RETRIES = 2
"""How often an episode is tried again whose worker was lost; then it has failed, as it may be the
reason. Ray Data itself would go on for ever."""
_SETS = 4
"""Sets of episodes in work at once: one that is short of its last must not keep the rest idle."""


@dataclass(slots=True)
class Cluster:
    """Listens on a Ray cluster; leave the block, and what is in work there is cancelled.

    `address` is that of a cluster ("host:6379"); "auto" takes what RAY_ADDRESS names or what runs
    on this machine, and starts one here if there is none. `workers` is how many episodes are in
    work at once, by default as many as the cluster has CPUs.

    Raises (on entering):
        MissingExtra: Ray is not installed.
        EngineUnreachable: nothing answers at the address.
        EngineError, SettingsError, ArchiveError: a machine of the cluster can't listen.
    """

    archive: Archive
    listeners: Listeners
    address: str = AUTO
    workers: int | None = None
    talkative: bool = False
    started_here: bool = False
    count: int = 0
    _waiting: list[str] = field(default_factory=list)
    _given: dict[str, None] = field(default_factory=dict)
    _sets: int = 0
    _came: "queue.Queue[_Came]" = field(default_factory=queue.Queue)

    def __enter__(self) -> "Cluster":
        ray = load_ray()
        self.started_here = connected(ray, self.address, talkative=self.talkative)
        try:
            self.count = self.workers or max(1, int(ray.cluster_resources().get("CPU", 1)))
            check_machines(self.archive, self.listeners)
        except BaseException:
            ray.shutdown()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        load_ray().shutdown()

    @property
    def free(self) -> bool:
        """Whether another episode may be given."""
        return self.busy < self.count

    @property
    def busy(self) -> int:
        """How many episodes are in work."""
        return len(self._given)

    def give(self, id: str) -> None:
        """Let an episode be listened to: with all that are given before the next `collect`."""
        self._given[id] = None
        self._waiting.append(id)

    def collect(self, wait: float) -> Iterator[Outcome | Progress]:
        """Yield what came within `wait` seconds.

        Raises:
            EngineError, SettingsError: no episode can be heard with this engine.
            ArchiveError: a worker doesn't see this archive.
            OSError: there is no room.
        """
        if self._waiting and self._sets < _SETS:
            ids, self._waiting = self._waiting, []
            self._sets += 1
            threading.Thread(target=self._listen, args=(ids,), daemon=True, name="ray").start()
        until = time.monotonic() + wait
        while True:
            try:
                came = self._came.get(timeout=max(1e-3, until - time.monotonic()))
            except queue.Empty:
                return
            until = 0.0  # what else is there already; whoever is free now must not wait for it
            yield from self._understood(came)

    def _understood(self, came: "_Came") -> Iterator[Outcome]:
        if came.row is not None:
            if "fatal" in came.row:
                raise fatal.raised(came.row["fatal"])
            outcome = Outcome.from_dict(came.row["outcome"])
            self._given.pop(outcome.id, None)
            yield self._known(outcome)
            return
        self._sets -= 1
        # Of a task whose worker was lost too often, Ray Data gives nothing at all.
        for id in [id for id in came.ids if id in self._given]:
            del self._given[id]
            yield self._lost(id, came.error)

    def _known(self, outcome: Outcome) -> Outcome:
        """Return an outcome; of a task that ran again, what came of it at first."""
        record = self.archive.ledger.get(outcome.id) if outcome.state is None else None
        if record is None or record.state is not State.HEARD:
            return outcome
        return Outcome(
            id=outcome.id,
            state=record.state,
            title=record.episode.title,
            show=record.episode.show,
            seconds=record.duration or 0.0,
        )

    def _lost(self, id: str, error: str) -> Outcome:
        known = self._known(Outcome(id=id, state=None))
        if known.state is not None:
            return known
        why = error or f"was lost {RETRIES + 1} times: was there enough memory?"
        return note_failure(self.archive, id, f"the worker of the cluster that heard it {why}")

    def _listen(self, ids: Sequence[str]) -> None:
        """Run a set of episodes as a pipeline, and put what comes of each where `collect` waits."""
        error = ""
        try:
            for row in self._rows(ids):
                self._came.put(_Came(ids, row))
        except Exception as failure:  # the cluster's own: told for each episode that it concerns
            error = f"failed: {' '.join(str(failure).split())[:300]}"
        self._came.put(_Came(ids, None, error))

    def _rows(self, ids: Sequence[str]) -> Iterator[dict[str, Any]]:
        from ray.data import from_items

        folder = str(self.archive.folder.resolve())
        listeners = json.dumps(asdict(self.listeners), sort_keys=True)
        items = [{"id": id, "folder": folder, "listeners": listeners} for id in ids]
        # A block each: an episode is heard, told and, if its worker is lost, retried alone.
        episodes = from_items(items, override_num_blocks=len(items))
        heard = episodes.map(
            hear_row,
            num_cpus=1,
            concurrency=min(len(items), self.count),
            ray_remote_args_fn=_remote_options,
        )
        yield from heard.iter_rows()


@dataclass(frozen=True, slots=True)
class _Came:
    """A row of a set of episodes; without one, the set is done."""

    ids: Sequence[str]
    row: dict[str, Any] | None
    error: str = ""


def hear_row(row: dict[str, Any]) -> dict[str, Any]:
    """Listen to an episode, on whatever machine this runs.

    `row` names the `id`, the `folder` of the archive and the `listeners` as JSON, and what comes
    back is {"outcome": …} or {"fatal": …}.
    """
    try:
        archive = opened(row["folder"])
        if row["id"] not in archive.ledger:
            raise ArchiveError(
                f"{socket.gethostname()} sees another archive in {row['folder']!r}",
                hint="put the archive on storage that is the same for every worker",
            )
        given, engine, ears = opened_once(row["listeners"])
        outcome = hear_episode(archive, row["id"], engine, ears, given.options)
    except (QwenAudioError, OSError) as error:
        return {"fatal": fatal.told(error)}
    return {"outcome": outcome.to_dict()}


def _remote_options() -> dict[str, Any]:
    return {"max_retries": RETRIES}
