"""Bytes that nobody meant: whatever comes, it is read or refused, and nothing else happens."""

import json
import random

import pytest

from qwen_audio_tools.archive.chapters import read_chapters
from qwen_audio_tools.archive.feeds.opml import read_opml
from qwen_audio_tools.archive.feeds.reading import read_feed
from qwen_audio_tools.archive.records import EpisodeRecord, TranscriptLink
from qwen_audio_tools.archive.transcripts.reading import read_publishers
from qwen_audio_tools.errors import ArchiveError
from qwen_audio_tools.testing.made_podcasts import item, rss

FEED = rss(
    item(1, "https://x.example/1.mp3", inside='<podcast:transcript url="/a" type="text/vtt"/>'),
    item(2, "https://x.example/2.mp3", inside="<description>&lt;p&gt;Hi&lt;/p&gt;</description>"),
)
OPML = "<opml version='2.0'><body><outline xmlUrl='https://x.example/f' text='F'/></body></opml>"
VTT = (
    "WEBVTT\n\n00:01.000 --> 00:02.000\n<v Ann>Hello &amp; bye.\n\n00:03.000 --> 00:04.000\nYes.\n"
)
HTML = "<cite>Ann:</cite><time>0:01</time><p>Hello.</p><time>1:02:03</time><p>Bye.</p>"
JSON = json.dumps({"segments": [{"startTime": 1, "endTime": 2, "body": "Hi", "speaker": "A"}]})
CHAPTERS = json.dumps({"chapters": [{"startTime": 0, "title": "A"}, {"startTime": 9}]})
LINK = TranscriptLink(url="https://x.example/t", media_type="")

SHARP = (b"<", b">", b"&", b'"', b"\0", b"]]>", b"<![CDATA[", b"<!--", b"\xff")

READERS = {
    "feed": (FEED, lambda data: read_feed(data, url="https://x.example/f", show="0" * 16)),
    "opml": (OPML, read_opml),
    "vtt": (VTT, lambda data: read_publishers(data, LINK)),
    "html": (HTML, lambda data: read_publishers(data, LINK)),
    "json": (JSON, lambda data: read_publishers(data, LINK)),
    "chapters": (CHAPTERS, read_chapters),
}


def mangled(data: bytes, chance: random.Random) -> bytes:
    """Cut, double, change or put in some bytes."""
    found = bytearray(data)
    for _ in range(chance.randint(1, 6)):
        at = chance.randrange(len(found) + 1)
        kind = chance.randrange(5)
        if kind == 0:
            del found[at : at + chance.randint(1, 40)]
        elif kind == 1:
            found[at:at] = found[at : at + chance.randint(1, 60)]
        elif kind == 2 and at < len(found):
            found[at] = chance.randrange(256)
        elif kind == 3:
            found[at:at] = chance.choice(
                [b"<", b">", b"&", b'"', b"\0", b"]]>", b"<![CDATA[", b"\xff"]
            )
        else:
            found = found[:at] or found
    return bytes(found)


@pytest.mark.parametrize("kind", READERS)
def test_mangled_bytes_are_read_or_refused(kind):
    text, read = READERS[kind]
    chance = random.Random(kind)
    read(text.encode())
    refused = 0
    for _ in range(400):
        try:
            read(mangled(text.encode(), chance))
        except ArchiveError:
            refused += 1
    assert 0 < refused < 400


def test_what_is_read_of_mangled_feeds_can_be_kept():
    chance = random.Random(7)
    for _ in range(200):
        try:
            feed = read_feed(
                mangled(FEED.encode(), chance), url="https://x.example/", show="0" * 16
            )
        except ArchiveError:
            continue
        for record in feed.episodes:
            again = json.loads(json.dumps(record.to_dict()).encode("utf-8", "replace"))
            assert EpisodeRecord.from_dict(again) == record
