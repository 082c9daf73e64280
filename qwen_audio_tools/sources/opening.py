"""Open what was named, once, as a seekable binary file; everything after works on that one file."""

import io
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from qwen_audio_tools.errors import ClipError, ClipMissing, ClipRefused, ClipUnreadable
from qwen_audio_tools.sources.policy import SourcePolicy, person, roots_told
from qwen_audio_tools.sources.spooling import chunks_of, spool

_PROTOCOL = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]+:")
Source = str | bytes | os.PathLike[str] | BinaryIO


@dataclass(frozen=True, slots=True)
class Opened:
    """A seekable binary `file` and its name for messages; closing leaves a caller's file open."""

    file: BinaryIO
    name: str
    owned: bool = True

    def close(self) -> None:
        """Close the file if it was opened here."""
        if self.owned:
            self.file.close()

    def __enter__(self) -> "Opened":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def open_source(source: Source, policy: SourcePolicy | None = None) -> Opened:
    """Open a path, https URL, bytes, binary file object, or "-" for stdin.

    Raises:
        ClipMissing: there is no such file.
        ClipRefused: the policy forbids it, or it is a protocol string.
        ClipUnreadable: no permission, a folder, a device, a loop of symlinks.
        ClipTooLong: more bytes than the policy's limits allow.
    """
    policy = policy or person()
    if isinstance(source, bytes | bytearray | memoryview):
        policy.limits.check_size(len(source), f"{len(source)} bytes")
        return Opened(io.BytesIO(source), "audio bytes")
    if isinstance(source, str | os.PathLike):
        return _open_name(os.fspath(source), policy, isinstance(source, str))
    if callable(getattr(source, "read", None)):
        return _open_object(source, policy)
    raise ClipError(
        f"{type(source).__name__!r} is no audio source; "
        "a path, URL, bytes, binary file, (samples, rate) or AudioSegment is"
    )


def source_name(source: object) -> str:
    """Return what to call a source in a message: a path, a URL without its query, or its kind."""
    if isinstance(source, str | os.PathLike):
        name = os.fspath(source)
        return "stdin" if name == "-" else str(name).partition("?")[0]
    name = getattr(source, "name", None)
    return name if isinstance(name, str) else "audio"


def _open_name(name: str, policy: SourcePolicy, may_be_url: bool) -> Opened:
    if may_be_url and name == "-":
        return _open_stdin(policy)
    if may_be_url and re.match(r"(?i)https?://", name):
        from qwen_audio_tools.sources.urls import fetch

        return Opened(fetch(name, policy), source_name(name))
    match = _PROTOCOL.match(name) if may_be_url and not _is_drive(name) else None
    # Never left to a decoder: to libavformat, concat:a|b and subfile:… are ways to open files.
    if match and not os.path.lexists(name):
        raise ClipRefused(
            f"{name!r}: {match.group()!r} is not opened; paths and https:// URLs are",
            hint="give the path alone",
        )
    return Opened(_open_path(name, policy), name)


def _is_drive(name: str) -> bool:
    return os.name == "nt" and name[1:2] == ":"


def _open_path(name: str, policy: SourcePolicy) -> BinaryIO:
    if "\0" in name:
        raise ClipRefused(f"{name!r} holds a NUL byte")
    path = Path(name).expanduser()
    try:
        # Before asking whether it exists: that too is none of an agent's business.
        _check_roots(path.resolve(), name, policy)
        real = path.resolve(strict=True)
        _check_roots(real, name, policy)
        # O_NONBLOCK: opening a FIFO must not wait for a writer. What it is, fstat tells.
        flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        flags |= getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
        number = os.open(real, flags)
    except (OSError, RuntimeError) as error:
        raise _explained(name, error) from error
    try:
        found = os.fstat(number)
        _check_regular(found.st_mode, name)
        policy.limits.check_size(found.st_size, name)
        _check_opened(number, name, policy)
        return os.fdopen(number, "rb")
    except BaseException:
        os.close(number)
        raise


def _check_roots(real: Path, name: str, policy: SourcePolicy) -> None:
    if policy.roots is None:
        return
    if any(real.is_relative_to(root.resolve()) for root in policy.roots):
        return
    allowed = roots_told(policy.roots) or "none"
    raise ClipRefused(
        f"{name!r} lies outside the allowed folders ({allowed})",
        hint="copy it into one of them, or allow its folder",
    )


def _check_opened(number: int, name: str, policy: SourcePolicy) -> None:
    """Check the roots again on what was opened: a folder may have become a symlink meanwhile."""
    link = Path(f"/proc/self/fd/{number}")
    if policy.roots is not None and link.exists():
        _check_roots(link.readlink(), name, policy)


def _check_regular(mode: int, name: str) -> None:
    if stat.S_ISREG(mode):
        return
    kinds = (
        (stat.S_ISDIR, "a folder", "name the files in it"),
        (stat.S_ISFIFO, "a pipe", "pipe it into stdin and name it -"),
    )
    what, hint = next(((w, h) for test, w, h in kinds if test(mode)), ("a device", ""))
    raise ClipUnreadable(f"{name!r} is {what}, not a file", hint=hint)


def _explained(name: str, error: Exception) -> ClipError:
    import errno

    code = getattr(error, "errno", None)
    if isinstance(error, FileNotFoundError):
        return ClipMissing(f"{name!r} does not exist", hint="check the path: ls -l")
    if isinstance(error, NotADirectoryError):
        return ClipMissing(f"{name!r} does not exist: a part of its path is a file")
    if isinstance(error, PermissionError):
        return ClipUnreadable(f"{name!r} may not be read: no permission", hint=f"chmod +r {name}")
    if code == errno.ELOOP or isinstance(error, RuntimeError):
        return ClipUnreadable(f"{name!r} is a loop of symbolic links", hint=f"ls -l {name}")
    if code == errno.ENAMETOOLONG:
        return ClipMissing(f"{name[:80]!r}… does not exist: the name is too long")
    reason = getattr(error, "strerror", None) or error
    return ClipUnreadable(f"{name!r} cannot be opened: {reason}")


def _open_stdin(policy: SourcePolicy) -> Opened:
    import sys

    if not policy.allow_stdin:
        raise ClipRefused("stdin is not read here", hint="name a file")
    return Opened(spool(_sniffed(sys.stdin.buffer, "stdin"), policy.limits, "stdin"), "stdin")


def _sniffed(stream: BinaryIO, name: str) -> Iterator[bytes]:
    """Yield what a stream holds, unless its beginning is no audio: it may never end."""
    from qwen_audio_tools.decoding.sniff import sniff

    for index, chunk in enumerate(chunks_of(stream)):
        # An ID3 tag may be longer than this chunk: what it is shows later.
        if index == 0 and not chunk.startswith(b"ID3"):
            sniff(io.BytesIO(chunk), name)
        yield chunk


def _open_object(source: BinaryIO, policy: SourcePolicy) -> Opened:
    name = source_name(source)
    if isinstance(source, io.TextIOBase):
        raise ClipError(f"{name!r} was opened as text", hint='open(path, "rb")')
    try:
        if source.seekable():
            return Opened(source, name, owned=False)
    except AttributeError:
        pass
    return Opened(spool(_sniffed(source, name), policy.limits, name), name)
