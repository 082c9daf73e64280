"""What may be opened, and that nothing else ever is."""

import contextlib
import http.server
import io
import json
import os
import socket
import ssl
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import trustme

from qwen_audio_tools.decoding import Limits
from qwen_audio_tools.errors import (
    ClipError,
    ClipMissing,
    ClipRefused,
    ClipTooLong,
    ClipUnreadable,
)
from qwen_audio_tools.sources import SourcePolicy, agent, open_source, person
from qwen_audio_tools.sources.connecting import is_public


@pytest.fixture
def sound(tmp_path):
    path = tmp_path / "sound.wav"
    path.write_bytes(b"RIFF....WAVE")
    return path


def read(source, policy=None):
    with open_source(source, policy) as opened:
        return opened.file.read()


def test_paths_bytes_and_files_are_opened(sound):
    expected = sound.read_bytes()
    for source in (sound, str(sound), expected, io.BytesIO(expected)):
        assert read(source) == expected


def test_a_callers_file_stays_open(sound):
    with sound.open("rb") as file:
        read(file)
        assert not file.closed


@contextlib.contextmanager
def a_pipe_with(data):
    reading, writing = os.pipe()
    os.write(writing, data)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        yield pipe


def test_a_stream_that_cannot_seek_is_kept_within_limits():
    start = b"RIFF\xdc\x03\0\0WAVE".ljust(1000, b"x")
    with a_pipe_with(start) as pipe, open_source(pipe) as opened:
        assert opened.file.seek(0, 2) == 1000
    with a_pipe_with(start) as pipe, pytest.raises(ClipTooLong):
        open_source(pipe, person(Limits(max_bytes=999)))


def test_a_stream_that_is_no_audio_is_refused_at_its_beginning():
    with a_pipe_with(bytes(1000)) as pipe, pytest.raises(ClipUnreadable, match="not a sound file"):
        open_source(pipe)


def test_what_cannot_be_opened_says_why(tmp_path, sound):
    (tmp_path / "album.mp3").mkdir()
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    os.mkfifo(tmp_path / "pipe")
    for name, error, words in (
        ("none.wav", ClipMissing, "does not exist"),
        ("sound.wav/none.wav", ClipMissing, "does not exist"),
        ("x" * 300, ClipMissing, "too long"),
        ("album.mp3", ClipUnreadable, "a folder"),
        ("loop", ClipUnreadable, "loop of symbolic links"),
        ("pipe", ClipUnreadable, "a pipe"),
        ("\0", ClipRefused, "NUL"),
    ):
        with pytest.raises(error, match=words):
            read(str(tmp_path / name))
    with pytest.raises(ClipUnreadable, match="a device"):
        read("/dev/zero")
    with pytest.raises(ClipTooLong):
        read(sound, person(Limits(max_bytes=5)))


def test_a_file_without_permission_is_unreadable_for_anyone_but_root(sound):
    sound.chmod(0)
    for folder in (sound.parent, *sound.parent.parents):
        if folder.stat().st_uid == os.getuid() and folder != Path("/"):
            folder.chmod(folder.stat().st_mode | 0o011)
        if folder == Path("/tmp"):
            break
    program = (
        "import os, sys\n"
        "from qwen_audio_tools.sources import open_source\n"
        "from qwen_audio_tools.errors import ClipUnreadable\n"
        "if os.getuid() == 0: os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        "try: open_source(sys.argv[1])\n"
        "except ClipUnreadable as error: print(error, '|', error.hint)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(sound)], capture_output=True, text=True, check=True
    )
    assert "no permission | chmod +r" in done.stdout


@pytest.mark.parametrize(
    "text",
    [
        "concat:a.wav|b.wav",
        "file:///etc/passwd",
        "FILE:/etc/passwd",
        "subfile:,,start,0,end,9,,:/etc/passwd",
        "async:file:/etc/passwd",
        "data:audio/wav;base64,UklGRg==",
        "ftp://host/x.wav",
        "crypto:file",
        "pipe:0",
    ],
)
def test_protocol_strings_are_never_passed_on(text):
    for policy in (person(), agent(["/"])):
        with pytest.raises(ClipRefused, match="not opened"):
            open_source(text, policy)


def test_a_file_may_have_a_colon_in_its_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("concat:a").write_bytes(b"only bytes")
    assert read("concat:a") == b"only bytes"


def test_an_agent_opens_what_lies_in_its_roots_and_nothing_else(tmp_path, sound):
    inside, outside = tmp_path / "in", tmp_path / "out.wav"
    inside.mkdir()
    outside.write_bytes(b"secret")
    (inside / "ok.wav").write_bytes(b"fine")
    (inside / "way_out.wav").symlink_to(outside)
    policy = agent([inside])
    assert read(inside / "ok.wav", policy) == b"fine"
    for path in (outside, inside / "way_out.wav", inside / ".." / "out.wav", "/etc/passwd", "-"):
        with pytest.raises(ClipRefused):
            read(str(path), policy)
    with pytest.raises(ClipRefused, match="outside"):
        read("/nothing/there.wav", policy)  # whether it exists is not told
    with pytest.raises(ClipRefused, match="URLs are not opened"):
        read("https://example.com/x.wav", policy)


