"""Transcripts of publishers: any format, any order, and what can't be read says why."""

import json

import pytest

from qwen_audio_tools.archive.chapters import read_chapters
from qwen_audio_tools.archive.records import Chapter, TranscriptLink
from qwen_audio_tools.archive.transcripts.reading import best_first, read_publishers
from qwen_audio_tools.errors import ArchiveError

SRT = """1
00:00:01,000 --> 00:00:03,500
Ann: We meet at the harbour.

2
00:00:04,000 --> 00:00:06,000
Bo: The ferry is late,

3
00:00:06,200 --> 00:00:08,000
because of the storm.

4
00:00:09,000 --> 00:00:10,000
Ann: Oh.

5
00:00:11,000 --> 00:00:12,000
Bo: Yes.
"""
VTT = """WEBVTT - made

NOTE a comment
over two lines

STYLE
::cue { color: red }

intro
00:01.000 --> 00:03.500 align:start position:0%
<v.loud Ann>We <i>meet</i> at the harbour.</v>

00:04.000 --> 00:06.000
<v Bo>The ferry is late,
because &amp; of the storm.
"""
HTML = """<html><body><cite>Ann:</cite><time>0:01</time><p>We meet at the harbour.</p>
<cite>Bo:</cite><time>0:04</time><p>The ferry is late,</p><p>because of the storm.</p></body>"""
JSON = json.dumps(
    {
        "version": "1.0.0",
        "segments": [
            {"speaker": "Ann", "startTime": 1.0, "endTime": 3.5, "body": "We meet at the harbour."},
            {"speaker": "Bo", "startTime": 4.0, "endTime": 6.0, "body": "The ferry is late."},
        ],
    }
)
WHISPER = json.dumps({"segments": [{"start": "1.0", "end": 3.5, "text": " We meet. "}]})


def read(text, media_type="", url="https://example.com/t"):
    data = text if isinstance(text, bytes) else text.encode()
    return read_publishers(data, TranscriptLink(url=url, media_type=media_type))


def told(segments):
    return [(each.start, each.end, each.speaker, each.text) for each in segments]


def test_srt_with_names_in_front_of_words():
    segments, odd = read(SRT, "application/srt")
    assert told(segments) == [
        (1.0, 3.5, "Ann", "We meet at the harbour."),
        (4.0, 8.0, "Bo", "The ferry is late, because of the storm."),
        (9.0, 10.0, "Ann", "Oh."),
        (11.0, 12.0, "Bo", "Yes."),
    ]
    assert odd == ()


def test_vtt_with_voices_notes_and_styles():
    assert told(read(VTT, "text/vtt")[0]) == [
        (1.0, 3.5, "Ann", "We meet at the harbour."),
        (4.0, 6.0, "Bo", "The ferry is late, because & of the storm."),
    ]


def test_html_with_cites_and_times():
    segments, _ = read(HTML, "text/html")
    assert told(segments)[0] == (1.0, 4.0, "Ann", "We meet at the harbour.")
    assert segments[1].text == "The ferry is late, because of the storm."
    assert segments[1].end > segments[1].start


def test_json_of_podcasts_and_of_whisper():
    assert told(read(JSON, "application/json")[0])[1] == (4.0, 6.0, "Bo", "The ferry is late.")
    assert told(read(WHISPER)[0]) == [(1.0, 3.5, None, "We meet.")]


def test_a_wrong_type_does_not_matter():
    expected = told(read(VTT)[0])
    assert told(read(VTT, "application/srt")[0]) == expected
    assert told(read(VTT.encode("utf-16"), "text/plain")[0]) == expected
    assert told(read(b"\xef\xbb\xbf" + VTT.replace("\n", "\r\n").encode())[0]) == expected


def test_cues_out_of_order_are_sorted_and_that_is_told():
    cues = SRT.strip().split("\n\n")
    segments, odd = read("\n\n".join(reversed(cues)))
    starts = [each.start for each in segments]
    assert starts == sorted(starts)
    assert odd[0].startswith("the transcript's cues were out of order")


