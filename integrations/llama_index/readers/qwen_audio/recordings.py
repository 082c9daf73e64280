"""Where a recording is: on this machine or in an fsspec filesystem, by one lasting name."""

import hashlib
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

from qwen_audio_tools.clip import Clip
from qwen_audio_tools.errors import ClipMissing, ClipRefused, ClipUnreadable
from qwen_audio_tools.sources import SourcePolicy


@dataclass(frozen=True, slots=True)
class Recording:
    """A recording as a whole: its clip, its lasting name, and the SHA-256 of its file."""

    clip: Clip
    uri: str
    sha256: str

    @property
    def id(self) -> str:
        """Its id as a Document: that of its place, so that a changed file replaces its own."""
        return f"audio-{hashlib.sha256(self.uri.encode()).hexdigest()[:16]}"


def recording_at(file: str | PurePath, fs: Any, policy: SourcePolicy) -> Recording:
    """Return the recording in a file; it is read once for its hash, and not decoded.

    `fs` is an fsspec filesystem, None for this machine's own files and for https URLs.

    Raises:
        ClipError: there is nothing, or nothing that can be heard.
    """
    uri = _uri(file, fs)
    clip = clip_at(uri, fs, policy)
    clip.info  # noqa: B018 (raises for what is no audio, before anything is made of it)
    digest = hashlib.sha256()
    for chunk in clip.file_bytes():
        digest.update(chunk)
    return Recording(clip, uri, digest.hexdigest())


def clip_at(uri: str, fs: Any, policy: SourcePolicy) -> Clip:
    """Return the clip of a lasting name.

    Raises:
        ClipMissing: the filesystem has no such file.
        ClipRefused: the name is that of another filesystem.
        ClipUnreadable: the filesystem fails.
    """
    if fs is None:
        return Clip(uri, policy=policy)
    if not uri.startswith(_prefixes(fs)):
        raise ClipRefused(
            f"{uri!r} is no file of {type(fs).__name__}",
            hint="give the filesystem that it is in as fs=",
        )
    try:
        opened = fs.open(fs._strip_protocol(uri), "rb")
    except FileNotFoundError as error:
        raise ClipMissing(f"{uri!r} does not exist") from error
    except Exception as error:  # each filesystem has errors of its own
        raise ClipUnreadable(f"{uri!r} cannot be opened: {error}") from error
    return Clip(opened, policy=policy, title=uri.rpartition("/")[2])


def _uri(file: str | PurePath, fs: Any) -> str:
    if fs is not None:
        name = file.as_posix() if isinstance(file, PurePath) else file
        return str(fs.unstrip_protocol(fs._strip_protocol(name)))
    name = str(file)
    if name.lower().startswith(("https://", "http://")):
        return name
    return str(Path(name).expanduser().absolute())


def _prefixes(fs: Any) -> tuple[str, ...]:
    protocols = (fs.protocol,) if isinstance(fs.protocol, str) else tuple(fs.protocol)
    return tuple(f"{protocol}://" for protocol in protocols)
