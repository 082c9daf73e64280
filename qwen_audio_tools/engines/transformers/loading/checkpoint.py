"""Which checkpoint is meant, where it is and what it is: read from its JSON, without torch."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from qwen_audio_tools.engines.base import Progress
from qwen_audio_tools.engines.families import FAMILIES, Family, is_base, named
from qwen_audio_tools.engines.transformers.loading import hub_folders, hubs, versions
from qwen_audio_tools.errors import SettingsError, WeightsMissing
from qwen_audio_tools.settings import Settings

DEFAULT = "Qwen/Qwen2-Audio-7B-Instruct"

_INDEXES = ("model.safetensors.index.json", "pytorch_model.bin.index.json")
_WEIGHTS = ("model.safetensors", "pytorch_model.bin")
_POINTER = b"version https://git-lfs"


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """A model on this disk, or one that a hub has: then `folder` is None and `config` empty.

    `name` is what it was asked for by; `base` is whether it is addressed with raw task prompts.
    """

    name: str
    folder: Path | None
    config: Mapping[str, Any] = field(hash=False)
    family: Family
    base: bool

    @property
    def files(self) -> tuple[Path, ...]:
        """The files that hold its weights; none before it is fetched."""
        return () if self.folder is None else weight_files(self.folder)


def find(model: str, settings: Settings) -> Checkpoint:
    """Find a checkpoint by its folder or its id on the hub that the settings name.

    One that is not on this disk comes back without a folder, for `fetched` to bring.

    Raises:
        SettingsError: the name, or what it names, is no checkpoint that this engine runs.
        WeightsMissing: weights are not here, and nothing may be fetched or it is not whole.
    """
    model = model or DEFAULT
    folder = _folder(model, settings)
    if folder is None:
        # A guess, until its config.json tells.
        family = named(model) or FAMILIES["qwen2_audio"]
        return Checkpoint(
            name=model, folder=None, config={}, family=family, base=_base(model, settings)
        )
    config = _config(model, folder)
    family = _family(model, config)
    _check_weights(model, folder)
    return Checkpoint(
        name=model, folder=folder, config=config, family=family, base=_base(model, settings)
    )


def fetched(checkpoint: Checkpoint, settings: Settings, progress: Progress | None) -> Checkpoint:
    """Return the checkpoint with its weights on this disk; fetch them from its hub if need be.

    Raises:
        WeightsMissing, EngineUnreachable, EngineRefused: it could not be fetched.
        SettingsError: what the hub has is no checkpoint that this engine runs.
        MissingExtra: this transformers doesn't run the family; nothing is fetched by then.
    """
    if checkpoint.folder is not None:
        return checkpoint
    versions.check(checkpoint.family, checkpoint.name)
    hubs.pull(settings.hub, checkpoint.name, progress)
    found = find(checkpoint.name, settings)
    if found.folder is None:
        raise WeightsMissing(
            f"the hub's copy of {checkpoint.name!r} has no weights that can be loaded",
            hint=f"qwa models where {checkpoint.name}",
        )
    return found


def weight_files(folder: Path) -> tuple[Path, ...]:
    """Return the files of weights that a folder says it has, whether they are there or not.

    Raises:
        SettingsError: its index of weights is damaged.
    """
    for index in _INDEXES:
        if (folder / index).is_file():
            shards = _read(str(folder), folder / index).get("weight_map")
            if not isinstance(shards, dict) or not shards:
                raise SettingsError(f"{str(folder / index)!r} lists no weights")
            return tuple(folder / name for name in sorted(set(map(str, shards.values()))))
    return tuple(folder / name for name in _WEIGHTS if (folder / name).is_file())[:1]


def _folder(model: str, settings: Settings) -> Path | None:
    """Return where the model is on this disk; None if its hub may be asked for it."""
    path = Path(model).expanduser()
    if path.is_dir():
        return path
    if path.is_file():
        raise SettingsError(
            f"{model!r} is a file; a checkpoint is a folder with config.json and *.safetensors",
            hint=f"--engine transformers:{path.parent}",
        )
    if not hub_folders.is_id(model) or "/" not in model:
        raise SettingsError(
            f"{model!r} is neither a folder here nor the id of a model, such as {DEFAULT!r}",
            hint="qwa models list",
        )
    folder = hubs.folder_of(settings.hub, model)
    if folder is None and settings.offline:
        raise WeightsMissing(
            f"{model!r} is not on this machine, and the setting offline forbids to fetch it",
            hint=f"qwa models pull {model}" + _option(settings),
        )
    return folder


def _option(settings: Settings) -> str:
    return "" if settings.origin("hub") == "default" else f" --hub {settings.hub}"


def _config(model: str, folder: Path) -> dict[str, Any]:
    path = folder / "config.json"
    if not path.is_file():
        raise SettingsError(
            f"{model!r} is no checkpoint: it has no config.json, but {_contents(folder)}",
            hint="name the folder that holds config.json and the *.safetensors files",
        )
    return _read(model, path)


def _read(model: str, path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SettingsError(
            f"the {path.name} of {model!r} cannot be read: {error}", hint="fetch the model anew"
        ) from error
    if not isinstance(value, dict):
        raise SettingsError(f"the {path.name} of {model!r} is no JSON object")
    return value


def _family(model: str, config: Mapping[str, Any]) -> Family:
    kind = config.get("model_type")
    if isinstance(kind, str) and kind in FAMILIES:
        return FAMILIES[kind]
    what = "names no model_type" if kind is None else f"says model_type {kind!r}"
    raise SettingsError(
        f"{model!r} is no audio model that this engine runs: its config.json {what};"
        f" it runs {', '.join(FAMILIES)}",
        hint=f"--engine transformers:{DEFAULT}",
    )


def _check_weights(model: str, folder: Path) -> None:
    files = weight_files(folder)
    if not files:
        raise WeightsMissing(
            f"{model!r} has a config.json but no weights, only {_contents(folder)}",
            hint="fetch the model anew; its weights are *.safetensors files",
        )
    absent = [path.name for path in files if not path.is_file()]
    if absent:
        raise WeightsMissing(
            f"{model!r} lacks {len(absent)} of its {len(files)} files of weights:"
            f" {', '.join(absent[:4])}{' …' if len(absent) > 4 else ''}",
            hint="fetch the model anew",
        )
    for path in files:
        if _is_pointer(path):
            raise WeightsMissing(
                f"{path.name} of {model!r} is a Git LFS pointer, not the weights",
                hint=f"git -C {folder} lfs pull",
            )


def _is_pointer(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(_POINTER)) == _POINTER


def _contents(folder: Path) -> str:
    names = sorted(path.name for path in folder.iterdir())
    if not names:
        return "nothing at all"
    return ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")


def _base(model: str, settings: Settings) -> bool:
    """Whether the model is addressed with raw task prompts: as told, or by its maker's naming."""
    if settings.prompting != "auto":
        return settings.prompting == "base"
    return is_base(str(Path(model).expanduser().resolve()))
