"""Every error has a documented exit code, one line, and a hint; none has a traceback."""

import errno

import pytest
from qwa.exits import batch_code, code_of, report
from qwa.manners import Manners

from qwen_audio_tools import errors
from qwen_audio_tools.errors import QwenAudioError


def kinds(kind: type[QwenAudioError] = QwenAudioError) -> list[type[QwenAudioError]]:
    return [kind, *(found for below in kind.__subclasses__() for found in kinds(below))]


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (errors.ClipMissing, 3),
        (errors.ClipUnreadable, 3),
        (errors.ClipError, 3),
        (errors.ClipUnsupported, 4),
        (errors.ClipTooLong, 4),
        (errors.ClipRefused, 4),
        (errors.EngineUnsupported, 4),
        (errors.EngineUnreachable, 5),
        (errors.EngineRefused, 6),
        (errors.EngineOutOfMemory, 6),
        (errors.MissingExtra, 6),
        (errors.WeightsMissing, 6),
        (errors.SettingsError, 2),
        (errors.Cancelled, 130),
    ],
)
def test_exit_codes_are_those_documented(kind, code):
    assert code_of(kind("x")) == code


def test_no_error_of_ours_counts_as_unexpected():
    assert [
        kind for kind in kinds() if kind is not QwenAudioError and code_of(kind("x")) == 1
    ] == []


@pytest.mark.parametrize(
    ("codes", "total", "code"),
    [([], 3, 0), ([3], 1, 3), ([3], 2, 7), ([3, 3], 2, 3), ([3, 4], 2, 7), ([3, 4], 3, 7)],
)
def test_a_batch_says_whether_all_or_some_failed(codes, total, code):
    assert batch_code(codes, total) == code


def test_an_error_is_two_lines(capsys):
    assert report(errors.ClipMissing("no\nfile 'x\x1b[2J'", hint="look\nthere"), None) == 3
    assert capsys.readouterr().err == "qwa: error: no file 'x�[2J'\nhint: look there\n"


def test_a_bug_is_one_line_and_a_hint_at_the_traceback(capsys):
    assert report(ZeroDivisionError("division by zero"), None) == 1
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        "qwa: error: unexpected ZeroDivisionError: division by zero",
        "hint: run it with -v for the traceback",
    ]


def test_a_bug_keeps_its_traceback_when_asked(capsys):
    with pytest.raises(ZeroDivisionError) as caught:
        1 / 0  # noqa: B018
    assert report(caught.value, Manners(verbose=True)) == 1
    assert "Traceback" in capsys.readouterr().err


def test_errors_speak_chinese_where_the_person_does(capsys):
    report(errors.ClipMissing("x", hint="y"), Manners(lang="zh"))
    assert capsys.readouterr().err == "qwa: 错误: x\n提示: y\n"


def test_too_little_memory_is_a_limit(capsys):
    assert report(MemoryError(), None) == 4
    assert "--start" in capsys.readouterr().err


def test_another_os_error_is_unexpected(capsys):
    assert report(OSError(errno.EIO, "Input/output error"), None) == 1


def test_usage_errors_are_told_like_all_others(qwa):
    for line in (["ask", "--nope"], ["nosuch"], ["transcribe", "a.wav", "--format", "doc"]):
        ran = qwa(*line)
        assert ran.code == 2
        assert ran.out == ""
        assert ran.err.startswith("qwa: error: ")
        assert "\nhint: qwa " in ran.err
        assert ran.err.count("\n") == 2


def test_a_forgotten_question_shows_an_example(qwa, tmp_path):
    (tmp_path / "a.wav").write_bytes(b"RIFF")
    for line in (["ask"], ["ask", tmp_path / "a.wav"], ["ask", "what is said?"]):
        ran = qwa(*line)
        assert ran.code == 2
        assert 'hint: qwa ask clip.mp3 "what emotion?"' in ran.err


@pytest.mark.parametrize(
    "line",
    [
        ["--json", "--jsonl"],
        ["--skip-existing"],
        ["--force"],
        ["--out", "o", "--skip-existing", "--force"],
        ["--out", "o", "--together"],
        ["--start", "soon"],
        ["--start", "5", "--end", "5"],
        ["--lang", "fr"],
    ],
)
def test_options_that_contradict_each_other_are_refused_before_any_work(qwa, line):
    ran = qwa("ask", "a.wav", "what?", *line)
    assert (ran.code, ran.out) == (2, "")


def test_help_version_and_lists_are_on_stdout(qwa):
    assert qwa("--version").out.startswith("qwa ")
    assert "transcribe" in qwa("tasks").out
    assert "embedded" in qwa("engines", "--quiet").out
    for line in (["--help"], ["-h"], ["ask", "-h"], ["models", "-h"], ["config", "show", "-h"]):
        ran = qwa(*line)
        assert (ran.code, ran.err) == (0, "")
        assert ran.out.startswith("Usage: qwa")


def test_settings_are_shown_with_their_origin(qwa, monkeypatch, tmp_path):
    monkeypatch.setenv("QWA_CONFIG", str(tmp_path))
    monkeypatch.setenv("QWA_ENGINE", "embedded")
    (tmp_path / "config.toml").write_text('whisper = "small"\n', encoding="utf-8")
    lines = qwa("config", "show").out.splitlines()
    assert next(line for line in lines if line.startswith("engine")).split()[1:] == [
        "embedded",
        "QWA_ENGINE",
        "QWA_ENGINE",
    ]
    assert any("small" in line and str(tmp_path / "config.toml") in line for line in lines)


def test_a_wrong_settings_file_is_a_usage_error(qwa, monkeypatch, tmp_path):
    monkeypatch.setenv("QWA_CONFIG", str(tmp_path))
    (tmp_path / "config.toml").write_text("engine = 3\n", encoding="utf-8")
    ran = qwa("config", "show")
    assert (ran.code, ran.out) == (2, "")
    assert "config.toml, line 1" in ran.err
