"""Writers of transcripts: valid files, lines that fit, and words that cannot become markup."""

import json
import re

import pytest

from qwen_audio_tools.subtitles import COLUMNS, WRITERS, clock, short_clock
from qwen_audio_tools.transcript import Segment, Transcript

SPOKEN = Transcript(
    segments=(
        Segment(start=0.5, end=2.25, text=" Hello there. ", speaker="S1", language="en"),
        Segment(start=3661.0, end=3664.5, text="Good bye, see you tomorrow.", speaker="S2"),
    ),
    language="en",
    duration=3700.0,
    source="meeting.mp3",
)
EMPTY = Transcript(segments=(), language=None, duration=1.0)


def one(text: str, *, end: float = 8.0, speaker: str | None = None) -> Transcript:
    return Transcript(segments=(Segment(start=0.0, end=end, text=text, speaker=speaker),))


def cues(text: str) -> list[tuple[str, list[str]]]:
    found = []
    for block in text.strip().split("\n\n"):
        lines = block.split("\n")
        times = next((at for at, line in enumerate(lines) if " --> " in line), None)
        if times is not None:
            found.append((lines[times], lines[times + 1 :]))
    return found


def test_srt_numbers_cues_and_puts_the_speaker_first():
    assert WRITERS["srt"](SPOKEN) == (
        "1\n00:00:00,500 --> 00:00:02,250\nS1: Hello there.\n\n"
        "2\n01:01:01,000 --> 01:01:04,500\nS2: Good bye, see you tomorrow.\n"
    )


def test_vtt_starts_with_its_name_and_marks_voices():
    text = WRITERS["vtt"](SPOKEN)
    assert text.startswith("WEBVTT\n\n00:00:00.500 --> 00:00:02.250\n<v S1>Hello there.\n\n")


def test_tsv_has_milliseconds_and_one_row_a_segment():
    rows = [row.split("\t") for row in WRITERS["tsv"](SPOKEN).splitlines()]
    assert rows[0] == ["start", "end", "text", "speaker"]
    assert rows[1] == ["500", "2250", "Hello there.", "S1"]
    assert WRITERS["tsv"](one("a\tb\nc")).splitlines()[1] == "0\t8000\ta b c"


def test_json_gives_the_transcript_back():
    assert Transcript.from_dict(json.loads(WRITERS["json"](SPOKEN))) == Transcript.from_dict(
        SPOKEN.to_dict()
    )


def test_markdown_shows_times_and_speakers():
    text = WRITERS["md"](SPOKEN)
    assert "# meeting.mp3" in text
    assert "`1:01:01` **S2:** Good bye, see you tomorrow." in text


def test_text_is_a_line_for_each_segment():
    assert WRITERS["txt"](SPOKEN) == "S1: Hello there.\nS2: Good bye, see you tomorrow.\n"


@pytest.mark.parametrize("name", WRITERS)
def test_silence_makes_a_valid_file(name):
    text = WRITERS[name](EMPTY)
    assert "-->" not in text
    assert text == "" or text.endswith("\n")


@pytest.mark.parametrize("form", ["srt", "vtt"])
@pytest.mark.parametrize(
    "words",
    [
        "it was a long winter and nobody in the whole valley could remember one like it " * 4,
        "这是一个很长的句子，里面没有空格，所以必须在字与字之间换行，而不能在标点之前换行。" * 4,
        "mixed 中文 and English 在同一行里 with words " * 6,
        "https://example.org/" + "a" * 200,
    ],
)
def test_lines_fit_and_nothing_is_lost(form, words):
    found = cues(WRITERS[form](one(words, end=30.0)))
    said = "".join("".join(lines) for _, lines in found)
    assert re.sub(r"\s", "", said) == re.sub(r"\s", "", words)
    for _, lines in found:
        assert 1 <= len(lines) <= 2
        for line in lines:
            assert sum(2 if ord(char) > 0x2E80 else 1 for char in line) <= COLUMNS
            assert not line.startswith(("，", "。"))


@pytest.mark.parametrize("speaker", ["S1", "Dr. Someone-Longer"])
def test_the_speaker_is_part_of_the_line_width(speaker):
    for _, lines in cues(WRITERS["srt"](one("word " * 60, speaker=speaker))):
        assert all(len(line) <= COLUMNS for line in lines)


def test_cues_of_a_long_segment_follow_each_other_within_its_time():
    stamps = [
        tuple(line.split(" --> "))
        for line, _ in cues(WRITERS["srt"](one("some words that go on " * 20, end=20.0)))
    ]
    assert stamps[0][0] == "00:00:00,000"
    assert stamps[-1][1] == "00:00:20,000"
    for (start, end), (after, _) in zip(stamps, [*stamps[1:], ("99", "")], strict=True):
        assert start < end <= after


def test_an_arrow_that_was_heard_is_no_timing_line():
    for form in ("srt", "vtt"):
        text = WRITERS[form](one("go from A --> B --> C"))
        assert text.count("-->") == 1


def test_what_was_heard_is_no_markup_in_vtt():
    text = WRITERS["vtt"](one("<b>1 & 2</b> <v Boss>", speaker="A>B\n\nX"))
    assert "<b>" not in text
    assert "<v A&gt;B X>&lt;b&gt;1 &amp; 2&lt;/b&gt; &lt;v Boss&gt;" in text.replace("\n&", " &")


def test_a_blank_line_that_was_heard_does_not_end_a_cue():
    assert cues(WRITERS["srt"](one("one\n\n2\n\nthree"))) == [
        ("00:00:00,000 --> 00:00:08,000", ["one 2 three"])
    ]


def test_a_cue_of_no_length_is_still_shown():
    text = WRITERS["srt"](one("x", end=0.0))
    assert "00:00:00,000 --> 00:00:00,001" in text


def test_markdown_of_what_was_heard_stays_text():
    text = WRITERS["md"](one("[click](http://x) *now* `rm`"))
    assert "[click]" not in text
    assert "\\[click\\]" in text


@pytest.mark.parametrize(
    ("seconds", "long", "short"),
    [
        (0.0, "00:00:00,000", "0:00"),
        (59.9996, "00:01:00,000", "0:59"),
        (3599.5, "00:59:59,500", "59:59"),
        (360_000.0, "100:00:00,000", "100:00:00"),
    ],
)
def test_clocks(seconds, long, short):
    assert clock(seconds, ",") == long
    assert short_clock(seconds) == short
