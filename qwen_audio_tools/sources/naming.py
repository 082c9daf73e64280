"""Which files are meant by a name: a file, a folder of recordings, or a glob."""

import glob
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from qwen_audio_tools.errors import ClipMissing

SUFFIXES = frozenset(
    {
        *(".wav", ".wave", ".w64", ".mp3", ".flac", ".ogg", ".oga", ".opus", ".m4a", ".m4b"),
        *(".aac", ".mp4", ".m4v", ".mov", ".mkv", ".mka", ".webm", ".weba", ".aif", ".aiff"),
        *(".aifc", ".amr", ".3gp", ".au", ".caf", ".wma"),
    }
)
"""The endings by which a folder's recordings are known; what a file is, its bytes tell."""


def expand(words: Iterable[str]) -> list[str]:
    """Return every source that the words name, in order, each once.

    A folder gives the audio files in it, sorted, hidden ones and links to folders left out.

    Raises:
        ClipMissing: a folder or glob holds no audio.
    """
    found: dict[str, None] = {}
    for word in words:
        named = str(Path(word).expanduser()) if word.startswith("~") else word
        if named and Path(named).is_dir():  # Path("") would be this folder
            inside = list(_audio_in(named))
            if not inside:
                raise ClipMissing(
                    f"there is no audio in the folder {word!r}",
                    hint="name a file, or a folder with files such as .wav, .mp3 or .flac",
                )
            found.update(dict.fromkeys(inside))
        else:
            found.update(dict.fromkeys(matches(named) or [named]))
    return list(found)


def matches(word: str) -> list[str]:
    """Return the files that a glob names; nothing where the word is a file or no glob."""
    if os.path.lexists(word) or not any(char in word for char in "*?["):
        return []
    return sorted(glob.glob(word, recursive=True))  # noqa: PTH207 (Path.glob takes no absolute one)


def _audio_in(folder: str) -> Iterator[str]:
    for parent, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if Path(name).suffix.lower() in SUFFIXES and not name.startswith("."):
                yield str(Path(parent, name))
