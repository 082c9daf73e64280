"""Models of the two hubs on this machine: find, list, fetch, remove. Finding needs no network."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

from qwen_audio_tools.engines.base import Progress
from qwen_audio_tools.engines.families import FAMILIES
from qwen_audio_tools.engines.transformers.loading import hub_folders
from qwen_audio_tools.errors import (
    EngineUnreachable,
    MissingExtra,
    SettingsError,
    WeightsMissing,
)
from qwen_audio_tools.settings import read

HUBS = ("huggingface", "modelscope")
_LIBRARIES = {
    "huggingface": ("huggingface_hub", "transformers"),
    "modelscope": ("modelscope", "modelscope"),
}
_SNAPSHOTS = {
    "huggingface": hub_folders.huggingface_snapshots,
    "modelscope": hub_folders.modelscope_snapshots,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class HubModel:
    """A model that was fetched from a hub, wholly or in part. `family` is its model_type."""

    id: str
    hub: str
    folder: Path
    family: str
    disk_bytes: int
    whole: bool


def folder_of(hub: str, model: str, revision: str | None = None) -> Path | None:
    """Return the folder of a model that is wholly on this machine, or None.

    `model` is its id on the hub, "owner/name". Nothing is fetched and no library is imported.
    """
    if not hub_folders.is_id(model):
        return None
    snapshots = _SNAPSHOTS[hub](model, revision)
    return next((folder for folder in snapshots if hub_folders.is_whole(folder)), None)


def listed(hub: str) -> Iterator[HubModel]:
    """Yield the models of a hub on this machine that this engine runs, by id."""
    for model in hub_folders.ids_here(hub):
        for folder in _SNAPSHOTS[hub](model, None):
            family = hub_folders.config_of(folder).get("model_type")
            if family in FAMILIES:
                yield HubModel(
                    id=model,
                    hub=hub,
                    folder=folder,
                    family=str(family),
                    disk_bytes=sum(map(hub_folders.disk_bytes, hub_folders.homes(hub, model))),
                    whole=hub_folders.is_whole(folder),
                )
                break


def pull(
    hub: str,
    model: str,
    progress: Progress | None = None,
    *,
    revision: str | None = None,
) -> Path:
    """Fetch what is missing of a model, prove it, and return its folder.

    An interrupted fetch goes on where it ended. `progress` gets (id, bytes here, bytes in total).

    Raises:
        SettingsError: no hub or model can be called that.
        MissingExtra: the hub's library is not installed.
        EngineUnreachable: offline by `QWA_OFFLINE` or `HF_HUB_OFFLINE`, or no hub in reach.
        WeightsMissing: no such model, not for everybody, damaged on the way, or no room.
        EngineUnsupported: it is no model that this engine runs.
        EngineRefused: the hub failed in another way.
    """
    from qwen_audio_tools.engines.transformers.loading import (
        hub_pulling,
    )  # finding needs none of it

    check(hub, model)
    if variable := _offline(hub):
        if folder := folder_of(hub, model, revision):
            return folder
        raise EngineUnreachable(
            f"the model {model!r} is not on this machine, and {variable} forbids fetching it",
            hint=f"{variable}=0 qwa models pull {model} --hub {hub}",
        )
    library, extra = _LIBRARIES[hub]
    if find_spec(library) is None:
        raise MissingExtra(
            f"the hub {hub!r} needs a package that is not installed: {library}",
            hint=f"pip install 'qwen-audio-tools[{extra}]'",
        )
    folder = hub_pulling.pull(hub, model, revision, progress or (lambda *_: None))
    if not hub_folders.is_whole(folder):
        raise WeightsMissing(
            f"the model {model!r} of the hub {hub!r} has no weights that this engine reads",
            hint="qwa models list",
        )
    return folder


def remove(hub: str, model: str) -> bool:
    """Delete a model with all its revisions and remains; tell whether there was any of it."""
    check(hub, model)
    homes = [home for home in hub_folders.homes(hub, model) if home.exists()]
    try:
        if hub == "huggingface":
            _release_shared(model)
        for home in homes:
            if home.is_symlink():
                home.unlink()
            elif home.exists():
                shutil.rmtree(home)
    except OSError as error:
        raise WeightsMissing(
            f"the model {model!r} could not be deleted: {error.strerror} ({error.filename})",
            hint="qwa models list",
        ) from error
    return bool(homes)


def _release_shared(model: str) -> None:
    """Let the library delete what it knows: models may share files in its cache."""
    if find_spec("huggingface_hub") is None:
        return
    from huggingface_hub import CacheNotFound, scan_cache_dir

    try:
        cache = scan_cache_dir(hub_folders.huggingface_cache())
    except CacheNotFound:
        return
    own = [repo for repo in cache.repos if repo.repo_type == "model" and repo.repo_id == model]
    revisions = [revision.commit_hash for repo in own for revision in repo.revisions]
    if revisions:
        # A copy of a model on the hub can have the same commits: nothing but this one is deleted.
        replace(cache, repos=frozenset(own)).delete_revisions(*revisions).execute()


def check(hub: str, model: str) -> None:
    """Raise SettingsError if no hub, or no model of a hub, can be called that."""
    if hub not in HUBS:
        raise SettingsError(
            f"no hub is called {hub!r}; there are {' and '.join(HUBS)}",
            hint="qwa models pull Qwen/Qwen2-Audio-7B-Instruct --hub modelscope",
        )
    if not hub_folders.is_id(model):
        raise SettingsError(
            f"{model!r} cannot be a model of a hub: it reads owner/name",
            hint="qwa models pull Qwen/Qwen2-Audio-7B-Instruct",
        )


def _offline(hub: str) -> str:
    """Return the name of the variable that forbids fetching, or an empty string."""
    if read().offline:
        return "QWA_OFFLINE"
    variables = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE") if hub == "huggingface" else ()
    words = ("1", "ON", "YES", "TRUE")
    return next((name for name in variables if os.environ.get(name, "").upper() in words), "")
