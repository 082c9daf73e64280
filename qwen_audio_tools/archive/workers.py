"""Listeners in processes of their own: one that dies costs one episode, and is replaced."""

import contextlib
import json
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

from qwen_audio_tools.archive import fatal
from qwen_audio_tools.archive.archive import Archive
from qwen_audio_tools.archive.work import Outcome, hear_episode, note_failure
from qwen_audio_tools.archive.worker import Listeners
from qwen_audio_tools.engines.base import Engine, Options
from qwen_audio_tools.errors import EngineError

_MODULE = "qwen_audio_tools.archive.worker"
_LEAVE_S = 2.0


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the listening to an episode is, in seconds of its audio."""

    id: str
    done: float
    total: float


@dataclass(slots=True)
class _Process:
    popen: "subprocess.Popen[bytes]"
    id: str = ""  # what it works on
    heard: bool = False

    def send(self, value: object) -> None:
        """Write it a line; one that is dead is noticed when its own lines end."""
        assert self.popen.stdin is not None
        try:
            self.popen.stdin.write(json.dumps(value).encode() + b"\n")
            self.popen.stdin.flush()
        except BrokenPipeError:
            return

    def close(self) -> int:
        """Wait until it has ended, and return its exit code."""
        assert self.popen.stdin is not None
        with contextlib.suppress(OSError):
            self.popen.stdin.close()
        try:
            return self.popen.wait(_LEAVE_S)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            return self.popen.wait()


class Listening(Protocol):
    """Whoever listens: give ids while `free`, and collect what comes of them."""

    @property
    def count(self) -> int:
        """How many episodes are in work at once."""
        ...

    @property
    def free(self) -> bool:
        """Whether another episode may be given."""
        ...

    @property
    def busy(self) -> int:
        """How many episodes are in work."""
        ...

    def give(self, id: str) -> None:
        """Let an episode be listened to."""
        ...

    def collect(self, wait: float) -> Iterator[Outcome | Progress]:
        """Yield what came within `wait` seconds."""
        ...


@dataclass(slots=True)
class InThisProcess:
    """Listens with engines that are open already, one episode after the other."""

    archive: Archive
    engine: Engine
    ears: Engine | None = None
    options: Options = field(default_factory=Options)
    count: int = 1
    _given: list[str] = field(default_factory=list)

    @property
    def free(self) -> bool:
        """Whether another episode may be given."""
        return not self._given

    @property
    def busy(self) -> int:
        """How many episodes are in work."""
        return len(self._given)

    def give(self, id: str) -> None:
        """Take note of an episode; `collect` listens to it."""
        self._given.append(id)

    def collect(self, wait: float) -> Iterator[Outcome | Progress]:
        """Listen to what was given, and yield what came of it.

        Raises:
            EngineError, SettingsError: no episode can be heard with this engine.
            OSError: there is no room.
        """
        if not self._given:
            time.sleep(wait)
        while self._given:
            yield hear_episode(
                self.archive, self._given.pop(), self.engine, self.ears, self.options
            )


@dataclass(slots=True)
class Workers:
    """Up to `count` processes that listen. Give ids while `free`, and collect what comes of them.

    Leaving the block ends them at once; the episodes in work stay as they were. `talkative` lets
    them write to stderr, as C libraries do over every damaged frame.
    """

    archive: Archive
    listeners: Listeners
    count: int
    talkative: bool = False
    _processes: list[_Process] = field(default_factory=list)
    _lines: "queue.Queue[tuple[_Process, bytes]]" = field(default_factory=queue.Queue)

    def __enter__(self) -> "Workers":
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._processes:
            process.popen.kill()
        for process in self._processes:
            process.close()

    @property
    def free(self) -> bool:
        """Whether another episode may be given."""
        return self.busy < self.count

    @property
    def busy(self) -> int:
        """How many episodes are in work."""
        return sum(bool(process.id) for process in self._processes)

    def give(self, id: str) -> None:
        """Let a free process listen to an episode."""
        process = next((each for each in self._processes if not each.id), None)
        process = process or self._started()
        process.id = id
        process.send({"id": id})

    def collect(self, wait: float) -> Iterator[Outcome | Progress]:
        """Yield what came within `wait` seconds; an episode whose process died has failed.

        Raises:
            EngineError, SettingsError: no episode can be heard with this engine.
            OSError: there is no room.
        """
        while True:
            try:
                process, line = self._lines.get(timeout=wait)
            except queue.Empty:
                return
            wait = 1e-3  # what else is there already; whoever is free now must not wait for it
            if line:
                yield from self._understood(process, json.loads(line))
            else:
                yield from self._buried(process)

    def _started(self) -> _Process:
        # -P: no module of the folder we are in must stand in for one of ours. A group of its own:
        # an interrupt from the keyboard is ours to handle.
        popen = subprocess.Popen(
            [sys.executable, "-P", "-m", _MODULE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=None if self.talkative else subprocess.DEVNULL,
            start_new_session=True,
        )
        process = _Process(popen)
        self._processes.append(process)
        threading.Thread(target=self._read, args=(process,), daemon=True).start()
        process.send(
            {"folder": str(self.archive.folder.resolve()), "listeners": asdict(self.listeners)}
        )
        return process

    def _read(self, process: _Process) -> None:
        assert process.popen.stdout is not None
        with process.popen.stdout as lines:
            for line in lines:
                self._lines.put((process, line))
        self._lines.put((process, b""))

    def _understood(self, process: _Process, line: dict[str, Any]) -> Iterator[Outcome | Progress]:
        process.heard = True
        if "progress" in line:
            yield Progress(**line["progress"])
        elif "outcome" in line:
            process.id = ""
            yield Outcome.from_dict(line["outcome"])
        else:
            raise fatal.raised(line["fatal"])

    def _buried(self, process: _Process) -> Iterator[Outcome]:
        self._processes.remove(process)
        code = process.close()
        if code > 0 and not process.heard:  # no episode's fault: each would end in this way
            raise EngineError(
                f"the process that should listen ended with exit code {code}",
                hint="run it with -v to see what it says",
            )
        if process.id:
            how = f"signal {-code}" if code < 0 else f"exit code {code}"
            why = ": was there enough memory?" if code == -9 else ""
            yield note_failure(
                self.archive, process.id, f"the process that heard it died ({how}){why}"
            )
