"""What an agent may have meant by a path where there is nothing: names in the allowed folders."""

import os
from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches
from itertools import islice
from pathlib import Path

_LOOKED_AT = 2_000
_SHOWN = 8
_AUDIO = frozenset(
    {
        *(".wav", ".w64", ".mp3", ".flac", ".ogg", ".oga", ".opus", ".m4a", ".aac", ".mp4"),
        *(".mkv", ".webm", ".amr", ".aif", ".aiff", ".caf"),
    }
)


def meant_by(named: str, roots: Sequence[Path]) -> str:
    """Return, as what to do next, which recordings a name may have meant that leads to nothing."""
    folders = list(_folders(named, roots))
    by_name = {path.name.lower(): path for path in _recordings(folders[::-1])}
    near = get_close_matches(Path(named).name.lower(), by_name, n=3, cutoff=0.6)
    if not near:
        return recordings_in(folders, roots)
    return f"did you mean {' or '.join(repr(_short(by_name[name], roots)) for name in near)}?"


def recordings_in(folders: Iterable[Path], roots: Sequence[Path]) -> str:
    """Return, as what to do next, which recordings there are in some folders of the roots."""
    found = list(islice(_recordings(folders), _LOOKED_AT))
    shown = ", ".join(repr(_short(path, roots)) for path in found[:_SHOWN])
    more = f", and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return f"name a recording; there are {shown or 'none here'}{more}"


def _folders(named: str, roots: Sequence[Path]) -> Iterator[Path]:
    """Yield the folder of the name itself, where it lies in a root, then the roots."""
    for root in roots:
        parent = Path(os.path.normpath(root / named)).parent
        if parent != root and parent.is_relative_to(root) and parent.resolve() == parent:
            yield parent
    yield from roots


def _recordings(folders: Iterable[Path]) -> Iterator[Path]:
    for folder in folders:
        try:
            entries = sorted(islice(os.scandir(folder), _LOOKED_AT), key=lambda each: each.name)
        except OSError:
            continue
        for entry in entries:
            if Path(entry.name).suffix.lower() in _AUDIO:
                yield Path(entry.path)


def _short(path: Path, roots: Sequence[Path]) -> str:
    """Return a path as it may be named: relative to its root."""
    root = next(root for root in roots if path.is_relative_to(root))
    return str(path.relative_to(root))
