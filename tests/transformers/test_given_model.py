"""A model that the caller has loaded, such as a fine-tuned one, is asked as it is."""

import copy
from types import SimpleNamespace

import pytest
import torch

from qwen_audio_tools import Clip, Options, ask, ask_questions
from qwen_audio_tools.engines.transformers.engine import TransformersEngine
from qwen_audio_tools.errors import SettingsError
from qwen_audio_tools.settings import read

GREEDY = Options(temperature=0.0, max_tokens=24)
PROMPT = (
    "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n<|im_start|>user\n"
    "Audio 1: <|audio_bos|><|AUDIO|><|audio_eos|>\nWhat is it?<|im_end|>\n<|im_start|>assistant\n"
)


@pytest.fixture
def tuned(model):
    """A model with weights that are in no checkpoint."""
    changed = copy.deepcopy(model)
    with torch.no_grad():
        changed.lm_head.weight.mul_(torch.linspace(0.5, 2.0, changed.lm_head.weight.shape[1]))
    return changed


def spoken(model, processor, samples) -> str:
    inputs = processor(text=PROMPT, audio=samples, sampling_rate=16_000, return_tensors="pt")
    with torch.no_grad():
        ids = model.generate(**inputs, max_new_tokens=24, do_sample=False)
    return processor.decode(ids[0, inputs.input_ids.shape[1] :], skip_special_tokens=True)


def test_a_tuned_model_says_by_the_engine_what_it_says_by_itself(tuned, model, processor, made):
    before = spoken(tuned, processor, made["glass"])
    assert before != spoken(model, processor, made["glass"])
    engine = TransformersEngine.around(tuned, processor, read())
    clip = Clip((made["glass"], 16_000))
    answers = ask_questions(clip, ["What is it?", "Is it loud?"], engine=engine, options=GREEDY)
    assert answers[0].text == before
    assert ask(clip, "What is it?", engine=engine, options=GREEDY).text == before
    assert spoken(tuned, processor, made["glass"]) == before  # the caller goes on using it


def test_it_is_told_by_its_name_its_device_and_its_kind(tuned, processor):
    engine = TransformersEngine.around(tuned, processor, read())
    assert engine.info.device == "cpu"
    assert engine.info.prompting == "chat"
    assert engine.info.model.endswith("Tiny-Audio-Instruct")
    base = TransformersEngine.around(tuned, processor, read(prompting="base"))
    assert base.info.prompting == "base"


def test_a_model_of_text_is_none(processor):
    text = SimpleNamespace(config=SimpleNamespace(model_type="llama"))
    with pytest.raises(SettingsError, match="no audio model that this engine runs"):
        TransformersEngine.around(text, processor, read())
