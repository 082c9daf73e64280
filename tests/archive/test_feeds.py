"""Feeds as publishers write them: what is read, what is refused, and in which words."""

import textwrap

import pytest

from qwen_audio_tools.archive.feeds.opml import read_opml
from qwen_audio_tools.archive.feeds.plain_text import CUT, notes, one_line
from qwen_audio_tools.archive.feeds.reading import MOST, read_feed, seconds_of
from qwen_audio_tools.archive.records import Chapter, State
from qwen_audio_tools.errors import ArchiveError
from qwen_audio_tools.testing.made_podcasts import item, rss

URL = "https://example.com/feeds/harbour.xml"
AUDIO = "https://cdn.example.com/1.mp3"


def read(text, url=URL):
    data = text if isinstance(text, bytes) else text.encode()
    return read_feed(data, url=url, show="00000000000000aa")


def only(feed):
    (record,) = feed.episodes
    return record.episode


def test_an_rss_feed_gives_a_show_and_its_episodes_newest_first():
    feed = read(
        rss(*(item(number, f"https://cdn.example.com/{number}.mp3") for number in (1, 2, 3)))
    )
    assert (feed.title, feed.link, feed.language) == (
        "The Harbour Show",
        "https://example.com/",
        "en",
    )
    assert [each.episode.title for each in feed.episodes] == ["Episode 3", "Episode 2", "Episode 1"]
    first = feed.episodes[-1]
    assert first.state is State.NEW
    assert first.episode.published == "2025-06-01T10:00:00+00:00"
    assert first.episode.enclosure.url == AUDIO
    assert first.episode.show == "The Harbour Show"


def test_an_atom_feed_is_read_as_well():
    feed = read(
        f"""<feed xmlns="http://www.w3.org/2005/Atom"><title>Atoms</title><entry>
        <title>One</title><id>tag:a,1</id><updated>2025-06-01T10:00:00Z</updated>
        <summary type="html">&lt;b&gt;Notes&lt;/b&gt;</summary>
        <link rel="enclosure" type="audio/mpeg" length="5" href="{AUDIO}"/></entry></feed>"""
    )
    episode = only(feed)
    assert (episode.title, episode.about, episode.enclosure.size) == ("One", "Notes", 5)


def test_podcasting_tags_are_read_each_by_itself():
    inside = """<podcast:transcript url="a.vtt" type="text/vtt" language="en"/>
    <podcast:transcript url="https://x.example/a.srt" type="application/srt"/>
    <podcast:chapters url="/chapters.json" type="application/json+chapters"/>
    <podcast:person role="guest">Ann &amp; Bo</podcast:person><podcast:person>Cy</podcast:person>
    <podcast:alternateEnclosure type="audio/opus" length="7" default="true">
      <podcast:source uri="https://x.example/a.opus"/></podcast:alternateEnclosure>
    <podcast:alternateEnclosure type="video/mp4"><podcast:source uri="https://x.example/a.mp4"/>
    </podcast:alternateEnclosure><itunes:duration>1:02:03</itunes:duration>"""
    feed = read(rss(item(1, AUDIO, inside=inside), inside="<podcast:guid>show-guid</podcast:guid>"))
    episode = only(feed)
    assert feed.guid == "show-guid"
    assert feed.episodes[0].duration == 3723.0
    assert [(link.url, link.language) for link in episode.transcripts] == [
        ("https://example.com/feeds/a.vtt", "en"),
        ("https://x.example/a.srt", None),
    ]
    assert episode.chapters_url == "https://example.com/chapters.json"
    assert episode.persons == ("Ann & Bo", "Cy")
    assert [each.url[-5:] for each in episode.alternates] == [".opus", "a.mp4"]


def test_chapters_in_the_feed_are_read():
    inside = """<psc:chapters><psc:chapter start="0:10:00" title="Later"/>
    <psc:chapter start="00:00:00.000" title="Start"/></psc:chapters>"""
    assert only(read(rss(item(1, AUDIO, inside=inside)))).chapters == (
        Chapter(start=0.0, title="Start"),
        Chapter(start=600.0, title="Later"),
    )


