"""Engines by name are shared, so that the parts of a program load a model once."""

import gc
import weakref

import pytest

from qwen_audio_tools.engines.shared import shared_engine
from qwen_audio_tools.errors import SettingsError
from qwen_audio_tools.testing.scripted_engine import ScriptedEngine


def test_one_name_is_one_engine_as_long_as_anybody_holds_it():
    first = shared_engine("embedded")
    assert shared_engine("embedded") is first
    held = weakref.ref(first)
    del first
    gc.collect()
    assert held() is None  # nothing here keeps a model that nobody uses


def test_other_settings_give_another_engine(monkeypatch):
    first = shared_engine("embedded")
    monkeypatch.setenv("QWA_WHISPER", "small")
    assert shared_engine("embedded") is not first


def test_an_engine_that_is_given_is_the_engine():
    engine = ScriptedEngine([])
    assert shared_engine(engine) is engine


def test_what_is_no_engine_is_refused():
    with pytest.raises(SettingsError, match="is no engine"):
        shared_engine(7)
    with pytest.raises(SettingsError, match="no engine is called"):
        shared_engine("no-such-engine")
