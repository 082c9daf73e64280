"""Every sibling that is listed says what plain `transformers` says of the same checkpoint."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soxr
import torch

from qwen_audio_tools import Clip, Options, open_engine, settings
from qwen_audio_tools.conversation import Conversation, Message, assistant, system, user
from qwen_audio_tools.engines.base import join
from qwen_audio_tools.engines.families import FAMILIES
from qwen_audio_tools.engines.transformers.generating.decoding import generate
from qwen_audio_tools.engines.transformers.generating.requests import Request
from qwen_audio_tools.engines.transformers.generating.sampling import Sampling
from qwen_audio_tools.engines.transformers.hearing.listening import listen
from qwen_audio_tools.engines.transformers.loading import checkpoint, model_loading, placement
from qwen_audio_tools.engines.transformers.prompt import Sound
from qwen_audio_tools.engines.transformers.siblings.sibling import Sibling
from qwen_audio_tools.errors import EngineRefused, EngineUnsupported
from qwen_audio_tools.testing.made_siblings import SIBLINGS, marks, write_sibling

OMNIS = ("qwen2_5_omni", "qwen3_omni_moe")
CHATTING = [name for name in SIBLINGS if FAMILIES[name].chats]
TRANSCRIBING = [name for name in SIBLINGS if not FAMILIES[name].chats]
COUNT = 16


@dataclass(frozen=True, slots=True)
class Made:
    """A loaded sibling and its adapter."""

    family: str
    folder: Path
    model: Any
    processor: Any
    adapter: Sibling


@pytest.fixture(scope="session")
def made_sibling(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Made]:
    """Return the sibling of a family; each is written and loaded once."""
    known: dict[str, Made] = {}

    def made(family: str) -> Made:
        if family not in known:
            folder = write_sibling(tmp_path_factory.mktemp("siblings") / family, family)
            chosen = settings.read(device="cpu", dtype="float32")
            found = checkpoint.find(str(folder), chosen)
            loaded = model_loading.load(found, placement.place(chosen, found.config))
            known[family] = Made(family, folder, loaded.model, loaded.processor, Sibling(loaded))
        return known[family]

    return made


def heard(samples: np.ndarray) -> tuple[Clip, Sound]:
    clip = Clip((samples, 16_000))
    return clip, listen(clip, window=600.0)


def replies(made: Made, conversations: Sequence[tuple[Conversation, list[Sound]]]) -> list[Any]:
    """Return what the adapter says to all of them in one batch, as token ids."""
    task = "" if FAMILIES[made.family].chats else "transcribe"
    prompts = [made.adapter.prompt(turns, sounds, task) for turns, sounds in conversations]
    every = {sound.key: sound for _, sounds in conversations for sound in sounds}
    features = dict(zip(every, made.adapter.encode(list(every.values())), strict=True))
    sampling = Sampling.of(made.adapter.generation_config, Options(temperature=0.0))
    requests = [
        Request(prompt=prompt, max_tokens=COUNT, sampling=sampling, stop_ids=frozenset())
        for prompt in prompts
    ]
    found: list[list[int]] = [[] for _ in requests]
    for step in generate(made.adapter, requests, prefixes=None, sounds=features):
        found[step.row].append(step.token)
    return found


def plain(made: Made, turns: Conversation, samples: list[np.ndarray]) -> tuple[list[int], Any]:
    """Return the prompt's ids and the reply's, of the family's own processor and `generate`."""
    inputs = (own_omni_inputs if made.family in OMNIS else own_inputs)(made, turns, samples)
    more = {"sample": False} if made.family == "vibevoice_asr" else {}
    with torch.no_grad():
        ids = made.model.generate(**inputs, **more, do_sample=False, max_new_tokens=COUNT)
    length = inputs["input_ids"].shape[1]
    return inputs["input_ids"][0].tolist(), ids[0, length:].tolist()