def test_text_files_and_odd_objects_are_refused(sound):
    with sound.open() as file, pytest.raises(ClipError, match="as text"):
        open_source(file)
    with pytest.raises(ClipError, match="no audio source"):
        open_source(42)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.0.0.1", "192.168.1.1", "172.16.0.1", "169.254.169.254", "100.64.0.1",
        "0.0.0.0", "224.0.0.1", "255.255.255.255", "::1", "::", "fe80::1", "fc00::1",
        "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "ff02::1",
    ],
)  # fmt: skip
def test_addresses_inside_are_not_public(address):
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "2606:4700:4700::1111"])
def test_addresses_outside_are_public(address):
    assert is_public(address)


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/x.wav",
        "https://localhost/x.wav",
        "https://127.0.0.1:1/x.wav",
        "https://[::1]/x.wav",
        "https://2130706433/x.wav",
        "https://user:password@example.com/",
        "https://exa\\mple.com/x",
        "https:///x.wav",
        "https://host:99999/x",
    ],
)
def test_urls_that_lead_inside_are_refused(url):
    with pytest.raises(ClipRefused):
        open_source(url, person())


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves what the path asks for."""

    def do_GET(self):
        kind = self.path.partition("?")[0]
        if kind == "/ok":
            self.reply(200, b"sound" * 100)
        elif kind == "/host":
            self.reply(200, self.headers["Host"].encode())
        elif kind == "/round":
            self.reply(302, b"", Location="/round")
        elif kind == "/once":
            self.reply(302, b"", Location="/ok")
        elif kind == "/inside":
            self.reply(302, b"", Location="file:///etc/passwd")
        elif kind == "/short":
            self.reply(200, b"half", length=100)
        elif kind == "/endless":
            self.send_response(200)
            self.end_headers()
            for _ in range(1000):
                self.wfile.write(b"x" * 65_536)
        elif kind == "/slow":
            self.send_response(200)
            self.end_headers()
            for _ in range(100):
                self.wfile.write(b"x")
                self.wfile.flush()
                if self.server.done.wait(0.1):
                    return
        else:
            self.reply(404, b"")

    def reply(self, status, body, length=None, **headers):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    """Keeps quiet when a client hangs up."""

    def handle_error(self, *_):
        pass


@pytest.fixture
def server():
    with Server(("127.0.0.1", 0), Handler) as running:
        running.done = threading.Event()
        thread = threading.Thread(target=running.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{running.server_address[1]}"
        running.done.set()
        running.shutdown()


def inside(**options):
    return SourcePolicy(allow_urls=True, allow_private=True, **options)


def test_a_url_is_fetched_and_redirects_are_followed(server):
    assert read(f"{server}/ok", inside()) == b"sound" * 100
    assert read(f"{server}/once", inside()) == b"sound" * 100
    assert read(f"{server}/host", inside()).decode() == server.removeprefix("http://")


@pytest.mark.parametrize(
    ("path", "error", "words"),
    [
        ("/none?key=secret", ClipMissing, "404"),
        ("/round", ClipRefused, "more than 3 redirects"),
        ("/inside", ClipRefused, "only https"),
        ("/short", ClipUnreadable, "4 of 100 bytes"),
        ("/endless", ClipTooLong, "bytes"),
        ("/slow", ClipUnreadable, "took too long"),
    ],
)
def test_a_fetch_is_bounded_and_clear(path, error, words, server):
    with pytest.raises(error, match=words) as caught:
        open_source(server + path, inside(seconds=1.0, limits=Limits(max_bytes=10**6)))
    assert "secret" not in str(caught.value)


def test_nobody_there_is_unreadable():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(ClipUnreadable, match="reached"):
            open_source(f"http://127.0.0.1:{taken.getsockname()[1]}/x", inside())


def test_tls_checks_the_name_that_was_asked_for():
    authority = trustme.CA()
    ours = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(ours)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    with Server(("127.0.0.1", 0), Handler) as running:
        running.socket = ours.wrap_socket(running.socket, server_side=True)
        thread = threading.Thread(target=running.serve_forever, daemon=True)
        thread.start()
        try:
            port = running.server_address[1]
            policy = inside(trust=trusting)
            assert read(f"https://localhost:{port}/host", policy) == f"localhost:{port}".encode()
            for url, wrong in (
                (f"https://127.0.0.1:{port}/ok", policy),
                (f"https://localhost:{port}/ok", inside()),
            ):
                with pytest.raises(ClipUnreadable, match="no safe connection"):
                    open_source(url, wrong)
        finally:
            running.shutdown()


def test_a_policy_goes_through_json_and_opens_no_more_than_before():
    policy = agent(["/srv/audio"], Limits(max_bytes=7))
    assert SourcePolicy.from_dict(json.loads(json.dumps(policy.to_dict()))) == policy
    anywhere = SourcePolicy(allow_urls=True, trust=ssl.create_default_context())
    again = SourcePolicy.from_dict(anywhere.to_dict())
    assert (again.roots, again.allow_urls, again.trust) == (None, True, None)
