"""Fetch small things that feeds name, through the guarded door: slowly enough, and bounded."""

import threading
import time
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from qwen_audio_tools.errors import ArchiveError, Cancelled, ClipRefused, QwenAudioError
from qwen_audio_tools.sources.connecting import short
from qwen_audio_tools.sources.policy import SourcePolicy
from qwen_audio_tools.sources.urls import Reply, requested

PAUSE_S = 1.0
"""Between two requests to one host on the internet."""
REDIRECTS = 10
"""Podcasts count their listeners by chains of redirects, five or six of them."""
_SECONDS = 120.0


def policy_for(*, allow_private: bool = False) -> SourcePolicy:
    """Return what an archive may fetch for a person: http and https, from public addresses."""
    return SourcePolicy(
        allow_urls=True, allow_http=True, allow_private=allow_private, redirects=REDIRECTS
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What was fetched; `data` is empty where `unchanged`. `etag` and `modified` are for next time.

    `moved` is the URL to ask from now on, if the server says so. `wait` are the seconds after which
    it wants to be asked again: then there is no data either.
    """

    data: bytes = b""
    unchanged: bool = False
    etag: str = ""
    modified: str = ""
    moved: str = ""
    wait: float | None = None


@dataclass(slots=True)
class Fetcher:
    """Fetches by a policy, with a pause between requests to the same host; safe to share.

    A download that breaks off is tried again, `tries` times in all, after `backoff` seconds and
    twice as many each time. Once `stopped` is set, downloads end and nobody waits.
    """

    policy: SourcePolicy
    pause: float = PAUSE_S
    tries: int = 4
    backoff: float = 1.0
    stopped: threading.Event = field(default_factory=threading.Event)
    _last: dict[str, float] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def read(self, url: str, *, most: int, etag: str = "", modified: str = "") -> Content:
        """Return what a URL holds, at most `most` bytes; with a validator only if it changed.

        Raises:
            ArchiveError: it is larger, or damaged.
            ClipError: it can't be had, or may not be fetched.
        """
        conditions = {"If-None-Match": etag, "If-Modified-Since": modified}
        headers = {name: value for name, value in conditions.items() if value}
        self.be_patient(url)
        with requested(url, replace(self.policy, seconds=_SECONDS), headers) as reply:
            if reply.status == 304 and headers:
                return Content(unchanged=True, etag=etag, modified=modified, moved=reply.moved)
            if reply.status in (429, 503):
                return Content(wait=_retry_after(reply))
            reply.check()
            data = _joined(_inflated(reply), most, url)
            return Content(
                data=data,
                etag=reply.headers.get("etag", "")[:1000],
                modified=reply.headers.get("last-modified", "")[:1000],
                moved=reply.moved,
            )

    def be_patient(self, url: str) -> None:
        """Wait until the host of the URL may be asked again."""
        host = urlsplit(url).hostname or ""
        if host == "localhost" or host.replace(".", "").isdecimal() or ":" in host:
            return  # one's own network needs no manners
        with self._lock:
            now = time.monotonic()
            at = max(now, self._last.get(host, 0.0) + self.pause)
            self._last[host] = at
        self.stopped.wait(at - now)

    def go_on(self) -> None:
        """Return unless the work was stopped.

        Raises:
            Cancelled: it was.
        """
        if self.stopped.is_set():
            raise Cancelled("stopped")


def _retry_after(reply: Reply) -> float:
    """Return the seconds after which a busy server wants to be asked again: a minute to a day."""
    said = reply.headers.get("retry-after", "").strip()
    seconds = 3600.0
    if said.isdecimal():
        seconds = float(said[:9])
    elif said:
        with suppress(ValueError, TypeError):
            seconds = parsedate_to_datetime(said).timestamp() - time.time()
    return min(86_400.0, max(60.0, seconds))


def _inflated(reply: Reply) -> Iterator[bytes]:
    """Yield the content as it was before a server that wasn't asked to pressed it together."""
    coding = reply.headers.get("content-encoding", "identity").strip().lower()
    if coding in ("", "identity"):
        yield from reply.chunks
        return
    if coding not in ("gzip", "x-gzip", "deflate"):
        raise ClipRefused(f"{short(reply.url)!r} comes as {coding[:40]!r}, which was not asked for")
    inflater = zlib.decompressobj(zlib.MAX_WBITS | 32)
    try:
        for chunk in reply.chunks:
            # In pieces: a bomb must not come out at once.
            while chunk:
                yield inflater.decompress(chunk, 2**20)
                chunk = inflater.unconsumed_tail
    except zlib.error as error:
        raise ArchiveError(f"{short(reply.url)!r} is damaged: {error}") from error


def _joined(chunks: Iterator[bytes], most: int, url: str) -> bytes:
    found, size = [], 0
    for chunk in chunks:
        size += len(chunk)
        if size > most:
            raise ArchiveError(f"{short(url)!r} has more than {most:,} bytes: refused")
        found.append(chunk)
    return b"".join(found)


def reason(error: Exception) -> str:
    """Return why something failed, in one bounded line for the ledger."""
    text = str(error) if isinstance(error, QwenAudioError) else _told(error)
    return " ".join(text.split())[:500]


def _told(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror} ({error.filename})" if error.filename else error.strerror
    return f"{type(error).__name__}: {error}"