def own_inputs(made: Made, turns: Conversation, samples: list[np.ndarray]) -> Any:
    rate = made.processor.feature_extractor.sampling_rate
    audio = iter(soxr.resample(each, 16_000, rate) for each in samples)
    messages = [
        {"role": turn.role, "content": [content(part, audio) for part in turn.parts]}
        if turn.role == "user"
        else {"role": turn.role, "content": turn.text}
        for turn in turns
    ]
    return made.processor.apply_chat_template(
        messages,
        tokenize=True,
        return_dict=True,
        return_tensors="pt",
        add_generation_prompt=True,
        processor_kwargs={"audio_kwargs": {"sampling_rate": rate}},
    )


def content(part: Any, audio: Any) -> dict[str, Any]:
    return (
        {"type": "text", "text": part}
        if isinstance(part, str)
        else {"type": "audio", "audio": next(audio)}
    )


def own_omni_inputs(made: Made, turns: Conversation, samples: list[np.ndarray]) -> Any:
    """What the processor of an Omni does; it can't be made here, for it wants torchvision."""
    ears, thinker = made.processor, made.model.model
    extractor = ears.feature_extractor
    padding = {"padding": "max_length"} if made.family == "qwen2_5_omni" else {"padding": True}
    features = extractor(
        samples,
        sampling_rate=16_000,
        truncation=False,
        return_attention_mask=True,
        return_tensors="pt",
        **padding,
    )
    lengths = features.attention_mask.sum(-1)
    if made.family == "qwen2_5_omni":
        counts = thinker.audio_tower._get_feat_extract_output_lengths(lengths)[1].tolist()
    else:
        counts = [int(n // 100 * 13 + -(-(n % 100) // 8)) for n in lengths]
    messages = [
        {
            "role": turn.role,
            "content": [content(part, iter(samples)) for part in turn.parts]
            if turn.role == "user"
            else turn.text,
        }
        for turn in turns
    ]
    text = ears.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    first, *rest = text.split(ears.audio_token)
    for count, after in zip(counts, rest, strict=True):
        first += ears.audio_token * count + after
    inputs = ears.tokenizer([first], return_tensors="pt")
    return {
        "input_ids": inputs.input_ids,
        "attention_mask": inputs.attention_mask,
        "input_features": features.input_features,
        "feature_attention_mask": features.attention_mask,
    }


def asking(clip: Clip, family: str) -> list[Message]:
    """A first question, worded as the family's own processor words a request to transcribe."""
    words = "What is heard?" if FAMILIES[family].chats else FAMILIES[family].words
    return [user(clip, *([words] if words else []))]


@pytest.mark.parametrize("family", SIBLINGS)
def test_a_sibling_says_what_plain_generate_says(family, made_sibling, made):
    sibling = made_sibling(family)
    clip, sound = heard(made["speech"])
    turns = asking(clip, family)
    ids, reply = plain(sibling, turns, [made["speech"]])
    task = "" if FAMILIES[family].chats else "transcribe"
    assert list(sibling.adapter.prompt(turns, [sound], task).ids) == ids
    assert replies(sibling, [(turns, [sound])]) == [reply]


@pytest.mark.parametrize("family", SIBLINGS)
def test_a_sibling_hears_the_difference(family, made_sibling, made):
    sibling = made_sibling(family)
    (one, first), (other, second) = (
        heard(made["speech"]),
        heard(made["noise"][: len(made["speech"])]),
    )
    both = [(asking(one, family), [first]), (asking(other, family), [second])]
    assert len(first.samples) == len(second.samples)
    heard_first, heard_second = replies(sibling, both)
    assert heard_first != heard_second
    assert replies(sibling, both[::-1]) == [heard_second, heard_first]


@pytest.mark.parametrize("family", CHATTING)
def test_turns_of_unequal_length_in_one_batch(family, made_sibling, made):
    sibling = made_sibling(family)
    clip, sound = heard(made["glass"])
    short = [user(clip, "What?")]
    long = [
        system("Be brief."),
        user(clip, "What is heard?"),
        assistant("Glass."),
        user("And how do you know that it is glass?"),
    ]
    expected = [plain(sibling, turns, [made["glass"]])[1] for turns in (short, long)]
    assert replies(sibling, [(short, [sound]), (long, [sound])]) == expected


@pytest.mark.parametrize("family", CHATTING)
def test_many_questions_share_one_clip(family, made_sibling, made):
    sibling = made_sibling(family)
    clip, sound = heard(made["glass"])
    asked = [[user(clip, words)] for words in ("What?", "Is it loud?", "Where was it recorded?")]
    expected = [plain(sibling, turns, [made["glass"]])[1] for turns in asked]
    assert sibling.adapter.shares_prefix
    assert replies(sibling, [(turns, [sound]) for turns in asked]) == expected


@pytest.mark.parametrize("family", OMNIS)
def test_an_omni_hears_several_clips(family, made_sibling, made):
    sibling = made_sibling(family)
    (one, first), (other, second) = heard(made["glass"]), heard(made["tone"])
    turns = [user(one, other, "Which of both is a tone?")]
    ids, reply = plain(sibling, turns, [made["glass"], made["tone"]])
    assert list(sibling.adapter.prompt(turns, [first, second], "").ids) == ids
    assert replies(sibling, [(turns, [first, second])]) == [reply]


@pytest.mark.parametrize("family", TRANSCRIBING)
def test_a_model_that_only_transcribes_is_not_asked(family, made_sibling, made):
    sibling = made_sibling(family)
    clip, sound = heard(made["tone"])
    with pytest.raises(EngineUnsupported, match=r"only transcribe: .* 'What is heard\?'"):
        sibling.adapter.prompt([user(clip, "What is heard?")], [sound], "")
    with pytest.raises(EngineUnsupported, match=r"only transcribe: .* 'transcribe\+emotion'"):
        sibling.adapter.prompt([user(clip)], [sound], "transcribe+emotion")
    worded = sibling.adapter.prompt([user(clip, "Write it down.")], [sound], "transcribe")
    assert worded == sibling.adapter.prompt([user(clip)], [sound], "transcribe")


@pytest.mark.parametrize("family", SIBLINGS)
def test_no_text_forges_a_mark_of_a_sibling(family, made_sibling, made):
    sibling = made_sibling(family)
    clip, sound = heard(made["tone"])
    task = "" if FAMILIES[family].chats else "transcribe"
    turns = [system("x"), *asking(clip, family)]
    forged = [system("x".join(["x", *marks(family)])), *asking(clip, family)]
    known = {*sibling.processor.tokenizer.added_tokens_decoder}
    ids = [
        [token for token in sibling.adapter.prompt(each, [sound], task).ids if token in known]
        for each in (turns, forged)
    ]
    assert ids[0] == ids[1]


def test_a_processor_that_cuts_is_found_out(made_sibling, made):
    sibling = made_sibling("musicflamingo")
    whole = sibling.processor.max_audio_len
    sibling.processor.max_audio_len = 30
    try:
        clip, sound = heard(np.tile(made["noise"], 8)[: 16_000 * 35])
        with pytest.raises(EngineRefused, match="would hear"):
            sibling.adapter.prompt([user(clip, "What is heard?")], [sound], "")
    finally:
        sibling.processor.max_audio_len = whole


@pytest.mark.parametrize("family", SIBLINGS)
def test_the_engine_answers_with_a_sibling(family, made_sibling, made):
    sibling = made_sibling(family)
    engine = open_engine(f"transformers:{sibling.folder}", device="cpu", dtype="float32")
    clip, sound = heard(made["speech"])
    turns = asking(clip, family)
    text = sibling.processor.tokenizer.decode(
        plain(sibling, turns, [made["speech"]])[1], skip_special_tokens=True
    )
    task = None if FAMILIES[family].chats else "transcribe"
    options = Options(temperature=0.0, max_tokens=COUNT, task=task)
    for _ in range(2):
        answer = join(engine.reply(turns, options), engine.info)
        assert answer.text == text
        assert answer.coverage.complete
        assert answer.usage.audio_tokens == sibling.adapter.audio_tokens(sound)
