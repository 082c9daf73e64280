"""Weights by name, wherever they come from: small models, and models of the hubs (owner/name)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qwa.progress import Bar

EXAMPLE = "Qwen/Qwen2-Audio-7B-Instruct"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A model as `qwa models list` shows it; `value` is what --json gives."""

    name: str
    state: str
    disk_bytes: int
    licence: str
    about: str
    value: dict[str, Any]

    @property
    def size(self) -> str:
        """Its size on disk for a person."""
        large = self.disk_bytes >= 1e9
        return f"{self.disk_bytes / 1e9:.1f} GB" if large else f"{self.disk_bytes / 1e6:.0f} MB"

    @property
    def is_from_a_hub(self) -> bool:
        """Whether it came from a hub."""
        return is_on_a_hub(self.name)


def is_on_a_hub(name: str) -> bool:
    """Whether a name is meant for a hub: only those have a slash."""
    return "/" in name


def rows() -> Iterator[Row]:
    """Yield every small model, here or not, and the hubs' models that are here."""
    from qwen_audio_tools.engines.embedded import weights
    from qwen_audio_tools.engines.transformers.loading import hubs

    for entry in weights.table():
        here = weights.is_here(entry.name)
        yield Row(
            name=entry.name,
            state="here" if here else "not here",
            disk_bytes=entry.disk_bytes,
            licence=entry.licence,
            about=entry.purpose,
            value={
                "name": entry.name,
                "here": here,
                "download_bytes": entry.download_bytes,
                "disk_bytes": entry.disk_bytes,
                "licence": entry.licence,
                "upstream": entry.upstream,
                "purpose": entry.purpose,
                "packages": [f"{package.name}=={package.version}" for package in entry.packages],
            },
        )
    for hub in hubs.HUBS:
        for model in hubs.listed(hub):
            yield Row(
                name=model.id,
                state="here" if model.whole else "in part",
                disk_bytes=model.disk_bytes,
                licence="",
                about=f"{model.family}, from {hub}",
                value={
                    "name": model.id,
                    "here": model.whole,
                    "disk_bytes": model.disk_bytes,
                    "hub": hub,
                    "family": model.family,
                    "folder": str(model.folder),
                },
            )


def pull(names: Sequence[str], hub: str | None, revision: str | None, bar: Bar) -> Iterator[Path]:
    """Fetch the named models, or all small ones without a name; yield each folder when it is here.

    Raises:
        SettingsError: a name is wrong; then nothing is fetched.
        EngineError: a model could not be fetched.
    """
    from qwen_audio_tools import settings
    from qwen_audio_tools.engines.embedded import weights
    from qwen_audio_tools.engines.transformers.loading import hubs

    from_hub = settings.read(hub=hub).hub
    small = [name for name in names if not is_on_a_hub(name)]
    large = [name for name in names if is_on_a_hub(name)]
    for name in large:
        hubs.check(from_hub, name)
    if not names or small:
        yield from weights.pull(small or None, bar)
    for name in large:
        yield hubs.pull(from_hub, name, bar, revision=revision)


def folder_of(name: str, hub: str | None, revision: str | None) -> Path | None:
    """Return the folder of a model that is here; without a hub, on whichever it is."""
    from qwen_audio_tools.engines.embedded import weights
    from qwen_audio_tools.engines.transformers.loading import hubs

    if not is_on_a_hub(name):
        return weights.folder(name) if weights.is_here(name) else None
    folders = (hubs.folder_of(each, name, revision) for each in _hubs(hub))
    return next((folder for folder in folders if folder), None)


def remove(name: str, hub: str | None) -> bool:
    """Delete a model, and tell whether there was any of it; without a hub, from all of them."""
    from qwen_audio_tools.engines.embedded import weights
    from qwen_audio_tools.engines.transformers.loading import hubs

    if not is_on_a_hub(name):
        return weights.remove(name)
    removed = [hubs.remove(each, name) for each in _hubs(hub)]  # each one is asked
    return any(removed)


def _hubs(named: str | None) -> tuple[str, ...]:
    """Return the hub that is named, or all of them, that of the settings first."""
    from qwen_audio_tools import settings
    from qwen_audio_tools.engines.transformers.loading import hubs

    first = settings.read(hub=named).hub
    return (first,) if named else (first, *(hub for hub in hubs.HUBS if hub != first))
