"""Settings: the later source wins, every value knows its origin, and slips are named."""

from dataclasses import fields
from pathlib import Path

import pytest

from qwen_audio_tools.errors import SettingsError
from qwen_audio_tools.settings import TABLE, Settings, read, settings_file


@pytest.fixture(autouse=True)
def config(tmp_path, monkeypatch) -> Path:
    for row in TABLE.values():
        monkeypatch.delenv(row.variable, raising=False)
    monkeypatch.setenv("QWA_CONFIG", str(tmp_path))
    return tmp_path / "config.toml"


def test_every_setting_has_a_row_and_every_row_a_field():
    assert {field.name for field in fields(Settings)} - {"origins"} == set(TABLE)


def test_without_anything_the_defaults_hold():
    settings = read()
    assert settings.engine == "auto"
    assert settings.whisper == "base"
    assert settings.offline is False
    assert {settings.origin(name) for name in TABLE} == {"default"}


def test_file_gives_way_to_environment_and_environment_to_argument(config, monkeypatch):
    config.write_text('engine = "a"\nlang = "zh"\nwhisper = "small"\n', encoding="utf-8")
    monkeypatch.setenv("QWA_ENGINE", "b")
    monkeypatch.setenv("QWA_LANG", "en")
    settings = read(engine="c", lang=None)
    assert (settings.engine, settings.origin("engine")) == ("c", "argument")
    assert (settings.lang, settings.origin("lang")) == ("en", "QWA_LANG")
    assert (settings.whisper, settings.origin("whisper")) == ("small", str(settings_file()))
    assert settings.origin("offline") == "default"


@pytest.mark.parametrize("word", ["1", "true", "YES", "on"])
def test_a_switch_takes_the_usual_words(word, monkeypatch):
    monkeypatch.setenv("QWA_OFFLINE", word)
    assert read().offline is True


@pytest.mark.parametrize("word", ["0", "false", "No", "off", ""])
def test_a_switch_is_turned_off_by_the_usual_words(word, monkeypatch):
    monkeypatch.setenv("QWA_OFFLINE", word)
    assert read().offline is False


def test_roots_are_split_as_paths_are(monkeypatch, tmp_path, config):
    monkeypatch.setenv("QWA_ROOTS", f"{tmp_path}:/srv/audio")
    assert read().roots == (tmp_path, Path("/srv/audio"))
    monkeypatch.delenv("QWA_ROOTS")
    config.write_text('roots = ["/a", "/b"]\n', encoding="utf-8")
    assert read().roots == (Path("/a"), Path("/b"))


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("analysis_cache_mb = -1", "whole number of megabytes"),
        ("analysis_cache_mb = true", "whole number of megabytes"),
        ('lang = "fr"', "auto, en, zh"),
        ('offline = "perhaps"', "true or false"),
        ("engine = 3", "a word is needed"),
        ("roots = [1]", "list of folders"),
    ],
)
def test_an_impossible_value_names_file_line_and_what_is_allowed(config, line, complaint):
    config.write_text(f"# mine\n\n{line}\n", encoding="utf-8")
    with pytest.raises(SettingsError) as caught:
        read()
    assert complaint in str(caught.value)
    assert f"{config}, line 3" in str(caught.value)
    assert caught.value.hint


def test_an_impossible_environment_value_names_the_variable(monkeypatch):
    monkeypatch.setenv("QWA_ANALYSIS_CACHE_MB", "lots")
    with pytest.raises(SettingsError, match=r"'lots' \(QWA_ANALYSIS_CACHE_MB\)"):
        read()


def test_an_unknown_key_names_its_line_and_the_likely_word(config):
    config.write_text('lang = "en"\nengin = "embedded"\n', encoding="utf-8")
    with pytest.raises(SettingsError, match=r"'engin' .*line 2.*did you mean 'engine'"):
        read()


def test_an_unknown_argument_is_an_error():
    with pytest.raises(SettingsError, match="colour"):
        read(colour="red")


def test_a_file_that_is_no_toml_is_named_with_the_line(config):
    config.write_text('lang = "en"\nengine embedded\n', encoding="utf-8")
    with pytest.raises(SettingsError, match=r"config\.toml.*line 2"):
        read()


def test_a_file_that_is_no_text_is_named(config):
    config.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SettingsError, match=r"config\.toml.*UTF-8"):
        read()


def test_a_folder_in_place_of_the_file_is_named(config):
    config.mkdir()
    with pytest.raises(SettingsError, match=r"config\.toml.*cannot be read"):
        read()
