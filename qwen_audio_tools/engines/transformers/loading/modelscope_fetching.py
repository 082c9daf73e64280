"""Fetches a model of the ModelScope hub into that library's cache; runs in a process of its own.

The library continues interrupted files and holds each against the SHA-256 of the hub's listing.
"""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from qwen_audio_tools.engines.transformers.loading.hub_events import Events, Failure, check_room
from qwen_audio_tools.engines.transformers.loading.hub_files import (
    HubFile,
    is_weights,
    unfit,
    wanted,
)
from qwen_audio_tools.engines.transformers.loading.hub_folders import (
    config_of,
    modelscope_cache,
    modelscope_snapshots,
)

AT_ONCE = 4
_KINDS = {
    "NotExistError": "unknown",
    "InvalidParameter": "unknown",
    "AuthenticationError": "gated",
    "PermissionDeniedError": "gated",
    "NetworkError": "network",
    "FileIntegrityError": "damaged",
    "CacheError": "disk",
    "APIError": "refused",
    "ConnectionError": "network",
    "Timeout": "network",
    "HTTPError": "refused",
    "OSError": "disk",
}


def main() -> None:
    """Fetch the model of argv[1] at the revision of argv[2] (may be empty)."""
    model, revision = sys.argv[1], sys.argv[2] or None
    Events().finish(lambda events: _fetch(model, revision, events))


def _fetch(model: str, revision: str | None, events: Events) -> str:
    with _failures():
        from modelscope.hub.api import HubApi

        listed = HubApi().get_model_files(model, revision=revision, recursive=True)
        files = wanted(
            HubFile(path=file["Path"], size=int(file.get("Size") or 0)) for file in listed
        )
        total, here = sum(file.size for file in files), _here(model, revision, files)
        check_room(modelscope_cache(), total - here)
        events.expect(total, here)
        small = [file.path for file in files if not is_weights(file.path)]
        folder = _snapshot(model, revision, small, events)
        if why := unfit(config_of(Path(folder))):
            raise Failure("unfit", why)
        return _snapshot(model, revision, [file.path for file in files], events)


def _here(model: str, revision: str | None, files: Sequence[HubFile]) -> int:
    folder = next((path for path in modelscope_snapshots(model, revision) if path.is_dir()), None)
    if folder is None:
        return 0
    return sum(file.size for file in files if (folder / file.path).is_file())


def _snapshot(model: str, revision: str | None, paths: list[str], events: Events) -> str:
    from modelscope.hub.callback import ProgressCallback
    from modelscope.hub.snapshot_download import snapshot_download

    class Count(ProgressCallback):  # type: ignore[misc]
        def update(self, size: int) -> None:
            events.add(size)

    folder: str = snapshot_download(
        model,
        revision=revision,
        allow_patterns=[path.replace("[", "[[]") for path in paths],
        max_workers=AT_ONCE,
        progress_callbacks=[Count],
    )
    return folder


@contextmanager
def _failures() -> Iterator[None]:
    try:
        yield
    except Failure:
        raise
    except Exception as error:
        # Of a model whose files failed, the first failure tells most.
        first = next(iter(getattr(error, "failed_files", {}).values()), error)
        said = str(first).strip().splitlines()
        raise Failure(_kind(first), said[0] if said else type(first).__name__) from error


def _kind(error: BaseException) -> str:
    # By the names of classes, which moved between the library's versions.
    names = [kind.__name__ for kind in type(error).__mro__]
    return next((_KINDS[name] for name in names if name in _KINDS), "other")


if __name__ == "__main__":
    main()
    sys.stdout.flush()
    os._exit(0)  # threads of the library may still wait for connections
