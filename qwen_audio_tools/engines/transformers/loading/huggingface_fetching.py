"""Fetches a model of the Hugging Face hub into that library's cache; runs in a process of its own.

The library starts a file anew when a fetch was interrupted (since its version 2), and a shard has
gigabytes. So weights are fetched here, each continued where it ended and held against its SHA-256;
all else, and the layout of the cache, is the library's.
"""

import hashlib
import os
import re
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qwen_audio_tools.engines.transformers.loading.hub_events import Events, Failure, check_room
from qwen_audio_tools.engines.transformers.loading.hub_files import HubFile, unfit, wanted
from qwen_audio_tools.engines.transformers.loading.hub_folders import config_of, huggingface_home

AT_ONCE = 4
TRIES = 5
"""How often a broken connection is taken up again before anything new has come."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Repository:
    """A model at one revision. `commit` is what the revision stands for now."""

    model: str
    revision: str
    commit: str
    files: tuple[HubFile, ...]

    def blob(self, file: HubFile) -> Path:
        """Return where the library's cache keeps the content of a file."""
        return huggingface_home(self.model) / "blobs" / (file.sha256 or file.git_id)


def main() -> None:
    """Fetch the model of argv[1] at the revision of argv[2] (may be empty)."""
    model, revision = sys.argv[1], sys.argv[2] or "main"
    Events().finish(lambda events: _fetch(model, revision, events))


def _fetch(model: str, revision: str, events: Events) -> str:
    with _failures(model):
        repository = _look_up(model, revision)
        files = repository.files
        total, here = sum(file.size for file in files), _bytes_here(repository, files)
        check_room(huggingface_home(model), total - here)
        events.expect(total, here)
        small = [file for file in files if not file.sha256]
        missing = sum(file.size for file in small) - _bytes_here(repository, small)
        folder = _snapshot(repository, small)
        if why := unfit(config_of(Path(folder))):
            raise Failure("unfit", why)
        events.add(missing)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            large = [file for file in files if file.sha256]
            for done in [pool.submit(_fetch_file, repository, file, events) for file in large]:
                done.result()
        return _snapshot(repository, files)


def _look_up(model: str, revision: str) -> Repository:
    from huggingface_hub import HfApi

    info = HfApi().model_info(model, revision=revision, files_metadata=True)
    files = [
        HubFile(
            path=file.rfilename,
            size=file.size or 0,
            sha256=_digest(file.lfs.sha256) if file.lfs else "",
            git_id=file.blob_id or "",
        )
        for file in info.siblings or ()
    ]
    return Repository(model=model, revision=revision, commit=info.sha, files=wanted(files))


def _digest(told: str) -> str:
    if not re.fullmatch(r"[0-9a-f]{64}", told):  # it becomes the name of a file
        raise Failure("other", f"the hub tells {told!r} for a SHA-256")
    return told


def _snapshot(repository: Repository, files: Sequence[HubFile]) -> str:
    from huggingface_hub import snapshot_download

    folder: str = snapshot_download(
        repository.model,
        revision=repository.revision,
        allow_patterns=[file.path.replace("[", "[[]") for file in files],
        cache_dir=huggingface_home(repository.model).parent,
    )
    return folder


def _bytes_here(repository: Repository, files: Sequence[HubFile]) -> int:
    return sum(_here(repository.blob(file)) for file in files)


def _here(blob: Path) -> int:
    for path in (blob, _partial(blob)):
        if path.exists():
            return path.stat().st_size
    return 0


def _partial(blob: Path) -> Path:
    return blob.with_name(f"{blob.name}.incomplete")


def _fetch_file(repository: Repository, file: HubFile, events: Events) -> None:
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.utils import WeakFileLock

    blob = repository.blob(file)
    home = huggingface_home(repository.model)
    cached = try_to_load_from_cache(
        repository.model, file.path, revision=repository.commit, cache_dir=home.parent
    )
    if isinstance(cached, str):  # where links can't be made, no blob stays
        if not blob.exists():
            events.add(file.size)
        return
    locks = home.parent / ".locks" / home.name
    locks.mkdir(parents=True, exist_ok=True)
    blob.parent.mkdir(parents=True, exist_ok=True)
    with WeakFileLock(locks / f"{blob.name}.lock"):
        if not blob.exists():
            _continue(repository, file, events)


def _continue(repository: Repository, file: HubFile, events: Events) -> None:
    """Fetch the rest of a file until it is whole, then prove it and let it appear."""
    blob = repository.blob(file)
    partial = _partial(blob)
    tries = 0
    while (before := _here(blob)) < file.size:
        try:
            _receive(repository, file, events)
        except Exception as error:
            tries = 1 if _here(blob) > before else tries + 1
            if not (_is_broken_connection(error) or _is_busy(error)) or tries > TRIES:
                raise
            time.sleep(min(0.25 * 2**tries, 10.0))
    partial.touch()  # a file of no bytes
    with partial.open("rb") as stream:
        found = hashlib.file_digest(stream, "sha256").hexdigest()
    if found != file.sha256:
        partial.unlink()
        raise Failure("damaged", f"{file.path!r} came with the SHA-256 {found}")
    partial.replace(blob)


def _receive(repository: Repository, file: HubFile, events: Events) -> None:
    """Append what the server sends to the partial file; a server may start at the beginning."""
    from huggingface_hub import hf_hub_url
    from huggingface_hub.utils import build_hf_headers, get_session, hf_raise_for_status

    partial = _partial(repository.blob(file))
    start = partial.stat().st_size if partial.exists() else 0
    url = hf_hub_url(repository.model, file.path, revision=repository.commit)
    headers = {**build_hf_headers(), "Accept-Encoding": "identity", "Range": f"bytes={start}-"}
    with get_session().stream(
        "GET", url, headers=headers, follow_redirects=True, timeout=30.0
    ) as response:
        if response.status_code >= 400:
            response.read()
            hf_raise_for_status(response)
        goes_on = response.status_code == 206
        if not goes_on:
            events.add(-start)
        with partial.open("ab" if goes_on else "wb", buffering=0) as stream:
            for chunk in response.iter_bytes():
                stream.write(chunk)
                events.add(len(chunk))


def _is_broken_connection(error: Exception) -> bool:
    # The library changed its HTTP client between versions; the name of the base class stayed.
    return any(kind.__name__ == "TransportError" for kind in type(error).__mro__)


def _is_busy(error: Exception) -> bool:
    response = getattr(error, "response", None)
    return getattr(response, "status_code", 0) in (408, 429, 500, 502, 503, 504)


@contextmanager
def _failures(model: str) -> Iterator[None]:
    from huggingface_hub import errors

    kinds: tuple[tuple[Any, str], ...] = (  # the first that fits counts
        (errors.GatedRepoError, "gated"),
        (errors.RevisionNotFoundError, "revision"),
        (errors.RepositoryNotFoundError, "unknown"),
        (errors.HFValidationError, "unknown"),
        (errors.OfflineModeIsEnabled, "offline"),
        (errors.LocalEntryNotFoundError, "network"),
        (errors.HfHubHTTPError, "refused"),
    )
    try:
        yield
    except Failure:
        raise
    except Exception as error:
        said = str(error).strip().splitlines()
        kind = next((kind for fits, kind in kinds if isinstance(error, fits)), "other")
        if _is_broken_connection(error):
            kind = "network"
        elif kind == "other" and isinstance(error, OSError):
            kind = "disk"
        raise Failure(kind, said[0] if said else type(error).__name__) from error


if __name__ == "__main__":
    main()
    sys.stdout.flush()
    os._exit(0)  # threads of the library may still wait for connections