def test_impossible_times_are_left_out_and_that_is_told():
    text = SRT + "\n\n9\n00:00:30,000 --> 00:00:20,000\nBackwards.\n"
    segments, odd = read(text)
    assert "Backwards" not in " ".join(each.text for each in segments)
    assert odd == ("1 cues of the transcript have impossible times",)
    infinite = json.dumps({"segments": [{"start": 1e400, "end": 2, "text": "x"}]})
    with pytest.raises(ArchiveError, match="no words with times"):
        read(infinite)


def test_words_that_come_one_by_one_are_joined_to_sentences():
    words = ["so", "we", "went", "to", "the", "sea.", "then", "we", "came", "back."]
    each = [
        {"startTime": 0.3 * n, "endTime": 0.3 * n + 0.25, "body": word}
        for n, word in enumerate(words)
    ]
    segments, _ = read(json.dumps({"segments": each}))
    assert [s.text for s in segments] == ["so we went to the sea.", "then we came back."]


def test_a_word_with_a_colon_is_no_speaker_unless_it_comes_back():
    text = "1\n00:01.000 --> 00:02.000\nNote: buy fish.\n\n2\n00:03.000 --> 00:04.000\nGood.\n"
    assert told(read(text)[0])[0] == (1.0, 2.0, None, "Note: buy fish.")


def test_chinese_is_joined_without_spaces():
    text = "1\n00:01.000 --> 00:02.000\n我们今天\n\n2\n00:02.100 --> 00:03.000\n谈渡船。\n"
    assert read(text)[0][0].text == "我们今天谈渡船。"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no words with times"),
        ("just prose, no times at all", "no words with times"),
        ("<html><body><p>No times here.</p></body></html>", "no words with times"),
        ("{broken", "no JSON"),
        ('{"segments": 7}', "no list of 'segments'"),
        ("[" * 100_000, "no JSON"),
    ],
)
def test_what_tells_no_times_is_refused(text, words):
    with pytest.raises(ArchiveError, match=words):
        read(text)


def test_a_flood_of_cues_is_refused():
    cue = "00:01.000 --> 00:02.000\nx\n\n"
    with pytest.raises(ArchiveError, match="more than 300,000 cues"):
        read("WEBVTT\n\n" + cue * 300_001)


def test_markup_in_a_cue_is_text_without_it():
    text = "1\n00:01.000 --> 00:02.000\n<script>alert(1)</script><b>Hi</b> {\\an8}there\n"
    assert read(text)[0][0].text == "alert(1)Hi there"


def test_the_format_that_tells_most_is_tried_first():
    links = [
        TranscriptLink(url="https://e.example/a.html", media_type="text/html"),
        TranscriptLink(url="https://e.example/a.srt", media_type="application/x-subrip"),
        TranscriptLink(url="https://e.example/a.vtt?x=1", media_type=""),
        TranscriptLink(url="https://e.example/a.json", media_type="application/json"),
    ]
    assert [link.url[-6:] for link in best_first(links)] == ["a.json", "tt?x=1", "/a.srt", "a.html"]


def test_chapters_are_read_in_order_each_start_once():
    written = {
        "version": "1.2.0",
        "chapters": [
            {"startTime": 60, "title": "Second"},
            {"startTime": 0, "title": "<b>First</b>"},
            {"startTime": 0, "title": "Again"},
            {"startTime": -5, "title": "Before"},
            {"startTime": 70},
            {"startTime": "80", "title": "A word"},
        ],
    }
    assert read_chapters(json.dumps(written).encode()) == (
        Chapter(start=0.0, title="First"),
        Chapter(start=60.0, title="Second"),
    )


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"chapters": 3}', '{"chapters": ["x"]}'])
def test_what_are_no_chapters_is_refused(text):
    with pytest.raises(ArchiveError, match="no JSON of chapters"):
        read_chapters(text.encode())
