"""On what and when a measurement was made, so that its table can say so."""

import datetime
import importlib.metadata
import os
import platform
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

_PACKAGES = ("qwen-audio-tools", "faster-whisper", "ctranslate2", "onnxruntime", "numpy", "av")


def about(**more: Any) -> dict[str, Any]:
    """Return date, machine and versions, and whatever else is told."""
    return {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "cores": len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count(),
        "cpu": _cpu_model(),
        "memory_gb": _memory_gb(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "versions": versions(_PACKAGES),
        "load": round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None,
        **more,
    }


def versions(packages: Iterable[str]) -> dict[str, str]:
    """Return the installed version of each package."""
    return {name: _version(name) for name in packages}


def _cpu_model() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in text.splitlines() if "model name" in line]
    return names[0] if names else platform.machine()


def _memory_gb() -> int | None:
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9)
    except (ValueError, OSError, AttributeError):
        return None


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"
