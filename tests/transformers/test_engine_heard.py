"""The model hears: as many audio tokens as the duration demands, or there is no answer."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.torch import load_file, save_file

from qwen_audio_tools import Answer, Clip, Evidence, Message, Options, open_engine
from qwen_audio_tools.conversation import user
from qwen_audio_tools.engines.base import join, run_many
from qwen_audio_tools.errors import EngineError, EngineRefused
from qwen_audio_tools.testing import pink_noise, silence, tone

GREEDY = Options(temperature=0.0, max_tokens=12)


@pytest.fixture(scope="module")
def engine(checkpoint: Path) -> Any:
    return open_engine(f"transformers:{checkpoint}", device="cpu")


def answered(engine: Any, *turns: Message) -> Answer:
    return join(engine.reply(list(turns), GREEDY), engine.info)


def clip(samples: np.ndarray, **named: Any) -> Clip:
    return Clip((samples, 16_000), **named)


def test_an_answer_has_as_many_audio_tokens_as_the_models_own_processor_gives(engine, processor):
    random = np.random.default_rng(5)
    lengths = [1_600, 1_601, 1_759, 1_760, 1_761, 16_000, 479_999, 480_000]
    lengths += random.integers(1_600, 480_000, 24).tolist()
    noise = pink_noise(30.0)
    chats = [[user(clip(noise[:length]), "What?")] for length in lengths]
    found = dict(run_many(engine, chats, Options(temperature=0.0, max_tokens=1)))
    place = processor.tokenizer.convert_tokens_to_ids("<|AUDIO|>")
    for index, length in enumerate(lengths):
        inputs = processor(text="<|AUDIO|>", audio=[noise[:length]], sampling_rate=16_000)
        expected = np.asarray(inputs["input_ids"]).ravel().tolist().count(place)
        assert found[index].usage.audio_tokens == expected
        assert abs(expected - length / 16_000 * 25) <= 1


def test_an_answer_tells_which_seconds_of_which_clip_were_heard(engine, made):
    whole = clip(made["noise"], title="street")
    found = answered(engine, user(whole[1.0:3.5], clip(made["tone"], title="phone"), "Which?"))
    heard = [
        Evidence(
            kind="heard", text=f"{count} audio tokens", start=start, end=end, clip=name,
            model=engine.info.label,
        )
        for count, start, end, name in ((62, 1.0, 3.5, "street"), (75, 0.0, 3.0, "phone"))
    ]  # fmt: skip
    assert list(found.evidence) == heard
    assert found.coverage.complete
    assert found.coverage.total == found.usage.seconds_heard == 5.5
    assert found.usage.audio_tokens == 62 + 75


def test_the_clips_of_earlier_turns_count_as_heard_too(engine, made):
    turns = [user(clip(made["tone"]), "What?")]
    first = answered(engine, *turns)
    turns += [Message("assistant", (first.text,)), user("Are you sure?")]
    again = answered(engine, *turns)
    assert again.evidence == first.evidence
    assert again.usage.audio_tokens == 75


def test_other_sounds_get_other_answers(engine):
    sounds = [silence(2.0), tone(440.0, 2.0), tone(880.0, 2.0), pink_noise(2.0)]
    answers = {answered(engine, user(clip(sound), "What's that sound?")).text for sound in sounds}
    assert len(answers) == len(sounds)


@pytest.mark.parametrize("second", [0, 14, 29])
def test_every_second_of_a_long_clip_matters(engine, second):
    calm = pink_noise(30.0) * 0.05
    loud = calm.copy()
    loud[second * 16_000 : (second + 1) * 16_000] = tone(880.0, 1.0)
    texts = {answered(engine, user(clip(samples), "What?")).text for samples in (calm, loud)}
    assert len(texts) == 2


def test_the_order_of_clips_matters(engine, made):
    both = [clip(made["glass"]), clip(made["tone"])]
    assert (
        answered(engine, user(*both, "Which is first?")).text
        != answered(engine, user(*both[::-1], "Which is first?")).text
    )


def rewritten(checkpoint: Path, folder: Path, change: Callable[[str], str]) -> Any:
    """Return an engine of a copy whose chat template is another."""
    copy = Path(shutil.copytree(checkpoint, folder / "Rewritten-Audio-Instruct"))
    path = copy / "chat_template.jinja"
    path.write_text(change(path.read_text()))
    return open_engine(f"transformers:{copy}", device="cpu")


TEMPLATES = {
    "drops the clip": lambda text: text.replace("<|AUDIO|>", ""),
    "doubles the clip": lambda text: text.replace("<|AUDIO|>", "<|AUDIO|><|AUDIO|>"),
    "writes the clip in letters": lambda text: text.replace("<|AUDIO|>", "(audio)"),
    "adds a clip of its own": lambda text: "<|AUDIO|>" + text,
}


@pytest.mark.parametrize("change", TEMPLATES.values(), ids=TEMPLATES.keys())
def test_a_template_that_misplaces_clips_gives_an_error_and_no_answer(
    checkpoint, tmp_path, made, change, work
):
    engine = rewritten(checkpoint, tmp_path, change)
    with pytest.raises(EngineRefused, match=r"do not fit the \d places for audio"):
        answered(engine, user(clip(made["tone"]), "What's that sound?"))
    with pytest.raises(EngineRefused, match=r"do not fit the \d places for audio"):
        dict(run_many(engine, [[user(clip(made["tone"]), "What?")]], GREEDY))
    assert work.read == []


def test_a_template_that_fails_is_the_checkpoints_error(checkpoint, tmp_path, made):
    engine = rewritten(checkpoint, tmp_path, lambda text: "{{ raise_exception('not today') }}")
    with pytest.raises(EngineRefused, match="chat template failed: not today"):
        answered(engine, user(clip(made["tone"]), "What's that sound?"))


EARS = {
    "half the window": {"chunk_length": 15, "n_samples": 240_000, "nb_max_frames": 1500},
    "every other frame": {"hop_length": 320},
    "fewer bands": {"feature_size": 80},
    "another rate": {"sampling_rate": 8_000},
}


@pytest.mark.parametrize("exact", [False, True])
@pytest.mark.parametrize("ears", EARS.values(), ids=EARS.keys())
def test_a_processor_that_hears_otherwise_than_the_encoder_gives_an_error_and_no_answer(
    altered, work, ears, exact
):
    folder = altered("processor_config.json", lambda said: said["feature_extractor"].update(ears))
    engine = open_engine(f"transformers:{folder}", device="cpu", exact=exact)
    with pytest.raises(EngineError):
        answered(engine, user(clip(pink_noise(20.0)), "What's that sound?"))
    assert work.read == []


def test_a_checkpoint_whose_encoder_reaches_less_far_gives_an_error_and_no_answer(
    checkpoint, tmp_path, work
):
    """Weights for 15 s of positions: a clip within them is heard, one beyond them is not cut."""

    folder = Path(shutil.copytree(checkpoint, tmp_path / "Short-Audio-Instruct"))
    config = json.loads((folder / "config.json").read_text())
    config["audio_config"]["max_source_positions"] = 750
    (folder / "config.json").write_text(json.dumps(config))
    weights = load_file(folder / "model.safetensors")
    (name,) = [name for name in weights if "embed_positions" in name]
    weights[name] = weights[name][:750].clone()
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    engine = open_engine(f"transformers:{folder}", device="cpu")
    assert answered(engine, user(clip(pink_noise(14.0)), "What?")).usage.audio_tokens == 350
    work.clear()
    with pytest.raises(EngineRefused):
        answered(engine, user(clip(pink_noise(20.0)), "What?"))
    assert work.read == []
