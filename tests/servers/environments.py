"""Python environments for servers that can't share ours, built once and kept in the user's cache.

`python tests/servers/environments.py` builds them ahead of the tests and says where they are.
An environment NAME is two files here: `NAME.txt` is installed first, with all that it asks for,
then `NAME-alone.txt` without anything that it asks for, each file checked by its hash.
"""

import contextlib
import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import sysconfig
import time
import venv
from collections.abc import Iterator
from pathlib import Path

from qwen_audio_tools.folders import cache_folder

HERE = Path(__file__).parent
NAMES = ("vllm",)
_MADE = "made"
_KEPT_SECONDS = 30 * 86_400.0
_RECIPE = "1"
"""Changed when `_build` changes, so that older environments are not taken for what it makes."""


class EnvironmentFailedError(RuntimeError):
    """An environment could not be built. The message has what the package client said."""


def root() -> Path:
    """Return the folder of all environments (`QWA_TEST_SERVERS`)."""
    own = os.environ.get("QWA_TEST_SERVERS")
    return Path(own).expanduser() if own else cache_folder() / "test-servers"


def folder_of(name: str, pins: Path = HERE) -> Path:
    """Return where the environment is, or will be: its name holds a digest of all that it is."""
    digest = hashlib.sha256(_RECIPE.encode())
    for path in _requirements(name, pins):
        digest.update(path.read_bytes())
    for part in (platform.python_version(), platform.machine(), sysconfig.get_platform()):
        digest.update(part.encode() + b"\0")
    return root() / f"{name}-{digest.hexdigest()[:16]}"


def why_not(name: str) -> str:
    """Return why an environment can't be had on this machine, or an empty string."""
    here = (sys.platform, platform.machine())
    if name == "vllm" and here != ("linux", "x86_64"):
        return f"vLLM for a CPU comes for Linux on x86-64 alone, not for {' on '.join(here)}"
    return ""


def is_built(name: str, pins: Path = HERE) -> bool:
    """Return whether the environment is there, whole."""
    return (folder_of(name, pins) / _MADE).exists()


def python_of(name: str, pins: Path = HERE) -> Path:
    """Return the interpreter of an environment, which is built first where it is missing.

    Raises:
        EnvironmentFailedError: the package client failed.
    """
    folder = folder_of(name, pins)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with _locked(folder.with_suffix(".lock")):
        if not (folder / _MADE).exists():
            shutil.rmtree(folder, ignore_errors=True)  # what an interrupted build left
            _build(folder, *_requirements(name, pins))
            _forget(name)
        (folder / _MADE).touch()  # last: it says that all is there, and when it was last used
    return _python(folder)


def _forget(name: str) -> None:
    """Remove environments of older pins that nobody has used for long."""
    for mark in root().glob(f"{name}-*/{_MADE}"):
        if time.time() - mark.stat().st_mtime > _KEPT_SECONDS:
            shutil.rmtree(mark.parent, ignore_errors=True)


def _requirements(name: str, pins: Path) -> tuple[Path, Path]:
    return pins / f"{name}.txt", pins / f"{name}-alone.txt"


def _python(folder: Path) -> Path:
    return folder / "bin" / "python"


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Let one process build at a time; a dead one lets go by itself."""
    with path.open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _build(folder: Path, first: Path, alone: Path) -> None:
    venv.EnvBuilder(with_pip=True, symlinks=True).create(folder)
    _install(folder, "--requirement", str(first))
    _install(folder, "--no-deps", "--require-hashes", "--requirement", str(alone))


def _install(folder: Path, *arguments: str) -> None:
    command = [str(_python(folder)), "-m", "pip", "install", "--quiet", "--no-input"]
    command += ["--disable-pip-version-check", "--only-binary", ":all:", *arguments]
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**os.environ, "PIP_REQUIRE_VIRTUALENV": "0"},
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode:
        raise EnvironmentFailedError(f"{' '.join(command)} failed:\n{done.stdout[-4000:]}")


if __name__ == "__main__":
    for each in NAMES:
        if reason := why_not(each):
            sys.stderr.write(f"{reason}: tests with it are left out\n")
            continue
        if not is_built(each):
            sys.stderr.write(f"building {folder_of(each)}: some minutes, once\n")
        sys.stdout.write(f"{python_of(each)}\n")
