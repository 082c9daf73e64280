"""A transformers that runs a model wrongly, or not at all, is told before anything is fetched."""

from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pytest

from qwen_audio_tools import Clip, Options, ask, open_engine
from qwen_audio_tools.conversation import user
from qwen_audio_tools.engines.families import FAMILIES
from qwen_audio_tools.engines.transformers.engine import TransformersEngine
from qwen_audio_tools.engines.transformers.loading import versions
from qwen_audio_tools.errors import MissingExtra
from qwen_audio_tools.settings import read


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Let the transformers that is installed say that it has another number."""

    def install(number: str) -> None:
        about = tmp_path / number / f"transformers-{number}.dist-info"
        about.mkdir(parents=True)
        (about / "METADATA").write_text(f"Name: transformers\nVersion: {number}\n")
        monkeypatch.syspath_prepend(str(about.parent))

    return install


def test_the_transformers_that_is_tested_with_runs_every_family():
    for family in FAMILIES.values():
        versions.check(family, family.example)


@pytest.mark.parametrize("number", ["5.10.4", "5.9.0", "4.57.6"])
def test_what_would_answer_wrongly_is_refused_with_the_line_that_mends_it(
    checkpoint, installed, made, number
):
    installed(number)
    engine = open_engine(f"transformers:{checkpoint}", device="cpu")
    with pytest.raises(MissingExtra, match=f"transformers {number} does not run right") as caught:
        ask(Clip((made["tone"], 16_000)), "What is it?", engine=engine)
    assert caught.value.hint == "pip install --upgrade 'transformers>=5.11'"


@pytest.mark.parametrize("number", ["5.11.0", "5.11.0rc1", "5.24.0.dev0", "6.0"])
def test_what_is_new_enough_is_taken(installed, number):
    installed(number)
    assert version("transformers") == number
    versions.check(FAMILIES["qwen2_audio"], "mine")


def test_a_sibling_may_need_a_newer_one_and_nothing_is_fetched_for_nothing(installed):
    installed("5.20.2")
    engine = open_engine("transformers:Qwen/Qwen2.5-Omni-7B", device="cpu")
    with pytest.raises(MissingExtra, match=r"family qwen2_5_omni.* 5\.21 and later"):
        list(engine.reply([user("Hello?")], Options()))  # a test reaches no hub: it would say so


def test_a_model_that_the_caller_loaded_is_looked_at_too(installed, model, processor):
    installed("5.10.1")
    with pytest.raises(MissingExtra, match=r"transformers 5\.10\.1"):
        TransformersEngine.around(model, processor, read())
