"""Models of the two hubs on this machine: find, list, fetch, remove. Lists without a network."""

from pathlib import Path

from qwen_audio_tools.engines.transformers.loading import hub_folders

HUBS = ("huggingface", "modelscope")


def folder_of(hub: str, model: str, revision: str | None = None) -> Path | None:
    """Return the folder of a model that is wholly on this machine, or None.

    `model` is its id on the hub, "owner/name". Nothing is fetched and no library is imported.
    """
    if not hub_folders.is_id(model):
        return None
    snapshots = {
        "huggingface": hub_folders.huggingface_snapshots,
        "modelscope": hub_folders.modelscope_snapshots,
    }[hub]
    return next(
        (folder for folder in snapshots(model, revision) if hub_folders.is_whole(folder)), None
    )
