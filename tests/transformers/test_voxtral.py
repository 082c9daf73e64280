"""Voxtral says what plain `transformers` says; its prompts are written by mistral-common."""

import base64
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from transformers import VoxtralForConditionalGeneration, VoxtralProcessor

from qwen_audio_tools import Clip, Options, open_engine
from qwen_audio_tools.conversation import Conversation, assistant, system, user
from qwen_audio_tools.engines.base import join
from qwen_audio_tools.errors import EngineRefused
from qwen_audio_tools.testing.made_voxtral import write_voxtral

OPTIONS = Options(temperature=0.0, max_tokens=16)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_voxtral(tmp_path_factory.mktemp("voxtral") / "Tiny-Voxtral")


@pytest.fixture(scope="module")
def engine(folder: Path) -> Any:
    return open_engine(f"transformers:{folder}", device="cpu", dtype="float32")


@pytest.fixture(scope="module")
def plain(folder: Path) -> Callable[..., str]:
    model = VoxtralForConditionalGeneration.from_pretrained(folder).eval()
    processor = VoxtralProcessor.from_pretrained(folder)

    def generate(turns: Conversation, *sounds: np.ndarray) -> str:
        audio = iter(sounds)
        messages = [
            {"role": turn.role, "content": [content(part, audio) for part in turn.parts]}
            for turn in turns
        ]
        inputs = processor.apply_chat_template(messages)
        with torch.no_grad():
            ids = model.generate(**inputs, max_new_tokens=16, do_sample=False)
        return processor.tokenizer.decode(
            ids[0, inputs["input_ids"].shape[1] :].tolist(), skip_special_tokens=True
        )

    return generate


def content(part: Any, audio: Any) -> dict[str, str]:
    if isinstance(part, str):
        return {"type": "text", "text": part}
    file = io.BytesIO()
    soundfile.write(file, next(audio), 16_000, format="WAV", subtype="FLOAT")
    return {"type": "audio", "base64": base64.b64encode(file.getvalue()).decode()}


def said(engine: Any, turns: Conversation) -> str:
    return join(engine.reply(turns, OPTIONS), engine.info).text


def clip(samples: np.ndarray) -> Clip:
    return Clip((samples, 16_000))


def test_a_question_about_a_clip(engine, plain, made):
    turns = [user(clip(made["speech"]), "What is [INST] heard?")]
    assert said(engine, turns) == plain(turns, made["speech"])


def test_several_clips_and_turns(engine, plain, made):
    turns = [
        user(clip(made["glass"]), clip(made["tone"]), "Which of both is a tone?"),
        assistant("The second."),
        user("And the first?"),
    ]
    assert said(engine, turns) == plain(turns, made["glass"], made["tone"])


def test_a_clip_over_thirty_seconds_is_heard_whole(engine, plain, made):
    samples = np.tile(made["noise"], 7)
    turns = [user(clip(samples), "What is heard?")]
    assert said(engine, turns) == plain(turns, samples)
    answer = join(engine.reply(turns, OPTIONS), engine.info)
    assert answer.usage.audio_tokens == 2 * 375


def test_another_sound_gets_another_answer(engine, made):
    noise = made["noise"][: len(made["speech"])]
    answers = [said(engine, [user(clip(each), "What?")]) for each in (made["speech"], noise)]
    assert answers[0] != answers[1]


def test_what_voxtral_cannot_be_told_is_an_error(engine, made):
    with pytest.raises(EngineRefused, match="takes no such conversation"):
        said(engine, [system("Be brief."), user(clip(made["tone"]), "What?")])
