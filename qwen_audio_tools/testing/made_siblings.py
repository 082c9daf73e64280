"""Small random checkpoints of Qwen2-Audio's siblings: config, processor and weights of each family.

The chat templates are written anew after what the makers' checkpoints put around their clips.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from qwen_audio_tools.testing import made_sibling_models

_TURNS = (
    "{% if messages[0]['role'] != 'system' %}<|im_start|>system\nSYSTEM<|im_end|>\n{% endif %}"
    "{% for turn in messages %}<|im_start|>{{ turn['role'] }}\n"
    "{% if turn['content'] is string %}{{ turn['content'] }}{% else %}"
    "{% for part in turn['content'] %}"
    "{% if part['type'] == 'audio' %}CLIP{% else %}{{ part['text'] }}{% endif %}"
    "{% endfor %}{% endif %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
_CONTEXT = (
    "<|im_start|>system\n"
    "{% for turn in messages if turn['role'] == 'system' %}{{ turn['content'] }}{% endfor %}"
    "<|im_end|>\n<|im_start|>user\n"
    "{% for turn in messages if turn['role'] == 'user' %}{% for part in turn['content'] %}"
    "{% if part['type'] == 'audio' %}CLIP{% endif %}{% endfor %}{% endfor %}"
    "<|im_end|>\n{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
_WORDS = (
    "{% for turn in messages %}{% for part in turn['content'] %}"
    "{% if part['type'] == 'audio' %}CLIP{% else %}"
    "{{ part['text'] }}<timestamp><timestamp>{% endif %}{% endfor %}{% endfor %}"
)
_OMNI_MARKS = {
    "image_token": "<|IMAGE|>",
    "audio_token": "<|AUDIO|>",
    "video_token": "<|VIDEO|>",
    "vision_bos_token": "<|vision_bos|>",
    "vision_eos_token": "<|vision_eos|>",
    "audio_bos_token": "<|audio_bos|>",
    "audio_eos_token": "<|audio_eos|>",
}
_PADS = {
    "audio_token": "<|audio_pad|>",
    "audio_bos_token": "<|audio_start|>",
    "audio_eos_token": "<|audio_end|>",
}
_OMNI_PADS = _PADS | {
    "image_token": "<|image_pad|>",
    "video_token": "<|video_pad|>",
    "vision_bos_token": "<|vision_start|>",
    "vision_eos_token": "<|vision_end|>",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeSibling:
    """How one family is made: `clip` is what stands for a clip in its chat template.

    `model` and `processor` get the transformers module, a tokenizer and, for the processor, the
    template; a family without a processor has its tokenizer and `extractor` saved instead.
    """

    marks: dict[str, str]
    clip: str
    model: Callable[[Any, Any], Any]
    processor: str = ""
    extractor: Callable[[Any], Any] = lambda library: library.WhisperFeatureExtractor(
        feature_size=128, return_attention_mask=True
    )
    template: str = _TURNS
    system: str = "You are a helpful assistant."
    plain_marks: tuple[str, ...] = ()  # added tokens that aren't declared special


def write_sibling(folder: Path | str, family: str, *, seed: int = 0) -> Path:
    """Write a random checkpoint of one of `SIBLINGS`, or the `ALIGNER`, and return its folder."""
    import torch
    import transformers

    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    made = _MADE[family]
    tokenizer = _tokenizer(transformers, made)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = made.model(transformers, tokenizer).eval()
        made_sibling_models.sharpen(model)
        made_sibling_models.speak_plainly(model, 0)
    model.generation_config = transformers.GenerationConfig(
        eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id
    )
    model.save_pretrained(folder)
    template = made.template.replace("SYSTEM", made.system).replace("CLIP", made.clip)
    extractor = made.extractor(transformers)
    if made.processor:
        processor = getattr(transformers, made.processor)
        processor(extractor, tokenizer, chat_template=template).save_pretrained(folder)
    else:
        extractor.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        (folder / "chat_template.jinja").write_text(template, encoding="utf-8")
    return folder


def _tokenizer(library: Any, made: MadeSibling) -> Any:
    """Return a tokenizer of one token a byte, and the family's marks."""
    from tokenizers import pre_tokenizers

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = library.Qwen2Tokenizer(
        vocab={letter: index for index, letter in enumerate(letters)},
        merges=[],
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        unk_token="<|endoftext|>",
        additional_special_tokens=["<|endoftext|>", "<|im_start|>", "<|im_end|>"],
        extra_special_tokens=made.marks,
        model_max_length=8192,
    )
    tokenizer.add_tokens(list(made.plain_marks))
    return tokenizer


