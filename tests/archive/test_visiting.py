"""Visits to feeds: read only when they changed; what is new or changed goes into the ledger."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from qwen_audio_tools.archive.adding import Adding, NotAdded
from qwen_audio_tools.archive.heads import heads
from qwen_audio_tools.archive.records import PUBLISHER, State
from qwen_audio_tools.archive.visiting import visit_feed
from qwen_audio_tools.errors import ArchiveError, ClipMissing, ClipRefused
from qwen_audio_tools.testing.made_podcasts import item, rss
from qwen_audio_tools.transcript import Segment


@pytest.fixture
def adding(archive, fetcher):
    return Adding(archive=archive, fetcher=fetcher)


def show_of(archive):
    (show,) = archive.shows
    return show


def titles(archive):
    return sorted(record.episode.title for record in archive.ledger)


def feed_of(podcasts, *numbers, etag='"1"', **options):
    items = [item(number, f"{podcasts.url}/{number}.mp3", **options) for number in numbers]
    return podcasts.put("/feed.xml", rss(*items), etag=etag)


def test_a_feed_is_added_with_its_episodes(podcasts, archive, adding):
    (visit,) = adding.add(feed_of(podcasts, 1, 2))
    assert (visit.new, visit.show.title, visit.show.etag) == (2, "The Harbour Show", '"1"')
    assert titles(archive) == ["Episode 1", "Episode 2"]
    assert {record.state for record in archive.ledger} == {State.NEW}
    assert podcasts.paths() == ["/feed.xml"]


def test_to_add_a_feed_again_changes_nothing(podcasts, archive, adding):
    url = feed_of(podcasts, 1, 2)
    list(adding.add(url))
    (visit,) = adding.add(url)
    assert (visit.new, visit.changed) == (0, 0)
    assert len(list(archive.shows)) == 1


def test_a_feed_that_did_not_change_costs_one_small_request(podcasts, archive, adding, fetcher):
    list(adding.add(feed_of(podcasts, 1)))
    visit = visit_feed(archive, show_of(archive), fetcher)
    assert visit.unchanged
    assert podcasts.asked[-1][1]["if-none-match"] == '"1"'


def test_new_and_changed_episodes_are_taken_in(podcasts, archive, adding, fetcher):
    list(adding.add(feed_of(podcasts, 1, 2)))
    feed_of(podcasts, 1, 2, 3, etag='"2"', inside="<description>Mended.</description>")
    visit = visit_feed(archive, show_of(archive), fetcher, heads(archive))
    assert (visit.new, visit.changed) == (1, 2)
    assert {record.episode.about for record in archive.ledger} == {"Mended."}


def heard(archive, **episode):
    """Make the one episode of the archive heard."""
    (record,) = archive.ledger
    enclosure = replace(record.episode.enclosure, path="audio/x.mp3", sha256="ab", size=9)
    record = replace(
        record,
        episode=replace(record.episode, enclosure=enclosure, **episode),
        state=State.HEARD,
        segments=(Segment(start=0.0, end=1.0, text="Hi"),),
        engine="made",
    )
    return archive.ledger.put(record)


def test_a_mended_title_keeps_what_was_heard(podcasts, archive, adding, fetcher):
    url = feed_of(podcasts, 1)
    list(adding.add(url))
    before = heard(archive)
    podcasts.put("/feed.xml", rss(item(1, f"{podcasts.url}/1.mp3").replace("Episode", "Part")))
    visit_feed(archive, show_of(archive), fetcher)
    (record,) = archive.ledger
    assert record.episode.title == "Part 1"
    assert (record.state, record.segments) == (State.HEARD, before.segments)
    assert record.episode.enclosure == before.episode.enclosure


def test_a_new_token_in_the_address_is_no_new_audio(podcasts, archive, adding, fetcher):
    list(adding.add(podcasts.put("/feed.xml", rss(item(1, f"{podcasts.url}/1.mp3?token=1")))))
    heard(archive)
    podcasts.put("/feed.xml", rss(item(1, f"{podcasts.url}/1.mp3?token=2")))
    visit_feed(archive, show_of(archive), fetcher)
    (record,) = archive.ledger
    assert record.state is State.HEARD
    assert record.episode.enclosure.url.endswith("token=2")


def test_other_audio_is_to_be_fetched_again(podcasts, archive, adding, fetcher):
    list(adding.add(feed_of(podcasts, 1)))
    heard(archive)
    podcasts.put("/feed.xml", rss(item(1, f"{podcasts.url}/mended.mp3")))
    visit_feed(archive, show_of(archive), fetcher)
    (record,) = archive.ledger
    assert (record.state, record.episode.enclosure.path) == (State.NEW, "")
    assert record.segments  # until it is heard again


def test_a_transcript_that_comes_later_is_read(podcasts, archive, adding, fetcher):
    list(adding.add(feed_of(podcasts, 1)))
    heard(archive)
    link = '<podcast:transcript url="/1.vtt" type="text/vtt"/>'
    feed_of(podcasts, 1, etag='"2"', inside=link)
    visit_feed(archive, show_of(archive), fetcher)
    (record,) = archive.ledger
    assert (record.state, record.episode.enclosure.sha256) == (State.NEW, "ab")
    assert record.words != PUBLISHER


def test_a_feed_that_fails_is_told_in_its_show_and_keeps_its_episodes(
    podcasts, archive, adding, fetcher
):
    list(adding.add(feed_of(podcasts, 1)))
    podcasts.put("/feed.xml", "<!doctype html><html>Down for repair</html>")
    for failures in (1, 2):
        visit = visit_feed(archive, show_of(archive), fetcher)
        assert visit.show.failures == failures
    assert "a web page, not a feed" in show_of(archive).error
    assert titles(archive) == ["Episode 1"]
    feed_of(podcasts, 1, 2, etag='"3"')
    assert visit_feed(archive, show_of(archive), fetcher).new == 1
    assert (show_of(archive).error, show_of(archive).failures) == ("", 0)


def test_a_server_that_asks_for_time_gets_it(podcasts, archive, adding, fetcher):
    list(adding.add(feed_of(podcasts, 1)))
    podcasts.put("/feed.xml", "", status=429, headers={"Retry-After": "600"})
    visit_feed(archive, show_of(archive), fetcher)
    show = show_of(archive)
    assert show.error.startswith("the server asks to wait until")
    asked = len(podcasts.asked)
    assert visit_feed(archive, show, fetcher).unchanged
    assert len(podcasts.asked) == asked
    past = (datetime.now(UTC) - timedelta(seconds=5)).isoformat(timespec="seconds")
    visit_feed(archive, replace(show, not_before=past), fetcher)
    assert len(podcasts.asked) == asked + 1


def test_a_feed_that_moved_for_good_is_asked_there_and_keeps_its_episodes(
    podcasts, archive, adding, fetcher
):
    list(adding.add(feed_of(podcasts, 1)))
    podcasts.put("/new.xml", podcasts.pages["/feed.xml"].body)
    podcasts.put("/feed.xml", b"", status=301, headers={"Location": "/new.xml"})
    visit = visit_feed(archive, show_of(archive), fetcher)
    assert (visit.new, visit.changed) == (0, 0)
    assert show_of(archive).source == f"{podcasts.url}/new.xml"


def test_a_damaged_record_comes_back_though_the_feed_is_as_it_was(
    podcasts, archive, adding, fetcher
):
    list(adding.add(feed_of(podcasts, 1, 2)))
    lost = next(iter(archive.ledger.ids()))
    archive.ledger.path(lost).write_text("{")
    assert archive.ledger.get(lost) is None
    assert visit_feed(archive, show_of(archive), fetcher, heads(archive)).new == 1
    assert titles(archive) == ["Episode 1", "Episode 2"]


def test_an_episode_in_work_elsewhere_is_seen_to_at_the_next_visit(
    podcasts, archive, adding, fetcher
):
    list(adding.add(feed_of(podcasts, 1)))
    (id,) = archive.ledger.ids()
    feed_of(podcasts, 1, etag='"2"', inside="<description>New.</description>")
    with archive.ledger.locked(id):
        assert visit_feed(archive, show_of(archive), fetcher).changed == 0
    assert visit_feed(archive, show_of(archive), fetcher).changed == 1


def test_only_what_is_newer_is_wanted(podcasts, archive, fetcher):
    url = feed_of(podcasts, 1, 2, 3, 4)
    list(Adding(archive=archive, fetcher=fetcher, since="2025-06-03").add(url))
    assert titles(archive) == ["Episode 3", "Episode 4"]
    feed_of(podcasts, 1, 2, 3, 4, 5, etag='"2"')
    visit_feed(archive, show_of(archive), fetcher)
    assert titles(archive) == ["Episode 3", "Episode 4", "Episode 5"]


def test_only_the_newest_are_wanted_and_all_that_come_later(podcasts, archive, fetcher):
    url = feed_of(podcasts, 1, 2, 3)
    list(Adding(archive=archive, fetcher=fetcher, latest=1).add(url))
    assert titles(archive) == ["Episode 3"]
    feed_of(podcasts, 1, 2, 3, 4, 5, etag='"2"')
    visit_feed(archive, show_of(archive), fetcher)
    assert titles(archive) == ["Episode 3", "Episode 4", "Episode 5"]


def test_a_list_of_feeds_is_added_and_a_bad_one_in_it_stops_no_other(
    podcasts, archive, adding, tmp_path
):
    podcasts.put("/1.xml", rss(item(1, f"{podcasts.url}/1.mp3"), title="One"))
    podcasts.put("/2.xml", rss(item(1, f"{podcasts.url}/2.mp3"), title="Two"))
    outlines = "".join(f'<outline xmlUrl="{podcasts.url}/{n}.xml" text="F{n}"/>' for n in (1, 9, 2))
    text = f"<opml version='2.0'><body>{outlines}</body></opml>"
    (tmp_path / "feeds.opml").write_text(text)
    for source in (str(tmp_path / "feeds.opml"), podcasts.put("/feeds.opml", text)):
        found = list(adding.add(source))
        assert [isinstance(each, NotAdded) for each in found] == [False, True, False]
        assert found[1].name == "F9"
        assert isinstance(found[1].error, ClipMissing)
    assert [show.title for show in archive.shows] == ["One", "Two"]
    assert len(titles(archive)) == 2


def test_a_show_is_not_added_twice_under_two_addresses(podcasts, archive, adding):
    text = rss(item(1, f"{podcasts.url}/1.mp3"), inside="<podcast:guid>the-one</podcast:guid>")
    list(adding.add(podcasts.put("/a.xml", text)))
    with pytest.raises(ArchiveError, match="is in the archive already"):
        list(adding.add(podcasts.put("/b.xml", text)))


@pytest.mark.parametrize(
    ("source", "error", "words"),
    [
        ("/nothing/there", ClipMissing, "no file or folder"),
        ("http://", ArchiveError, "no URL of a feed"),
        ("https://10.0.0.1/feed", ClipRefused, "not public"),
    ],
)
def test_what_cannot_be_added_says_why(archive, source, error, words):
    from qwen_audio_tools.archive.fetching import Fetcher, policy_for

    with pytest.raises(error, match=words):
        list(Adding(archive=archive, fetcher=Fetcher(policy_for())).add(source))
    assert list(archive.shows) == []


def test_a_feed_that_is_too_large_is_refused(podcasts, archive, adding):
    url = podcasts.put("/feed.xml", b"<rss>" + b" " * (33 * 2**20))
    with pytest.raises(ArchiveError, match="more than 33,554,432 bytes"):
        list(adding.add(url))
