"""Tokens of a server: safe ones only, from the environment or a file, and shown to nobody."""

import pytest

from qwen_audio_tools.errors import SettingsError
from qwen_audio_tools.serving.tokens import Tokens, host_named

SECRET, OTHER, THIRD = "secret-of-the-test", "other-of-the-test", "third-of-the-test"
VARIABLE = "QWA_TEST_TOKEN"


def test_tokens_are_read_from_the_environment_and_a_file(tmp_path, monkeypatch):
    assert Tokens.read(VARIABLE).digests == ()
    file = tmp_path / "tokens"
    file.write_text(f"# of the team\n{SECRET}\n\n  {OTHER}  \n")
    monkeypatch.setenv(VARIABLE, f"{THIRD}\n")
    tokens = Tokens.read(VARIABLE, file)
    assert [tokens.open_with(each) for each in (SECRET, OTHER, THIRD)] == [True] * 3
    assert not any(tokens.open_with(each) for each in ("", "# of the team", "four"))
    assert SECRET not in repr(tokens)


def test_a_header_brings_one_as_a_bearer():
    tokens = Tokens.of([SECRET])
    assert tokens.open_to(f"Bearer {SECRET}")
    assert tokens.open_to(f"bearer  {SECRET} ")
    for header in ("", SECRET, f"Basic {SECRET}", f"Bearer {OTHER}", "Bearer", "Bearer é"):
        assert not tokens.open_to(header)


@pytest.mark.parametrize(
    "token", ["", "guess", "two words of a test", "täglich-of-the-test", "line\nbreak-of-a-test"]
)
def test_a_token_that_can_be_guessed_or_not_be_sent_is_refused(token, monkeypatch):
    with pytest.raises(SettingsError, match="no safe one") as refused:
        Tokens.of([token], variable=VARIABLE)
    assert not token or token not in str(refused.value)
    assert f"export {VARIABLE}=" in refused.value.hint
    monkeypatch.setenv(VARIABLE, "guess")
    with pytest.raises(SettingsError, match="no safe one"):
        Tokens.read(VARIABLE)


def test_a_file_without_tokens_is_refused(tmp_path):
    (tmp_path / "empty").write_text("# none yet\n")
    with pytest.raises(SettingsError, match="holds none"):
        Tokens.read(VARIABLE, tmp_path / "empty")
    with pytest.raises(SettingsError, match="can't be read"):
        Tokens.read(VARIABLE, tmp_path / "missing")


@pytest.mark.parametrize(
    ("header", "host"),
    [
        ("localhost:80", "localhost"),
        ("LOCALHOST", "localhost"),
        ("[::1]:9", "::1"),
        ("ears.example.", "ears.example"),
        ("", ""),
    ],
)
def test_a_header_names_a_host(header, host):
    assert host_named(header) == host
