"""The free memory of NVIDIA GPUs by their own library: milliseconds, where torch takes seconds."""

import ctypes
import os
import re
from importlib.util import find_spec
from pathlib import Path

_LIBRARY = "libnvidia-ml.so.1" if os.name == "posix" else "nvml.dll"


class _Memory(ctypes.Structure):
    # nvmlMemory_t, https://docs.nvidia.com/deploy/nvml-api
    _fields_ = (
        ("total", ctypes.c_ulonglong),
        ("free", ctypes.c_ulonglong),
        ("used", ctypes.c_ulonglong),
    )


def free(number: int = 0) -> int | None:
    """Return the free bytes of the GPU that torch calls cuda:number; None if it has no such."""
    if not torch_knows_cuda():
        return None
    name = visible(number, os.environ.get("CUDA_VISIBLE_DEVICES"))
    return None if name is None else _ask(name)


def torch_knows_cuda() -> bool:
    """Tell whether the torch that is installed was built for CUDA, without importing it."""
    spec = find_spec("torch")
    if spec is None or spec.origin is None:
        return False
    try:
        version = Path(spec.origin).with_name("version.py").read_text(encoding="utf-8")
    except OSError:
        return False
    return bool(re.search(r"^cuda\b[^=\n]*=\s*['\"]", version, re.MULTILINE))


def visible(number: int, listed: str | None) -> str | None:
    """Return the index or UUID of the number-th GPU that CUDA_VISIBLE_DEVICES lets be seen."""
    if listed is None:
        return str(number)
    # CUDA takes the names up to the first that can't be one: -1 hides all that follow.
    names = listed.replace(" ", "").split(",")
    if number >= len(names) or any(not re.match(r"\d|GPU-|MIG-", n) for n in names[: number + 1]):
        return None
    return names[number]


def _ask(name: str) -> int | None:
    try:
        library = ctypes.CDLL(_LIBRARY)
        if library.nvmlInit_v2():
            return None
    except (OSError, AttributeError):
        return None
    try:
        handle, memory = ctypes.c_void_p(), _Memory()
        if name.isdecimal():
            failed = library.nvmlDeviceGetHandleByIndex_v2(
                ctypes.c_uint(int(name)), ctypes.byref(handle)
            )
        else:
            failed = library.nvmlDeviceGetHandleByUUID(name.encode(), ctypes.byref(handle))
        if failed or library.nvmlDeviceGetMemoryInfo(handle, ctypes.byref(memory)):
            return None
        return int(memory.free)
    finally:
        library.nvmlShutdown()