_SOUND = {"audio_token": "<sound>"}
_PADDED = "<|audio_start|><|audio_pad|><|audio_end|>"
_KEYS = "keys: Start time, End time, Speaker ID, Content"

_MADE = {
    "qwen2_5_omni": MadeSibling(
        marks=_OMNI_MARKS,
        clip="<|audio_bos|><|AUDIO|><|audio_eos|>",
        model=made_sibling_models.qwen2_5_omni,
        extractor=lambda library: library.WhisperFeatureExtractor(
            feature_size=128, chunk_length=300, return_attention_mask=True
        ),
    ),
    "qwen3_omni_moe": MadeSibling(
        marks=_OMNI_PADS, clip=_PADDED, model=made_sibling_models.qwen3_omni
    ),
    "qwen3_asr": MadeSibling(
        marks=_PADS,
        clip=_PADDED,
        model=made_sibling_models.qwen3_asr,
        processor="Qwen3ASRProcessor",
        extractor=lambda library: library.Qwen3ASRFeatureExtractor(),
        template=_CONTEXT,
        plain_marks=("<asr_text>", "<timestamp>"),
    ),
    "audioflamingo3": MadeSibling(
        marks=_SOUND,
        clip="<sound>",
        model=made_sibling_models.flamingo,
        processor="AudioFlamingo3Processor",
    ),
    "musicflamingo": MadeSibling(
        marks=_SOUND | {"audio_bos_token": "<|sound_bos|>", "audio_eos_token": "<|sound_eos|>"},
        clip="<sound>",
        model=made_sibling_models.music_flamingo,
        processor="MusicFlamingoProcessor",
    ),
    "glmasr": MadeSibling(
        marks={
            "audio_token": "<|pad|>",
            "audio_bos_token": "<|begin_of_audio|>",
            "audio_eos_token": "<|end_of_audio|>",
        },
        clip="<|begin_of_audio|><|pad|><|end_of_audio|>",
        model=made_sibling_models.glm_asr,
        processor="GlmAsrProcessor",
    ),
    "vibevoice_asr": MadeSibling(
        marks={
            "audio_token": "<|box_start|>",
            "audio_bos_token": "<|object_ref_start|>",
            "audio_eos_token": "<|object_ref_end|>",
        },
        clip="<|object_ref_start|><|box_start|><|object_ref_end|>\n"
        f"This is a <|AUDIO_DURATION|> seconds audio, please transcribe it with these {_KEYS}",
        model=made_sibling_models.vibe_voice,
        processor="VibeVoiceAsrProcessor",
        extractor=lambda library: library.VibeVoiceAcousticTokenizerFeatureExtractor(),
    ),
    "moss_transcribe_diarize": MadeSibling(
        marks=_PADS,
        clip=f"{_PADDED}\nTranscribe with times and speakers.",
        model=made_sibling_models.moss,
        processor="MossTranscribeDiarizeProcessor",
        extractor=lambda library: library.MossTranscribeDiarizeFeatureExtractor(),
    ),
}

ALIGNER = "qwen3_forced_aligner"
SIBLINGS = tuple(_MADE)
"""The families, by their `model_type`."""

_MADE[ALIGNER] = replace(_MADE["qwen3_asr"], model=made_sibling_models.aligner, template=_WORDS)


def marks(family: str) -> tuple[str, ...]:
    """Return the added tokens of a family that stand for no text."""
    return (*_MADE[family].marks.values(), *_MADE[family].plain_marks, "<|im_end|>")
