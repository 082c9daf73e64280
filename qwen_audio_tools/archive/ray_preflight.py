"""Before an episode is given away, each machine of a Ray cluster shows that it can hear one.

Else a machine without the package, with another version or with another archive in that folder
would fail each episode that it is given, and that would look like the episodes' fault.
"""

import contextlib
import json
import uuid
from collections.abc import Iterator
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

from qwen_audio_tools.archive import fatal
from qwen_audio_tools.archive.archive import Archive, opened
from qwen_audio_tools.archive.ray_session import load_ray
from qwen_audio_tools.archive.worker import Listeners, opened_once
from qwen_audio_tools.errors import ArchiveError, EngineError, QwenAudioError, SettingsError

_PACKAGE = "qwen-audio-tools"
_SAME = f"install the same {_PACKAGE} there, with the extras that the engine needs"


def check_machines(archive: Archive, listeners: Listeners) -> None:
    """Return if each machine that is there now sees the archive and can open the engine.

    Raises:
        EngineError, SettingsError: one can't open the engine, or lacks the package.
        ArchiveError: one sees no archive in that folder, or another.
        OSError: nothing can be written to the archive.
    """
    ray = load_ray()
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    ready = ray.remote(ready_here)
    with _marked(archive) as mark:
        row = {
            "folder": str(archive.folder.resolve()),
            "mark": mark.name,
            "listeners": json.dumps(asdict(listeners), sort_keys=True),
            "version": version(_PACKAGE),
        }
        there = [node for node in ray.nodes() if node["Alive"] and node["Resources"].get("CPU")]
        answers = [
            ready.options(
                num_cpus=0,
                max_retries=0,
                scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], soft=False),
            ).remote(row)
            for node in there
        ]
        for node, answer in zip(there, answers, strict=True):
            machine = node["NodeManagerHostname"]
            if told := _answer(ray, machine, answer):
                raise fatal.raised({**told, "message": f"{machine}: {told['message']}"})


def ready_here(row: dict[str, Any]) -> dict[str, Any] | None:
    """Return what keeps this machine from listening, as `fatal.told`; None if nothing does."""
    try:
        if row["version"] != version(_PACKAGE):
            raise SettingsError(
                f"{_PACKAGE} is {version(_PACKAGE)} there, {row['version']} here",
                hint=_SAME,
            )
        if not (opened(row["folder"]).folder / "cache" / row["mark"]).is_file():
            raise ArchiveError(
                f"{row['folder']!r} is another archive there",
                hint="put the archive on storage that is the same for every worker",
            )
        opened_once(row["listeners"])
    except (QwenAudioError, OSError) as error:
        return fatal.told(error)
    return None


def _answer(ray: Any, machine: str, answer: Any) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] | None = ray.get(answer)
    except ray.exceptions.WorkerCrashedError:
        raise EngineError(
            f"{machine}: the process that should listen ended as it opened the engine",
            hint="run it with -v to see what it says",
        ) from None
    except ray.exceptions.RayError as error:  # such as: the package is not there
        why = str(error).strip().splitlines() or [type(error).__name__]
        raise EngineError(f"{machine} can't listen: {why[-1][:300]}", hint=_SAME) from error
    return found


@contextlib.contextmanager
def _marked(archive: Archive) -> Iterator[Path]:
    """Put a file into the archive for as long as the block takes: a copy of it has none."""
    mark = archive.folder / "cache" / f"cluster-{uuid.uuid4().hex}"
    mark.parent.mkdir(exist_ok=True)
    mark.touch()
    try:
        yield mark
    finally:
        mark.unlink(missing_ok=True)
