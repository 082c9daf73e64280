"""Downloads: whole or told why not, resumed where they broke off, never from inside."""

import subprocess
import sys
from dataclasses import replace

import pytest

from qwen_audio_tools.archive.downloading import download
from qwen_audio_tools.archive.fetching import Fetcher, policy_for
from qwen_audio_tools.decoding.limits import Limits
from qwen_audio_tools.errors import (
    ArchiveError,
    ClipMissing,
    ClipRefused,
    ClipTooLong,
    ClipUnreadable,
)

BODY = bytes(range(256)) * 4000


def test_a_file_comes_whole(podcasts, fetcher, tmp_path):
    part = tmp_path / "a.part"
    download(fetcher, podcasts.put("/a.mp3", BODY), part)
    assert part.read_bytes() == BODY
    assert [path.name for path in tmp_path.iterdir()] == ["a.part"]


@pytest.mark.parametrize("drops", [1, 3])
def test_a_connection_that_drops_is_taken_up_where_it_stopped(podcasts, fetcher, tmp_path, drops):
    url = podcasts.put("/a.mp3", BODY, etag='"one"', drop_after=200_000, drops=drops)
    download(fetcher, url, tmp_path / "a.part")
    assert (tmp_path / "a.part").read_bytes() == BODY
    ranges = [given.get("range") for _, given in podcasts.asked]
    assert ranges == [None, *(f"bytes={200_000 * n}-" for n in range(1, drops + 1))]
    assert podcasts.asked[1][1]["if-range"] == '"one"'


def once(fetcher):
    """A fetcher that gives up at once, as a process that is killed does."""
    return replace(fetcher, tries=1)


def test_what_an_earlier_run_left_is_gone_on_with(podcasts, fetcher, tmp_path):
    url = podcasts.put("/a.mp3", BODY, etag='"one"', drop_after=300_000)
    with pytest.raises(ClipUnreadable):
        download(once(fetcher), url, tmp_path / "a.part")
    assert (tmp_path / "a.part").stat().st_size == 300_000
    download(fetcher, url, tmp_path / "a.part")
    assert (tmp_path / "a.part").read_bytes() == BODY
    assert podcasts.asked[-1][1]["range"] == "bytes=300000-"


def test_another_file_under_the_same_url_is_never_mixed_with_the_first(podcasts, fetcher, tmp_path):
    url = podcasts.put("/a.mp3", b"x" * 900_000, etag='"one"', drop_after=300_000)
    with pytest.raises(ClipUnreadable):
        download(once(fetcher), url, tmp_path / "a.part")
    podcasts.put("/a.mp3", BODY, etag='"two"')
    download(fetcher, url, tmp_path / "a.part")
    assert (tmp_path / "a.part").read_bytes() == BODY


@pytest.mark.parametrize("etag", ["", 'W/"weak"'])
def test_without_a_strong_validator_all_is_fetched_again(podcasts, fetcher, tmp_path, etag):
    url = podcasts.put("/a.mp3", BODY, etag=etag, drop_after=300_000)
    download(fetcher, url, tmp_path / "a.part")
    assert (tmp_path / "a.part").read_bytes() == BODY
    assert [given.get("range") for _, given in podcasts.asked] == [None, None]


def test_a_server_that_lies_about_the_length_is_found_out(podcasts, fetcher, tmp_path):
    url = podcasts.put("/a.mp3", BODY, claims=2 * len(BODY))
    with pytest.raises(ClipUnreadable, match=f"{len(BODY)} of {2 * len(BODY)} bytes"):
        download(fetcher, url, tmp_path / "a.part")
    assert len(podcasts.asked) == 2


def test_a_web_page_is_refused_at_its_first_bytes(podcasts, fetcher, tmp_path):
    url = podcasts.put("/a.mp3", b"<!DOCTYPE html><html>" + b"x" * 10**6, kind="audio/mpeg")
    with pytest.raises(ArchiveError, match="is a web page, not audio"):
        download(fetcher, url, tmp_path / "a.part")
    assert list(tmp_path.iterdir()) == []
    assert len(podcasts.asked) == 1


@pytest.mark.parametrize(
    ("status", "error", "words"),
    [(404, ClipMissing, "404"), (410, ClipMissing, "410"), (403, ClipUnreadable, "403"),
     (500, ClipUnreadable, "500")],
)  # fmt: skip
def test_what_the_server_says_is_told_without_the_secret(
    podcasts, fetcher, tmp_path, status, error, words
):
    url = podcasts.put("/a.mp3", b"", status=status)
    with pytest.raises(error, match=words) as caught:
        download(fetcher, f"{url}?key=secret", tmp_path / "a.part")
    assert "secret" not in str(caught.value)


