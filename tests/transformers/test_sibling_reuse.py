"""What a sibling heard is kept as for Qwen2-Audio itself: used again, bounded, safe for threads."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from qwen_audio_tools import Clip, Message, Options, open_engine
from qwen_audio_tools.conversation import assistant, user
from qwen_audio_tools.engines.base import join
from qwen_audio_tools.errors import EngineUnsupported
from qwen_audio_tools.testing.made_siblings import write_sibling

GREEDY = Options(temperature=0.0, max_tokens=6)
FAMILY = "audioflamingo3"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_sibling(tmp_path_factory.mktemp("siblings") / FAMILY, FAMILY)


@pytest.fixture
def encoded() -> Iterator[list[int]]:
    """Note each run of an encoder of that family in this process."""
    runs: list[int] = []

    def note(module: torch.nn.Module, _: Any) -> None:
        if type(module).__name__ == "AudioFlamingo3Encoder":
            runs.append(1)

    handle = torch.nn.modules.module.register_module_forward_pre_hook(note)
    yield runs
    handle.remove()


def opened(folder: Path, reuse_mb: int) -> Any:
    return open_engine(f"transformers:{folder}", device="cpu", reuse_mb=reuse_mb)


def said(engine: Any, *turns: Message) -> str:
    return join(engine.reply(list(turns), GREEDY), engine.info).text


def clips(made: dict[str, np.ndarray]) -> list[Clip]:
    sounds = [*np.array_split(made["speech"], 4), *np.array_split(made["glass"], 2)]
    sounds += [made["noise"][:24_000] * loud for loud in (0.01, 0.3, 1.0)]
    return [Clip((samples, 16_000)) for samples in sounds]


def test_further_questions_and_turns_encode_nothing(folder, made, encoded):
    engine, clip = opened(folder, 64), Clip((made["glass"], 16_000))
    first = said(engine, user(clip, "What is it?"))
    assert len(encoded) == 1
    said(engine, user(clip, "Is it loud?"))
    said(engine, user(clip, "What is it?"), assistant(first), user("Sure?"))
    assert len(encoded) == 1


def test_nothing_beyond_the_budget_is_held(folder, made):
    engine, forgetful = opened(folder, 1), opened(folder, 0)
    for clip in clips(made):
        asked = user(clip, "What is it?")
        for delta in engine.reply([asked], GREEDY):
            assert engine.held <= 1_000_000
            assert delta is not None
        assert 0 < engine.held <= 1_000_000
        assert said(engine, asked) == said(forgetful, asked)
        assert forgetful.held == 0
    engine.forget()
    assert engine.held == 0


def test_threads_that_ask_at_once_get_the_answers_of_those_who_ask_alone(folder, made):
    asked = [user(clip, "What is it?") for clip in clips(made)]
    alone = opened(folder, 64)
    expected = [said(alone, each) for each in asked]
    engine = opened(folder, 1)
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda each: said(engine, each), asked * 3))
    assert found == expected * 3
    assert len(set(expected)) > 4


def test_more_clips_than_it_takes_are_refused_before_any_is_decoded(folder, tmp_path):
    missing = [Clip(tmp_path / f"{number}.wav") for number in range(2)]
    with pytest.raises(EngineUnsupported, match=r"2 clips in one conversation; .* takes 1 at most"):
        said(opened(folder, 64), user(*missing, "Which is louder?"))
