"""Is a Qwen2-Audio here that would run? What `auto` goes by, told without torch.

Most have none: until a folder of one is seen, nothing more is imported than this.
"""

import platform
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from qwen_audio_tools.engines.transformers.loading.hub_folders import homes
from qwen_audio_tools.errors import QwenAudioError
from qwen_audio_tools.settings import Settings

if TYPE_CHECKING:
    from qwen_audio_tools.engines.transformers.loading.placement import Placement

MODEL = "Qwen/Qwen2-Audio-7B-Instruct"
"""What is looked for. The base model answers no questions, it does the tasks of its training."""

_GPU_DTYPES = {"cuda": "bfloat16", "mps": "float16"}
_UNIFIED = 0.7  # of a Mac's memory, what its GPU may take


def local_model(settings: Settings) -> tuple[str, str]:
    """Return the model to answer with, or "", and why, with the way to a better one."""
    if not any(path.is_dir() for path in homes(settings.hub, MODEL)):
        return "", f"for Qwen2-Audio itself: qwa models pull {MODEL}"
    fits, why = _fits(settings)
    return (MODEL if fits else ""), why


def _fits(settings: Settings) -> tuple[bool, str]:
    from qwen_audio_tools.engines.transformers.loading import memory
    from qwen_audio_tools.engines.transformers.loading.checkpoint import find

    try:
        checkpoint = find(MODEL, settings)
    except QwenAudioError as error:
        return False, str(error)
    if checkpoint.folder is None:
        return False, f"{MODEL} is here in part; the rest: qwa models pull {MODEL}"
    placed, free = foreseen(settings, checkpoint.config)
    if free is None:
        return False, f"{MODEL} is here, but no {placed.device} whose free memory can be told"
    needed = memory.need(checkpoint.config, placed, files=checkpoint.files)
    sizes = f"needs about {memory.gigabytes(needed.total)}, and {memory.gigabytes(free)} are free"
    if needed.total <= free:
        return True, f"{MODEL} is here; it {sizes} on {placed.device}"
    way = memory.ways_out(checkpoint.config, placed, checkpoint.files).partition(", or ")[0]
    return False, f"{MODEL} is here, but {sizes} on {placed.device}; {way}"


def foreseen(settings: Settings, config: Mapping[str, Any]) -> "tuple[Placement, int | None]":
    """Return where a model would be placed, as far as it shows without torch, and what is free."""
    from qwen_audio_tools.engines.transformers.loading.placement import Placement, cpu_dtype

    device, free = _device(settings.device)
    dtype = settings.dtype
    if dtype == "auto":
        kind = device.partition(":")[0]
        dtype = _GPU_DTYPES[kind] if kind in _GPU_DTYPES else cpu_dtype(config)
    placed = Placement(device=device, dtype=dtype, attention="sdpa", quantize=settings.quantize)
    return placed, free


def _device(wanted: str) -> tuple[str, int | None]:
    from qwen_audio_tools.engines.transformers.loading import free_memory, gpu_memory

    kind, _, number = wanted.partition(":")
    if kind in ("auto", "cuda"):
        index = int(number) if number.isdecimal() else 0
        free = gpu_memory.free(index)
        if free is not None or kind == "cuda":
            return f"cuda:{index}", free
    machine = free_memory.of_machine()
    apple = platform.system() == "Darwin" and platform.machine() == "arm64"
    if kind == "mps" or (kind == "auto" and apple):
        return "mps", None if machine is None else int(machine * _UNIFIED)
    return "cpu", machine
