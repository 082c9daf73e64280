"""What a person reads: the answer first, its evidence short and aligned, in their language."""

import io

import pytest
from qwa.manners import Manners, coloured, printable, write_line
from qwa.progress import Bar
from qwa.render import SHOWN, answer_text, seconds_text, table
from qwa.words import is_chinese, locale_language

from qwen_audio_tools.answer import Answer, Evidence


def heard(**given: object) -> Evidence:
    return Evidence(**({"kind": "speech", "text": "hello", "start": 3.2, "end": 5.94} | given))


def shown(*evidence: Evidence, lang: str = "en", text: str = "Yes.") -> list[str]:
    return answer_text(Answer(text=text, evidence=evidence), Manners(lang=lang)).split("\n")


def test_the_answer_comes_first_then_a_blank_line_then_evidence():
    assert shown(heard(), heard(kind="sound", text="dog bark", score=0.914)) == [
        "Yes.",
        "",
        "  0:03.2–0:05.9  speech  “hello”",
        "  0:03.2–0:05.9  sound   dog bark  91%",
    ]


def test_an_answer_without_evidence_is_the_answer_alone():
    assert shown() == ["Yes."]


def test_words_that_were_heard_badly_say_so():
    assert shown(heard(score=0.41))[-1].endswith("“hello”  41%")
    assert shown(heard(score=0.93))[-1].endswith("“hello”")


def test_evidence_about_all_of_it_says_so_and_columns_stay_aligned():
    lines = shown(heard(), heard(kind="language", text="en", start=None, end=None))
    assert lines[-1] == "  whole clip     language  en"
    assert lines[-2] == "  0:03.2–0:05.9  speech    “hello”"


def test_chinese_labels_are_aligned_by_the_places_they_take():
    lines = shown(heard(), heard(kind="speaker", text="S1", start=None, end=None), lang="zh")
    assert lines[-2:] == ["  0:03.2–0:05.9  语音    “hello”", "  全段           说话人  S1"]


def test_much_evidence_is_cut_and_counted():
    lines = shown(*[heard()] * (SHOWN + 3))
    assert len(lines) == 2 + SHOWN + 1
    assert lines[-1] == "  … and 3 more (--json shows all)"


def test_long_words_are_cut_with_an_ellipsis():
    assert shown(heard(text="长" * 500))[-1].endswith("长…”")


def test_control_characters_that_were_heard_never_reach_the_terminal():
    text = "\n".join(shown(heard(text="a\x1b[2Jb"), text="x\x1b]0;title\x07y\nz"))
    assert "\x1b" not in text
    assert "\x07" not in text
    assert printable("a\tb\x9bc") == "a�b�c"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.0, "0:00.0"), (59.96, "1:00.0"), (3.21, "0:03.2"), (3723.4, "1:02:03.4")],
)
def test_times(seconds, text):
    assert seconds_text(seconds) == text


def test_tables_align_chinese_and_latin():
    assert list(table([("a", "x"), ("引擎", "y")])) == ["a     x", "引擎  y"]


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


def test_no_color_beats_force_color_beats_the_terminal(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    assert coloured(Terminal())
    assert not coloured(io.StringIO())
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert coloured(io.StringIO())
    monkeypatch.setenv("NO_COLOR", "1")
    assert not coloured(Terminal())


def test_a_line_that_the_stream_cannot_encode_is_escaped():
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    write_line(stream, "你好")
    assert raw.getvalue() == b"\\u4f60\\u597d\n"


@pytest.mark.parametrize(
    ("locale", "language"),
    [("zh_CN.UTF-8", "zh"), ("zh_TW", "zh"), ("en_US.UTF-8", "en"), ("C", "en"), ("de_DE", "en")],
)
def test_the_locale_picks_the_interface_language(monkeypatch, locale, language):
    monkeypatch.setenv("LC_ALL", locale)
    assert locale_language() == language
    monkeypatch.setenv("QWA_LANG", "zh")
    assert locale_language() == "zh"


def test_chinese_is_told_from_other_text():
    assert is_chinese("这是什么 sound?")
    assert not is_chinese("what is this?")


def test_the_bar_is_drawn_on_a_terminal_only_and_goes_away(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    for stream, drawn in ((Terminal(), True), (io.StringIO(), False)):
        monkeypatch.setattr("sys.stderr", stream)
        bar = Bar(Manners())
        bar("listening", 5.0, 10.0)
        bar("listening", 6.0, 10.0)
        bar.clear()
        assert ("50%" in stream.getvalue()) is drawn
        assert "60%" not in stream.getvalue()  # a redraw comes at most ten times a second
        assert not drawn or stream.getvalue().endswith("\r\x1b[K")


def test_a_quiet_run_has_no_bar(monkeypatch):
    stream = Terminal()
    monkeypatch.setattr("sys.stderr", stream)
    Bar(Manners(quiet=True))("listening", 1.0, 2.0)
    assert stream.getvalue() == ""
