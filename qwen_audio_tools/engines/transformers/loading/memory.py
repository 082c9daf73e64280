"""What a model needs and what is free, compared before anything loads: an error, never a kill."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qwen_audio_tools.engines.transformers.loading import free_memory, parameters
from qwen_audio_tools.engines.transformers.loading.checkpoint import Checkpoint
from qwen_audio_tools.engines.transformers.loading.placement import Placement
from qwen_audio_tools.errors import EngineOutOfMemory

TOKENS = 2048
"""Tokens of context that there must be room for: a clip of 30 s is 750, an answer some hundred."""

_BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}
# A weight of 4 bits and its share of the scales, themselves quantised (QLoRA, 2305.14314 §3).
_FEW_BITS = {"none": None, "8bit": 1.0, "4bit": 0.5 + 0.127 / 8}
# What torch says on CUDA, MPS and the CPU, and the system of a file that it can't map.
_SAID = (
    *("out of memory", "can't allocate memory", "not enough memory", "Cannot allocate memory"),
    *("CUBLAS_STATUS_ALLOC_FAILED", "bad_alloc"),
)
_GPU_LIBRARIES = 400_000_000  # cuBLAS workspaces and loaded kernels


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """Bytes: the weights, the KV cache of `tokens` tokens, and what a step holds for a moment."""

    weights: int
    cache: int
    activations: int
    tokens: int

    @property
    def total(self) -> int:
        """All of it."""
        return self.weights + self.cache + self.activations


def need(
    config: Mapping[str, Any],
    placement: Placement,
    tokens: int = TOKENS,
    files: Sequence[Path] = (),
) -> Need:
    """Estimate what a model with that config.json needs where it is placed.

    Qwen2-Audio is counted from its config alone; other families by the headers of their `files`.
    """
    shape = parameters.text_shape(config)
    tokens = min(tokens, shape.context)
    size = _BYTES[placement.dtype]
    # The widest layer of a prefill: 22.7 thousand numbers a token were measured where this is 24.7.
    moment = tokens * (8 * shape.width + 6 * shape.inner) * size
    libraries = _GPU_LIBRARIES if placement.kind == "cuda" else 0
    return Need(
        weights=_weights(config, placement, files),
        cache=shape.kv_numbers * tokens * size,
        activations=max(moment, _encoder_moment(config) * size) + libraries,
        tokens=tokens,
    )


def check(checkpoint: Checkpoint, placement: Placement, tokens: int = TOKENS) -> Need:
    """Return what the checkpoint needs, if that is free.

    Raises:
        EngineOutOfMemory: it is not; the message has both numbers, the hint the ways out.
    """
    needed = need(checkpoint.config, placement, tokens, checkpoint.files)
    free = free_memory.of_device(placement.device)
    if free is None or needed.total <= free:
        return needed
    format_ = placement.dtype if placement.quantize == "none" else placement.quantize
    raise EngineOutOfMemory(
        f"{checkpoint.name!r} needs about {gigabytes(needed.total)} of memory on"
        f" {placement.device} ({gigabytes(needed.weights)} for its weights in {format_},"
        f" {gigabytes(needed.cache)} for {needed.tokens} tokens of context), but only"
        f" {gigabytes(free)} are free",
        hint=ways_out(checkpoint.config, placement, checkpoint.files),
    )


def ways_out(config: Mapping[str, Any], placement: Placement, files: Sequence[Path] = ()) -> str:
    """Return what may help where a model doesn't fit: fewer bits, another device or engine."""
    smaller = _smaller(placement)
    ways = []
    if smaller is not None:
        option, other = smaller
        ways.append(f"{option} (needs {gigabytes(need(config, other, files=files).total)})")
    else:
        ways.append("a smaller model")
    ways.append("another device, such as --device cpu" if placement.kind != "cpu" else "a GPU")
    ways.append("--engine embedded")
    return ", or ".join(ways)


def ran_out(error: BaseException) -> bool:
    """Tell whether an error of torch or of a file's reader means that memory ran out."""
    return isinstance(error, MemoryError) or any(words in str(error) for words in _SAID)


def gigabytes(count: int) -> str:
    """Return bytes in GB for a person."""
    return f"{count / 1e9:.1f} GB"


def _smaller(placement: Placement) -> tuple[str, Placement] | None:
    """Return the option that saves most without leaving the device, and the placement with it."""

    def placed(dtype: str, quantize: str) -> Placement:
        return Placement(
            device=placement.device,
            dtype=dtype,
            attention=placement.attention,
            quantize=quantize,
        )

    half = "bfloat16" if placement.dtype == "float32" else placement.dtype
    if placement.kind == "cuda" and placement.quantize != "4bit":
        return "--quantize 4bit", placed(half, "4bit")
    if placement.kind == "cpu" and placement.quantize == "none":
        return "--quantize 8bit", placed(half, "8bit")
    if placement.dtype == "float32":
        return "--dtype bfloat16", placed("bfloat16", placement.quantize)
    return None


def _weights(config: Mapping[str, Any], placement: Placement, files: Sequence[Path]) -> int:
    if config.get("quantization_config") or any(path.suffix != ".safetensors" for path in files):
        return sum(path.stat().st_size for path in files)  # as they lie there
    if config.get("model_type") == "qwen2_audio" or not files:
        count = parameters.counted(config)
    else:
        count = parameters.stored(files)
    size = _BYTES[placement.dtype]
    few = _FEW_BITS[placement.quantize]
    if few is None:
        return count.total * size
    head = 1 if placement.kind == "cpu" else size  # bitsandbytes leaves the head as it is
    return round(count.linear * few + count.head * head + count.rest * size)


def _encoder_moment(config: Mapping[str, Any]) -> int:
    """Return how many numbers the encoder holds at once for 30 s: 3000 frames, 1500 after conv2."""
    audio = config.get("audio_config", {})
    width = int(audio.get("d_model", 1280))
    inner = int(audio.get("encoder_ffn_dim", 4 * width))
    return 3000 * (width + 128) + 1500 * (10 * width + 3 * inner)  # measured: 0.9 of it
