"""Fetches a model in a process of its own, and turns what that says into progress and errors.

The hubs' libraries draw bars on stderr, load torch, and cannot be stopped in the middle of a
file: a process can be quiet, and it can be ended.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import IO

from qwen_audio_tools.engines.base import Progress
from qwen_audio_tools.errors import (
    EngineError,
    EngineRefused,
    EngineUnreachable,
    EngineUnsupported,
    WeightsMissing,
)

QUIET = {"TQDM_DISABLE": "1", "HF_HUB_DISABLE_PROGRESS_BARS": "1", "PYTHONUTF8": "1"}
OTHER = {"huggingface": "modelscope", "modelscope": "huggingface"}
LOGIN = {"huggingface": "hf auth login", "modelscope": "modelscope login --token TOKEN"}

_WRAPPED = re.compile(r"""Caused by \w+\((?P<q>['"])(?:.*?[)>]: )?(?P<reason>.+)(?P=q)\)""")


def pull(hub: str, model: str, revision: str | None, progress: Progress) -> Path:
    """Fetch a model and return its folder; stops at once when this raises, or is interrupted.

    Raises:
        EngineUnreachable: the hub can't be reached.
        WeightsMissing: no such model or revision, not for everybody, damaged, or no room.
        EngineUnsupported: it is no model that this engine runs.
        EngineRefused: the hub or its library failed in another way.
    """
    module = f"{__package__}.{hub}_fetching"
    command = [sys.executable, "-P", "-m", module, model, revision or ""]
    with (
        tempfile.TemporaryFile() as said,
        subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=said,
            env={**os.environ, **QUIET},
        ) as child,
    ):
        try:
            for line in child.stdout or ():
                event = json.loads(line)
                if "folder" in event:
                    return Path(event["folder"])
                if "failed" in event:
                    raise _error(hub, model, event["failed"], event["said"])
                progress(model, event["done"], event["total"])
        finally:
            child.kill()
        raise _error(hub, model, "other", _last_line(said))


def _error(hub: str, model: str, kind: str, said: str) -> EngineError:
    again = f"qwa models pull {model} --hub {hub}"
    there = f"qwa models pull {model} --hub {OTHER[hub]}"
    of = f"the model {model!r} of the hub {hub!r}"
    errors: dict[str, tuple[type[EngineError], str, str]] = {
        "network": (
            EngineUnreachable,
            f"the hub {hub!r} could not be reached: {_cause(said)}",
            there,
        ),
        "offline": (
            EngineUnreachable,
            f"the hub {hub!r} may not be asked: HF_HUB_OFFLINE is set",
            f"HF_HUB_OFFLINE=0 {again}",
        ),
        "unknown": (
            WeightsMissing,
            f"the hub {hub!r} has no model {model!r} that you may see",
            f"check its spelling, log in ({LOGIN[hub]}), or try: {there}",
        ),
        "revision": (WeightsMissing, f"{of} has no such revision: {said}", again),
        "gated": (
            WeightsMissing,
            f"{of} is not for everybody: {said}",
            f"accept its terms on its page, then: {LOGIN[hub]}",
        ),
        "damaged": (
            WeightsMissing,
            f"a file of {of} came damaged and was deleted: {said}",
            again,
        ),
        "disk": (
            WeightsMissing,
            f"{of} could not be written: {said}",
            "free some space, or set HF_HOME or MODELSCOPE_CACHE to another disk",
        ),
        "unfit": (EngineUnsupported, f"{of} is not for this engine: {said}", "qwa models list"),
    }
    kind_of_error, message, hint = errors.get(
        kind, (EngineRefused, f"{of} could not be fetched: {said}", again)
    )
    return kind_of_error(message, hint=hint)


def _cause(said: str) -> str:
    """Return the innermost reason, where urllib3 wraps it in objects and addresses."""
    found = _WRAPPED.search(said)
    return found["reason"] if found else said


def _last_line(said: IO[bytes]) -> str:
    said.seek(0)
    lines = said.read().decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else "its process ended without a word"
