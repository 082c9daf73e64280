"""What a request may name: its own audio always, paths and URLs only where that is allowed."""

import http.server
import threading

import pytest

from qwen_audio_tools.sources.policy import SourcePolicy, agent

QUESTION = {"type": "text", "text": "?"}


def _named(where):
    return [{"type": "audio_url", "audio_url": {"url": str(where)}}, QUESTION]


@pytest.fixture(scope="module")
def folder(tmp_path_factory, beep):
    """A folder that may be named from, beside another that may not."""
    place = tmp_path_factory.mktemp("place")
    allowed = place / "allowed"
    allowed.mkdir()
    for path in (allowed / "beep.wav", place / "other.wav"):
        path.write_bytes(beep.read_bytes())
    (allowed / "link.wav").symlink_to(place / "other.wav")
    (allowed / "playlist.mp3").write_text(f"#EXTM3U\n#EXTINF:2,\n{place / 'other.wav'}\n")
    return allowed


@pytest.fixture(scope="module")
def site(folder):
    """A plain web server of that folder, on loopback; and what it was asked for."""
    asked = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments):
            super().__init__(*arguments, directory=str(folder))

        def do_GET(self):
            asked.append(self.path)
            if self.path.startswith("/away"):
                self.send_response(302)
                self.send_header("Location", f"http://localhost:{port}/beep.wav")
                self.end_headers()
                return
            super().do_GET()

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{port}", asked
        server.shutdown()
        thread.join()


def test_without_permission_no_path_and_no_url_is_opened(serve, telling, error, folder, site):
    url, asked = site
    running = serve(telling())
    for where in (
        folder / "beep.wav",
        f"file://{folder / 'beep.wav'}",
        f"{url}/beep.wav",
        "https://192.0.2.1/a.wav",
        "concat:a|b",
        "-",
    ):
        reply = running.ask(_named(where))
        assert reply.status_code == 403, where
        assert error(reply)["code"] == "clip_refused"
    assert asked == []
    assert running.answers()


def test_a_path_in_an_allowed_folder_is_heard(serve, telling, folder):
    running = serve(telling(), policy=agent([folder]))
    for where in (folder / "beep.wav", f"file://{folder / 'beep.wav'}"):
        assert running.ask(_named(where)).status_code == 200


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("../other.wav", 403),
        ("link.wav", 403),
        ("missing.wav", 400),
        ("playlist.mp3", 400),
        ("", 400),
    ],
)
def test_a_path_that_leads_out_of_it_is_refused(serve, telling, error, folder, name, status):
    running = serve(telling(), policy=agent([folder]))
    reply = running.ask(_named(f"{folder}/{name}"))
    assert reply.status_code == status
    error(reply)
    assert running.answers()


@pytest.mark.parametrize("where", ["/etc/passwd", "/dev/zero", "/proc/self/environ"])
def test_nothing_is_said_of_what_lies_elsewhere(serve, telling, error, folder, where):
    reply = serve(telling(), policy=agent([folder])).ask(_named(where))
    assert reply.status_code == 403
    assert "outside the allowed folders" in error(reply)["message"]


def test_a_url_is_fetched_from_an_allowed_host_only(serve, telling, error, site):
    url, asked = site
    policy = SourcePolicy(
        roots=(), allow_stdin=False, allow_urls=True, hosts=("127.0.0.1",), allow_private=True
    )
    running = serve(telling(), policy=policy)
    assert running.ask(_named(f"{url}/beep.wav?key=secret")).status_code == 200
    other = running.ask(_named("http://localhost:1/beep.wav?key=secret"))
    away = running.ask(_named(f"{url}/away"))
    missing = running.ask(_named(f"{url}/missing.wav"))
    assert [reply.status_code for reply in (other, away, missing)] == [403, 403, 400]
    assert "not among the hosts" in error(other)["message"]
    assert "not among the hosts" in error(away)["message"]
    assert asked[-2:] == ["/away", "/missing.wav"]


def test_an_allowed_host_in_a_private_network_is_refused_all_the_same(serve, telling, error):
    policy = SourcePolicy(
        roots=(), allow_stdin=False, allow_urls=True, hosts=("localhost", "169.254.169.254")
    )
    running = serve(telling(), policy=policy)
    for host in ("localhost:1", "169.254.169.254"):
        reply = running.ask(_named(f"https://{host}/latest"))
        assert reply.status_code == 403
        assert "not public" in error(reply)["message"]


def test_names_below_a_host_are_meant_by_a_star():
    policy = SourcePolicy(hosts=("*.example.com", "Pod.Example.org"))
    allowed = ("cdn.example.com", "a.b.example.com", "pod.example.org", "POD.example.org.")
    refused = ("example.com", "evilexample.com", "example.com.evil.org", "x.pod.example.org")
    assert all(policy.allows_host(host) for host in allowed)
    assert not any(policy.allows_host(host) for host in refused)