def test_the_alternate_is_taken_where_there_is_no_other_audio():
    inside = """<podcast:alternateEnclosure type="audio/opus">
    <podcast:source uri="https://x.example/a.opus"/></podcast:alternateEnclosure>"""
    feed = read(rss(f"<item><title>One</title><guid>g</guid>{inside}</item>"))
    assert only(feed).enclosure.url.endswith("a.opus")


def test_items_without_audio_are_left_out_and_told():
    enclosure = '<enclosure url="https://x.example/a.pdf" type="application/pdf"/>'
    pdf = f"<item><title>B</title>{enclosure}</item>"
    feed = read(rss("<item><title>A</title></item>", pdf, item(1, AUDIO)))
    assert len(feed.episodes) == 1
    assert feed.warnings == ("2 of 3 items of the feed have no audio",)


def test_a_guid_that_comes_twice_is_one_episode():
    feed = read(rss(item(1, AUDIO), item(1, "https://cdn.example.com/other.mp3")))
    assert only(feed).enclosure.url == AUDIO
    assert "repeat the guid" in feed.warnings[0]


def test_an_episode_keeps_its_id_when_its_feed_moves():
    there = read(rss(item(1, AUDIO)), url="https://elsewhere.example/feed")
    assert only(there).id == only(read(rss(item(1, AUDIO)))).id


def test_without_a_guid_the_address_of_the_audio_stands_for_it_less_its_token():
    plain = '<item><title>T</title><enclosure url="{}" type="audio/mpeg"/></item>'
    one, other = (read(rss(plain.format(f"{AUDIO}?token={token}"))) for token in "ab")
    assert only(one).id == only(other).id


def test_a_revision_changes_with_what_the_feed_says():
    def of(*items):
        return only(read(rss(*items))).revision

    assert of(item(1, AUDIO)) == of(item(1, AUDIO))
    assert of(item(1, AUDIO)) != of(item(1, AUDIO, inside="<description>New</description>"))


def test_show_notes_become_plain_text():
    markup = """<p>Hello <b>you</b> &amp; me</p><script>alert(1)</script><ul><li>One</li><li>Two
    <img src="https://evil.example/pixel.png"></li></ul><a href="javascript:x">link</a>"""
    inside = f"<content:encoded><![CDATA[{markup}]]></content:encoded>"
    about = only(read(rss(item(1, AUDIO, inside=inside)))).about
    assert about.split() == ["Hello", "you", "&", "me", "One", "Two", "link"]
    assert "<" not in about


def test_markup_that_was_escaped_twice_goes_too():
    assert notes("&lt;p&gt;Hi &amp;amp; bye&lt;/p&gt;") == "Hi & bye"
    assert notes("2 < 3 and 4 > 3") == "2 < 3 and 4 > 3"


def test_control_characters_and_overlong_texts_do_not_get_through():
    assert one_line("a\x00b\x1b[31mc\u202ed\ne") == "ab[31mcd e"
    assert one_line("x" * 10_000).endswith(CUT)
    assert len(one_line("x" * 10_000)) == 500
    assert len(notes("y " * 10**6)) <= 20_000
    assert notes("z" * 10**6).endswith(CUT)


def test_what_is_in_html_is_no_feed_and_the_feed_it_names_is_told():
    page = """<!DOCTYPE html><html><head><link rel="alternate" type="application/rss+xml"
    href="/rss.xml"></head><body>Welcome</body></html>"""
    with pytest.raises(ArchiveError, match="a web page, not a feed") as caught:
        read(page)
    assert "https://example.com/rss.xml" in caught.value.hint


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"", "no XML, not an RSS"),
        (b"\x00\x01" * 100, "no XML"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'><g/></svg>", "root 'svg'"),
        (b'{"version": "https://jsonfeed.org/version/1"}', "no XML"),
        (b"ID3\x04\x00" + bytes(500), "no XML"),
    ],
)
def test_what_is_no_feed_says_what_it_is(text, words):
    with pytest.raises(ArchiveError, match=words):
        read(text)


