"""Download audio into a file that goes on where it broke off, if the server still has the same.

Beside `NAME.part` lies `NAME.part.json`: from which URL it comes, and what names those very bytes.
"""

import errno
import json
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from qwen_audio_tools.archive.feeds.web_pages import is_web_page
from qwen_audio_tools.archive.fetching import Fetcher
from qwen_audio_tools.errors import ArchiveError, ClipUnreadable
from qwen_audio_tools.replacing import synced
from qwen_audio_tools.sources.connecting import short
from qwen_audio_tools.sources.urls import Reply, requested

_SECONDS = 4 * 3600.0
_SPARE = 32 * 2**20
"""Bytes of a disk that stay free, for the ledger itself."""


def download(fetcher: Fetcher, url: str, part: Path) -> None:
    """Fetch a URL into the file `part`, going on with what an earlier call left there.

    Raises:
        ClipError: it can't be had, or may not be fetched; what came stays for the next call.
        ArchiveError: it is a web page.
        OSError: there is no room; what came is removed.
        Cancelled: the fetcher was stopped; what came stays.
    """
    for attempt in range(1, fetcher.tries + 1):
        before = _size(part)
        try:
            fetcher.be_patient(url)
            _go_on(url, fetcher, part)
        except ClipUnreadable:
            # A server that gives a little more each time is asked again, a dead one only once.
            if attempt == fetcher.tries or (attempt > 1 and _size(part) <= before):
                raise
            fetcher.stopped.wait(fetcher.backoff * 2 ** (attempt - 1))
        except OSError:
            forget(part)
            raise
        else:
            return


def forget(part: Path) -> None:
    """Remove a download that was begun."""
    for path in (part, _note_of(part)):
        path.unlink(missing_ok=True)


def _go_on(url: str, fetcher: Fetcher, part: Path) -> None:
    policy = replace(fetcher.policy, seconds=_SECONDS)
    note = _read_note(part)
    have = _size(part) if note.get("url") == url and note.get("validator") else 0
    headers = {"Range": f"bytes={have}-", "If-Range": note["validator"]} if have else {}
    with requested(url, policy, headers) as reply:
        if reply.status == 416:  # all of it is here, or what is here is of another file
            forget(part)
            raise ClipUnreadable(f"{short(url)!r}: the server has no more than {have} bytes")
        reply.check()
        goes_on = reply.status == 206 and _range_start(reply) == have
        if reply.status == 206 and not goes_on:
            forget(part)
            raise ClipUnreadable(f"{short(url)!r}: the server sent another part than was asked for")
        size = have if goes_on else 0
        policy.limits.check_size(size + (reply.length or 0), short(url))
        _check_room(part, reply.length or 0)
        if not goes_on:
            _write_note(part, {"url": url, "validator": _strong(reply)})
        with part.open("ab" if goes_on else "wb") as file:
            for chunk in reply.chunks:
                if not size and is_web_page(chunk):
                    forget(part)
                    raise ArchiveError(f"{short(url)!r} is a web page, not audio")
                size += len(chunk)
                policy.limits.check_size(size, short(url))
                file.write(chunk)
                fetcher.go_on()
    synced(part)
    _note_of(part).unlink(missing_ok=True)


def _check_room(part: Path, coming: int) -> None:
    free = shutil.disk_usage(part.parent).free
    if coming + _SPARE > free:
        what = f"no space left: {coming:,} bytes are to come, {free:,} are free"
        raise OSError(errno.ENOSPC, what, str(part))


def _note_of(part: Path) -> Path:
    return part.with_name(f"{part.name}.json")


def _read_note(part: Path) -> dict[str, str]:
    try:
        found = json.loads(_note_of(part).read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _write_note(part: Path, note: Mapping[str, str]) -> None:
    # What is here belongs to the old note: it goes first, or a kill between both would mix files.
    part.unlink(missing_ok=True)
    _note_of(part).write_text(json.dumps(note), encoding="utf-8")


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _strong(reply: Reply) -> str:
    """Return what names exactly these bytes: weak tags may stand for others (RFC 9110, 13.1.5)."""
    etag = reply.headers.get("etag", "")
    return etag if etag.startswith('"') else reply.headers.get("last-modified", "")


def _range_start(reply: Reply) -> int:
    found = reply.headers.get("content-range", "").removeprefix("bytes ").partition("-")[0]
    return int(found) if found.isdecimal() else -1
