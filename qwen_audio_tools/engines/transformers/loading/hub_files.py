"""Which files of a model on a hub are fetched: what transformers reads, and no second copy."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import PurePosixPath

from qwen_audio_tools.engines.families import FAMILIES
from qwen_audio_tools.engines.transformers.loading.hub_folders import why_no_cross_encoder

_OTHER_WEIGHTS = (
    *("*.bin", "*.pt", "*.pth", "*.ckpt", "*.h5", "*.msgpack", "*.gguf", "*.ggml", "*.onnx"),
    *("*.onnx_data", "*.tflite", "*.npz"),
    "consolidated*.safetensors",  # Mistral's own format, beside the same weights for transformers
)
_ASIDE = (
    *("*.png", "*.jpg", "*.jpeg", "*.gif", "*.svg", "*.webp", "*.pdf", "*.ipynb"),
    *("*.wav", "*.mp3", "*.flac", "*.ogg", "*.mp4", "*.webm"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class HubFile:
    """A file of a model on a hub. `sha256` is empty where the hub does not tell it."""

    path: str
    size: int
    sha256: str = ""
    git_id: str = ""


def wanted(files: Iterable[HubFile]) -> tuple[HubFile, ...]:
    """Return the files that are worth fetching, small ones before weights."""
    kept = [file for file in files if _is_read(file.path) and not _fits(file.path, _ASIDE)]
    own = [file for file in kept if not _fits(file.path, _OTHER_WEIGHTS)]
    if not any(is_weights(file.path) for file in own):
        own += [file for file in kept if fnmatch(file.path, "pytorch_model*.bin")]
    return tuple(sorted(own, key=lambda file: (is_weights(file.path), file.path)))


def is_weights(path: str) -> bool:
    """Tell whether a file holds weights."""
    return path.endswith((".safetensors", ".bin"))


def unfit(config: dict[str, object]) -> str:
    """Say why nothing here runs a model with that config.json; an empty string if something does.

    What runs is an audio model of a family that is known, or a cross-encoder that reranks.
    """
    kind = config.get("model_type")
    if kind in FAMILIES or not why_no_cross_encoder(config):
        return ""
    what = f"a model of type {kind!r}" if kind else "no model for transformers"
    return f"it is {what}; this engine runs {', '.join(sorted(FAMILIES))}"


def _is_read(path: str) -> bool:
    # transformers looks at the top level only, but for further chat templates.
    parents = PurePosixPath(path).parts[:-1]
    hidden = path.startswith(".")
    return not hidden and (not parents or parents == ("additional_chat_templates",))


def _fits(path: str, patterns: Sequence[str]) -> bool:
    return any(fnmatch(path.lower(), pattern) for pattern in patterns)
