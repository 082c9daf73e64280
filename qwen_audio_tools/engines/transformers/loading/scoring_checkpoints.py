"""Which cross-encoder is meant and where it is: read from its JSON, without torch."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from qwen_audio_tools.engines.base import Progress
from qwen_audio_tools.engines.transformers.loading import hub_folders, hubs
from qwen_audio_tools.errors import SettingsError, WeightsMissing
from qwen_audio_tools.settings import Settings

EXAMPLE = "BAAI/bge-reranker-base"


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoringCheckpoint:
    """A cross-encoder on this disk, or one that a hub has: then `folder` is None."""

    name: str
    folder: Path | None
    config: Mapping[str, Any] = field(hash=False)


def find(model: str, settings: Settings) -> ScoringCheckpoint:
    """Find a cross-encoder by its folder or its id on the hub that the settings name.

    Raises:
        SettingsError: the name, or what it names, is no cross-encoder.
        WeightsMissing: its weights are not here, and nothing may be fetched or it is not whole.
    """
    path = Path(model).expanduser()
    if path.is_dir():
        return _checked(model, path)
    if not hub_folders.is_id(model):
        raise SettingsError(
            f"{model!r} is neither the folder of a cross-encoder nor the id of one on a hub",
            hint=f"--rerank {EXAMPLE}",
        )
    folder = hubs.folder_of(settings.hub, model)
    if folder is not None:
        return _checked(model, folder)
    if settings.offline:
        raise WeightsMissing(
            f"{model!r} is not on this machine, and the setting offline forbids to fetch it",
            hint=f"qwa models pull {model} --hub {settings.hub}",
        )
    return ScoringCheckpoint(name=model, folder=None, config={})


def fetched(
    found: ScoringCheckpoint, settings: Settings, progress: Progress | None
) -> ScoringCheckpoint:
    """Return the cross-encoder with its weights on this disk; fetch them if need be.

    Raises:
        EngineError: it could not be fetched.
        SettingsError: what the hub has is no cross-encoder.
    """
    if found.folder is not None:
        return found
    return _checked(found.name, hubs.pull(settings.hub, found.name, progress))


def _checked(model: str, folder: Path) -> ScoringCheckpoint:
    if not (folder / "config.json").is_file():
        raise SettingsError(
            f"{model!r} is no model: there is no config.json in it",
            hint="name the folder that holds config.json and the *.safetensors files",
        )
    config = hub_folders.config_of(folder)
    if why := hub_folders.why_no_cross_encoder(config):
        raise SettingsError(f"{model!r} is no cross-encoder: {why}", hint=f"--rerank {EXAMPLE}")
    if not hub_folders.is_whole(folder):
        raise WeightsMissing(
            f"{model!r} has a config.json, but not all of its weights", hint="fetch the model anew"
        )
    return ScoringCheckpoint(name=model, folder=folder, config=config)
