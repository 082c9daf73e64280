"""What models write for arguments is read where its meaning is plain."""

import pytest

from qwen_audio_tools.errors import SettingsError
from qwen_audio_tools.serving.mcp.arguments import Argument, Kind, read_arguments

ARGUMENTS = (
    Argument(name="audio", about="", required=True),
    Argument(name="start_s", about="", kind=Kind.SECONDS),
    Argument(name="page", about="", kind=Kind.COUNT),
    Argument(name="audios", about="", kind=Kind.TEXTS),
)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ({"start_s": 5}, {"start_s": 5.0}),
        ({"start_s": "5.5"}, {"start_s": 5.5}),
        ({"start_s": None, "page": None}, {}),
        ({"page": 2.0}, {"page": 2}),
        ({"page": "2"}, {"page": 2}),
        ({"audios": ["a", "b"]}, {"audios": ("a", "b")}),
        ({"audios": '["a", "b"]'}, {"audios": ("a", "b")}),
    ],
)
def test_numbers_and_lists_may_be_quoted_and_null_is_nothing(written, read):
    assert read_arguments(ARGUMENTS, {"audio": "5", **written}) == {"audio": "5", **read}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[("start_s", bad) for bad in ("1:30", "", "NaN", float("inf"), 1e999, [], {}, False)],
        *[("start_s", bad) for bad in (-0.1, 10**400, "1" * 5000, "[" * 100_000)],
        *[("page", bad) for bad in (0, 1.5, -1, "two", [1])],
        *[("audios", bad) for bad in ("a.wav", 5, {"a": 1}, ["a", 5], [["a"], "b"])],
        *[("audio", bad) for bad in (5, True, ["a"], {})],
    ],
    ids=lambda value: repr(value)[:30],
)
def test_all_else_is_refused_by_name_in_a_few_words(name, value):
    with pytest.raises(SettingsError, match=f"^{name} ") as caught:
        read_arguments(ARGUMENTS, {"audio": "a.wav", name: value})
    assert len(str(caught.value)) < 300


def test_an_argument_that_is_not_there_is_named_with_those_that_are():
    for written, why in (
        ({"audio": "a", "stat_s": 1}, "did you mean 'start_s'"),
        ({"audio": "a", "x" * 999: 1}, "there are audio, start_s, page, audios"),
        (None, "audio is missing"),
    ):
        with pytest.raises(SettingsError, match=why):
            read_arguments(ARGUMENTS, written)