def test_redirects_are_followed_and_each_is_checked(podcasts, fetcher, tmp_path):
    podcasts.put("/a.mp3", BODY)
    for number in range(6):
        target = f"/hop{number + 1}" if number < 5 else "/a.mp3"
        podcasts.put(f"/hop{number}", b"", status=302, headers={"Location": target})
    download(fetcher, f"{podcasts.url}/hop0", tmp_path / "a.part")
    assert (tmp_path / "a.part").read_bytes() == BODY
    podcasts.put("/out", b"", status=302, headers={"Location": "file:///etc/passwd"})
    with pytest.raises(ClipRefused, match="only https and http"):
        download(fetcher, f"{podcasts.url}/out", tmp_path / "b.part")


def test_addresses_inside_are_refused_unless_they_are_allowed(podcasts, tmp_path):
    url = podcasts.put("/a.mp3", BODY)
    with pytest.raises(ClipRefused, match=r"127\.0\.0\.1, which is not public"):
        download(Fetcher(policy_for()), url, tmp_path / "a.part")
    assert podcasts.asked == []


def test_more_bytes_than_allowed_are_refused_before_they_come(podcasts, fetcher, tmp_path):
    small = replace(fetcher.policy, limits=Limits(max_bytes=1000))
    url = podcasts.put("/a.mp3", BODY)
    with pytest.raises(ClipTooLong, match="at most 1,000"):
        download(Fetcher(small), url, tmp_path / "a.part")
    assert not (tmp_path / "a.part").exists()


FILLING = """
import resource, sys
from pathlib import Path
from qwen_audio_tools.archive.downloading import download
from qwen_audio_tools.archive.fetching import Fetcher, policy_for
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    download(Fetcher(policy_for(allow_private=True)), sys.argv[1], Path(sys.argv[2]))
except OSError as error:
    print(error.strerror)
"""


def test_where_there_is_no_room_nothing_is_left_behind(podcasts, tmp_path):
    url = podcasts.put("/a.mp3", BODY, etag='"one"')
    run = subprocess.run(
        [sys.executable, "-c", FILLING, url, str(tmp_path / "a.part")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout == "File too large\n"
    assert list(tmp_path.iterdir()) == []


def test_a_page_is_read_only_if_it_changed(podcasts, fetcher):
    url = podcasts.put("/feed", b"news", etag='"one"')
    first = fetcher.read(url, most=100)
    assert (first.data, first.etag) == (b"news", '"one"')
    again = fetcher.read(url, most=100, etag=first.etag, modified=first.modified)
    assert (again.unchanged, again.data, again.etag) == (True, b"", '"one"')


def test_a_page_that_is_too_large_is_refused(podcasts, fetcher):
    with pytest.raises(ArchiveError, match="more than 10 bytes"):
        fetcher.read(podcasts.put("/feed", b"x" * 11), most=10)


def test_what_comes_pressed_together_is_bounded_when_it_is_unpacked(podcasts, fetcher):
    import gzip

    headers = {"Content-Encoding": "gzip"}
    url = podcasts.put("/feed", gzip.compress(b"hello"), headers=headers)
    assert fetcher.read(url, most=100).data == b"hello"
    bomb = podcasts.put("/bomb", gzip.compress(bytes(10**8)), headers=headers)
    with pytest.raises(ArchiveError, match="more than 1,000,000 bytes"):
        fetcher.read(bomb, most=10**6)
    damaged = podcasts.put("/damaged", gzip.compress(b"x" * 999)[:-20] + b"y" * 20, headers=headers)
    with pytest.raises(ArchiveError, match="damaged"):
        fetcher.read(damaged, most=10**6)


@pytest.mark.parametrize(("said", "seconds"), [("120", 120), ("", 3600), ("5", 60), ("9e9", 3600)])
def test_a_busy_server_is_given_the_time_that_it_asks_for(podcasts, fetcher, said, seconds):
    headers = {"Retry-After": said} if said else {}
    content = fetcher.read(podcasts.put("/feed", b"", status=429, headers=headers), most=100)
    assert content.wait == seconds


def test_a_feed_that_has_moved_for_good_tells_where(podcasts, fetcher):
    podcasts.put("/new", b"here")
    podcasts.put("/old", b"", status=301, headers={"Location": "/new"})
    podcasts.put("/today", b"", status=302, headers={"Location": "/old"})
    assert fetcher.read(f"{podcasts.url}/old", most=9).moved == f"{podcasts.url}/new"
    assert fetcher.read(f"{podcasts.url}/today", most=9).moved == ""


def test_one_host_is_asked_no_more_than_once_in_a_while():
    import time

    fetcher = Fetcher(policy_for(), pause=0.2)
    started = time.monotonic()
    for host in ("a.example", "b.example", "a.example", "127.0.0.1", "127.0.0.1"):
        fetcher.be_patient(f"https://{host}/x")
    assert time.monotonic() - started >= 0.2
