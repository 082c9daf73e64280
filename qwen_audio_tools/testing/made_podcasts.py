"""Podcasts on this machine: feeds as text, and a web server that plays them, good and bad."""

import contextlib
import http.server
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

NAMESPACES = (
    'xmlns:itunes="http://www.itunes.com/dtds/podcast-1.0.dtd" '
    'xmlns:podcast="https://podcastindex.org/namespace/1.0" '
    'xmlns:psc="http://podlove.org/simple-chapters" '
    'xmlns:content="http://purl.org/rss/1.0/modules/content/"'
)


def item(number: int, url: str, *, inside: str = "", length: int = 0) -> str:
    """Return an item of an RSS feed; number 1 is the oldest."""
    day = 1 + (number - 1) % 28
    return f"""<item><title>Episode {number}</title><guid isPermaLink="false">guid-{number}</guid>
<pubDate>{day:02d} Jun 2025 10:00:00 GMT</pubDate>{inside}
<enclosure url="{url}" length="{length}" type="audio/mpeg"/></item>"""


def rss(*items: str, title: str = "The Harbour Show", inside: str = "") -> str:
    """Return an RSS feed."""
    return f"""<?xml version="1.0" encoding="UTF-8"?><rss version="2.0" {NAMESPACES}><channel>
<title>{title}</title><link>https://example.com/</link><language>en</language>{inside}
{"".join(items)}</channel></rss>"""


@dataclass(slots=True)
class Page:
    """What a path answers. `drop_after` breaks the connection off after so many bytes, as often as
    `drops` says; `claims` is a Content-Length that may lie; `pause` are seconds after each kB."""

    body: bytes
    kind: str = "application/octet-stream"
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    etag: str = ""
    ranges: bool = True
    drop_after: int | None = None
    drops: int = 1
    claims: int | None = None
    pause: float = 0.0


@dataclass(slots=True)
class Podcasts:
    """The pages of the server by path, and which requests came."""

    url: str
    pages: dict[str, Page] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def put(self, path: str, body: bytes | str, **options: Any) -> str:
        """Serve a page, and return its URL."""
        data = body.encode() if isinstance(body, str) else body
        self.pages[path] = Page(data, **options)
        return self.url + path

    def paths(self) -> list[str]:
        """Return the paths that were asked for, in order."""
        return [path for path, _ in self.asked]


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.0"

    def do_GET(self) -> None:
        """Answer with the page of that path."""
        podcasts: Podcasts = self.server.podcasts  # type: ignore[attr-defined]
        path = self.path.partition("?")[0]
        given = {name.lower(): value for name, value in self.headers.items()}
        podcasts.asked.append((path, given))
        page = podcasts.pages.get(path)
        if page is None:
            self.send_error(404)
            return
        if page.etag and given.get("if-none-match") == page.etag:
            self.send_response(304)
            self.end_headers()
            return
        self._reply(page, given)

    def _reply(self, page: Page, given: dict[str, str]) -> None:
        body, status, first = page.body, page.status, 0
        wanted = given.get("range", "")
        if page.ranges and wanted and given.get("if-range", page.etag) == page.etag:
            first = int(wanted.removeprefix("bytes=").partition("-")[0])
            status, body = 206, body[first:]
        self.send_response(status)
        self.send_header("Content-Type", page.kind)
        length = len(body) if page.claims is None else page.claims
        self.send_header("Content-Length", str(length))
        if page.etag:
            self.send_header("ETag", page.etag)
        if status == 206:
            last = len(page.body) - 1
            self.send_header("Content-Range", f"bytes {first}-{last}/{len(page.body)}")
        for name, value in page.headers.items():
            self.send_header(name, value)
        self.end_headers()
        if page.drop_after is not None and page.drops > 0:
            page.drops -= 1
            body = body[: page.drop_after]
        with contextlib.suppress(OSError):
            for at in range(0, len(body), 1024 if page.pause else max(1, len(body))):
                self.wfile.write(body[at : at + 1024] if page.pause else body)
                self.wfile.flush()
                time.sleep(page.pause)
            self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class _Server(http.server.ThreadingHTTPServer):
    podcasts: Podcasts

    def handle_error(self, *_: object) -> None:
        """Keep quiet when a client hangs up."""


@contextlib.contextmanager
def serving(port: int = 0) -> Iterator[Podcasts]:
    """Serve pages on loopback until the block ends."""
    with _Server(("127.0.0.1", port), _Handler) as running:
        running.podcasts = Podcasts(f"http://127.0.0.1:{running.server_address[1]}")
        threading.Thread(target=running.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield running.podcasts
        finally:
            running.shutdown()