BOMB = """<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY lol "lol">
<!ENTITY lol2 "&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;">
<!ENTITY lol3 "&lol2;&lol2;&lol2;&lol2;&lol2;&lol2;&lol2;&lol2;&lol2;&lol2;">]>
<rss version="2.0"><channel><title>&lol3;</title></channel></rss>"""
QUADRATIC = f"""<!DOCTYPE rss [<!ENTITY a "{"a" * 100_000}">]>
<rss version="2.0"><channel><title>{"&a;" * 10_000}</title></channel></rss>"""
EXTERNAL = """<!DOCTYPE rss [<!ENTITY secret SYSTEM "file:///etc/passwd">]>
<rss version="2.0"><channel><title>&secret;</title></channel></rss>"""
PARAMETER = """<!DOCTYPE rss [<!ENTITY % all SYSTEM "http://127.0.0.1:1/x.dtd"> %all;]>
<rss version="2.0"><channel><title>x</title></channel></rss>"""


@pytest.mark.parametrize("text", [BOMB, QUADRATIC, EXTERNAL, PARAMETER])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_entities_are_refused_before_any_is_expanded_or_fetched(text, encoding):
    with pytest.raises(ArchiveError, match="declares an XML entity"):
        read(text.replace('<?xml version="1.0"?>', "").encode(encoding))


def test_a_feed_without_declared_entities_may_name_a_dtd():
    plain = rss(item(1, AUDIO)).partition("?>")[2]
    doctype = '<!DOCTYPE rss PUBLIC "-//Netscape//DTD RSS 0.91//EN" "http://127.0.0.1:1/x.dtd">'
    assert only(read(doctype + plain)).title == "Episode 1"


def test_absurd_nesting_is_refused():
    with pytest.raises(ArchiveError, match="levels deep"):
        read("<rss>" + "<a>" * 100_000)


def test_a_broken_feed_is_read_as_far_as_it_goes_and_that_is_told():
    whole = rss(item(1, AUDIO), item(2, "https://cdn.example.com/2.mp3"))
    feed = read(whole.replace("Episode 2", "Episode 2 & more <oops"))
    assert "Episode 1" in [each.episode.title for each in feed.episodes]
    assert "broken XML" in feed.warnings[0]


def test_a_hundred_thousand_items_are_survived_and_the_newest_are_taken():
    one = "<item><guid>{0}</guid><enclosure url='https://x.example/{0}'/></item>"
    feed = read(rss(*(one.format(number) for number in range(100_000))))
    assert len(feed.episodes) == MOST
    assert feed.warnings == ("the feed has 100,000 items; the newest 10,000 are taken in",)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("3600", 3600), ("60:00", 3600), ("1:00:00.5", 3600.5), (" 90 ", 90), ("", None),
     ("soon", None), ("-1", None), ("1:2:3:4", None), (None, None), ("9" * 40, None)],
)  # fmt: skip
def test_durations_are_read_in_any_of_their_forms(text, seconds):
    assert seconds_of(text) == seconds


def test_an_opml_list_names_its_feeds_once_each():
    listed = read_opml(
        textwrap.dedent(
            """<?xml version="1.0"?><opml version="2.0"><head/><body><outline text="News">
            <outline type="rss" text="One" xmlUrl="https://example.com/1.xml"/>
            <outline type="rss" title="Two" XMLURL="http://example.com/2.xml"/></outline>
            <outline text="One again" xmlUrl="https://example.com/1.xml"/>
            <outline text="Odd" xmlUrl="file:///etc/passwd"/></body></opml>"""
        ).encode()
    )
    assert [(each.title, each.url) for each in listed] == [
        ("One", "https://example.com/1.xml"),
        ("Two", "http://example.com/2.xml"),
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("<opml><body/></opml>", "no OPML list"),
        ("<opml><body>", "broken XML"),
        ('<!DOCTYPE opml [<!ENTITY a "b">]><opml/>', "declares an XML entity"),
    ],
)
def test_a_list_that_is_none_is_refused(text, words):
    with pytest.raises(ArchiveError, match=words):
        read_opml(text.encode())
