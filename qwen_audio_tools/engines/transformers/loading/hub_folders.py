"""Where the hubs' own libraries keep models on this disk; needs neither of them, and no network."""

import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

_ID = re.compile(r"\w[\w.-]*/\w[\w.-]*", re.ASCII)
_RESERVED = {"models", "datasets", "hub"}  # folders of the modelscope cache that are no owners


def is_id(text: str) -> bool:
    """Tell whether the text has the form of a model id: "owner/name"."""
    return bool(_ID.fullmatch(text)) and ".." not in text


def huggingface_cache() -> Path:
    """Return the folder that the huggingface_hub library keeps models in."""
    own = os.environ.get("HF_HUB_CACHE") or os.environ.get("HUGGINGFACE_HUB_CACHE")
    if own:
        return _expanded(own)
    if home := os.environ.get("HF_HOME"):
        return _expanded(home) / "hub"
    base = os.environ.get("XDG_CACHE_HOME")
    return (_expanded(base) if base else Path.home() / ".cache") / "huggingface" / "hub"


def modelscope_cache() -> Path:
    """Return the folder that the modelscope library keeps models in."""
    own = os.environ.get("MODELSCOPE_CACHE") or os.environ.get("MS_CACHE_HOME")
    return _expanded(own) if own else Path.home() / ".cache" / "modelscope"


def huggingface_snapshots(model: str, revision: str | None = None) -> Iterator[Path]:
    """Yield the folders of a model's revisions, the one that is asked for or newest first."""
    home = huggingface_home(model)
    for name in [revision] if revision else ["main"]:
        try:
            yield home / "snapshots" / (home / "refs" / name).read_text(encoding="utf-8").strip()
        except OSError:
            yield home / "snapshots" / name  # a commit stands for itself
    if revision is None:
        yield from _newest(home / "snapshots")


def huggingface_home(model: str) -> Path:
    """Return the folder of all revisions of a model; it need not exist."""
    return huggingface_cache() / f"models--{model.replace('/', '--')}"


def modelscope_snapshots(model: str, revision: str | None = None) -> Iterator[Path]:
    """Yield the folders that a model may be in, newest layout first; they need not exist."""
    new, *old = modelscope_homes(model)
    if revision:
        yield new / "snapshots" / revision
        return
    yield new / "snapshots" / "master"
    yield from _newest(new / "snapshots")
    yield from old


def modelscope_homes(model: str) -> tuple[Path, ...]:
    """Return the folders of a model in the layouts that modelscope had; the first is today's."""
    cache = modelscope_cache()
    owner, _, name = model.partition("/")
    old = [
        base / owner / written
        for base in (cache / "models", cache, cache / "hub" / "models", cache / "hub")
        if owner not in _RESERVED
        for written in dict.fromkeys((name.replace(".", "___"), name))
    ]
    return (cache / "models" / model.replace("/", "--"), *old)


def homes(hub: str, model: str) -> tuple[Path, ...]:
    """Return every folder that holds something of a model; they need not exist."""
    return modelscope_homes(model) if hub == "modelscope" else (huggingface_home(model),)


def ids_here(hub: str) -> list[str]:
    """Return the ids of all models of a hub that have a folder here, of whatever kind."""
    if hub == "huggingface":
        found = [path.name for path in huggingface_cache().glob("models--*")]
        return sorted(name.removeprefix("models--").replace("--", "/", 1) for name in found)
    cache = modelscope_cache()
    ids = {path.name.replace("--", "/", 1) for path in (cache / "models").glob("*--*")}
    for base in (cache / "models", cache, cache / "hub" / "models", cache / "hub"):
        for config in base.glob("*/*/config.json"):
            ids.add(f"{config.parts[-3]}/{config.parts[-2].replace('___', '.')}")
    return sorted(ids)


def config_of(folder: Path) -> dict[str, object]:
    """Return the config.json of a folder, or nothing if there is none that can be read."""
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return config if isinstance(config, dict) else {}


def why_no_cross_encoder(config: Mapping[str, object]) -> str:
    """Say why a config.json is not that of a cross-encoder; an empty string if it is."""
    kinds = config.get("architectures")
    names = [str(kind) for kind in kinds] if isinstance(kinds, list) else []
    if not any(name.endswith("ForSequenceClassification") for name in names):
        return f"its config.json says {', '.join(names) or 'nothing of its architecture'}"
    labels = config.get("id2label")
    count = len(labels) if isinstance(labels, dict) else config.get("num_labels", 2)
    return "" if count == 1 else f"it tells {count} labels apart, and gives no single score"


def is_whole(folder: Path) -> bool:
    """Tell whether the folder has a config and all the weights that it says it has."""
    if not (folder / "config.json").is_file():
        return False
    index = folder / "model.safetensors.index.json"
    try:
        shards = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
    except OSError:
        return any(folder.glob("*.safetensors")) or any(folder.glob("pytorch_model*.bin"))
    except (ValueError, KeyError, TypeError, AttributeError):
        return False
    return all((folder / shard).is_file() for shard in shards)


def disk_bytes(folder: Path) -> int:
    """Return how many bytes the files under a folder take, each counted once."""
    sizes = {}
    for path in folder.rglob("*"):
        try:
            status = path.stat()
        except OSError:  # a link to a file that isn't there
            continue
        if path.is_file():
            sizes[status.st_dev, status.st_ino] = status.st_size
    return sum(sizes.values())


def _newest(folder: Path) -> list[Path]:
    try:
        inside = [path for path in folder.iterdir() if path.is_dir()]
        return sorted(inside, key=lambda path: path.stat().st_mtime, reverse=True)
    except OSError:
        return []


def _expanded(path: str) -> Path:
    return Path(os.path.expandvars(path)).expanduser()
