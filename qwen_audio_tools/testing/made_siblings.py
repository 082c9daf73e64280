"""Small random checkpoints of Qwen2-Audio's siblings: config, processor and weights of each family.

The chat templates are written anew after what the makers' checkpoints put around their clips.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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
_AUDIO = {
    "hidden_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 256,
}
_OMNI_AUDIO = {
    "d_model": 64,
    "encoder_layers": 2,
    "encoder_attention_heads": 2,
    "encoder_ffn_dim": 128,
    "output_dim": 64,
}
_THREE = {"mrope_section": [2, 3, 3], "rope_type": "default", "rope_theta": 10_000.0}


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
    """Write a random checkpoint of a family (a name in `SIBLINGS`) and return its folder."""
    import torch
    import transformers

    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    made = SIBLINGS[family]
    tokenizer = _tokenizer(transformers, made)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = made.model(transformers, tokenizer).eval()
        _sharpen(model)
        _speak_plainly(model)
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


def _text(tokenizer: Any, kind: str = "qwen2", **more: Any) -> dict[str, Any]:
    rope = {"rope_type": "default", "rope_theta": 10_000.0}
    return {
        "model_type": kind,
        "vocab_size": len(tokenizer),
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 16,
        "max_position_embeddings": 8192,
        "tie_word_embeddings": False,
        "rope_parameters": rope,
        "pad_token_id": None,
        "bos_token_id": None,
        "eos_token_id": None,
        **more,
    }


def _sharpen(model: Any) -> None:
    """Let attention choose, so that the answer depends on each token and each second of audio."""
    import torch

    with torch.no_grad():
        for name, weight in model.named_parameters():
            if name.endswith(("q_proj.weight", "k_proj.weight")):
                weight.mul_(8.0)
            elif ".conv" in name and name.endswith("weight"):
                weight.mul_(4.0)  # or the sound is lost beside the positions that are added to it


def _speak_plainly(model: Any) -> None:
    """Let only printable ASCII be said: the first letters of the byte alphabet."""
    import torch

    head = getattr(model, "thinker", model).get_output_embeddings()
    if head is not None:
        with torch.no_grad():
            head.weight[ord("~") - ord("!") + 1 :] = 0.0


def _ids(tokenizer: Any, **tokens: str) -> dict[str, int]:
    return {name: tokenizer.convert_tokens_to_ids(token) for name, token in tokens.items()}


def _qwen2_5_omni(library: Any, tokenizer: Any) -> Any:
    thinker = {
        "audio_config": {**_OMNI_AUDIO, "max_source_positions": 1500},
        "vision_config": {
            "depth": 1,
            "hidden_size": 32,
            "intermediate_size": 32,
            "num_heads": 2,
            "out_hidden_size": 64,
            "fullatt_block_indexes": [0],
        },
        "text_config": _text(tokenizer, "qwen2_5_omni_text", rope_parameters=_THREE),
        **_ids(
            tokenizer,
            audio_token_index="<|AUDIO|>",
            image_token_index="<|IMAGE|>",
            video_token_index="<|VIDEO|>",
            vision_start_token_id="<|vision_bos|>",
            audio_start_token_id="<|audio_bos|>",
            audio_end_token_id="<|audio_eos|>",
        ),
    }
    config = library.Qwen2_5OmniConfig(
        thinker_config=thinker,
        talker_config=_ids(tokenizer, audio_token_index="<|AUDIO|>"),
        enable_audio_output=False,
    )
    return library.Qwen2_5OmniForConditionalGeneration(config)


def _qwen3_omni(library: Any, tokenizer: Any) -> Any:
    thinker = {
        "audio_config": {**_OMNI_AUDIO, "downsample_hidden_size": 16},
        "vision_config": {
            "depth": 1,
            "hidden_size": 32,
            "intermediate_size": 32,
            "num_heads": 2,
            "out_hidden_size": 64,
            "deepstack_visual_indexes": [0],
        },
        "text_config": _text(
            tokenizer,
            "qwen3_omni_moe_text",
            rope_parameters=_THREE | {"mrope_interleaved": True},
            num_experts=4,
            num_experts_per_tok=2,
            moe_intermediate_size=32,
        ),
        **_ids(
            tokenizer,
            audio_token_id="<|audio_pad|>",
            image_token_id="<|image_pad|>",
            video_token_id="<|video_pad|>",
            vision_start_token_id="<|vision_start|>",
            audio_start_token_id="<|audio_start|>",
        ),
    }
    config = library.Qwen3OmniMoeConfig(
        thinker_config=thinker,
        talker_config=_ids(tokenizer, audio_token_id="<|audio_pad|>"),
        enable_audio_output=False,
    )
    return library.Qwen3OmniMoeForConditionalGeneration(config)


def _qwen3_asr_config(library: Any, tokenizer: Any, **more: Any) -> Any:
    return library.Qwen3ASRConfig(
        audio_config={**_OMNI_AUDIO, "downsample_hidden_size": 16},
        text_config=_text(tokenizer, "qwen3"),
        tie_word_embeddings=False,
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
        **_ids(tokenizer, audio_token_id="<|audio_pad|>", timestamp_token_id="<timestamp>"),
        **more,
    )


def _qwen3_asr(library: Any, tokenizer: Any) -> Any:
    return library.Qwen3ASRForConditionalGeneration(_qwen3_asr_config(library, tokenizer))


def _aligner(library: Any, tokenizer: Any) -> Any:
    config = _qwen3_asr_config(library, tokenizer, num_labels=100)
    return library.Qwen3ASRForTokenClassification(config)


def _flamingo(library: Any, tokenizer: Any) -> Any:
    config = library.AudioFlamingo3Config(
        audio_config={"model_type": "audioflamingo3_encoder", **_AUDIO},
        text_config=_text(tokenizer),
        **_ids(tokenizer, audio_token_id="<sound>"),
    )
    return library.AudioFlamingo3ForConditionalGeneration(config)


def _music_flamingo(library: Any, tokenizer: Any) -> Any:
    config = library.MusicFlamingoConfig(
        audio_config={"model_type": "audioflamingo3_encoder", **_AUDIO},
        text_config=_text(tokenizer),
        rope_parameters={"rope_type": "default", "rope_theta": 1200},
        **_ids(
            tokenizer,
            audio_token_id="<sound>",
            audio_bos_token_id="<|sound_bos|>",
            audio_eos_token_id="<|sound_eos|>",
        ),
    )
    return library.MusicFlamingoForConditionalGeneration(config)


def _glm_asr(library: Any, tokenizer: Any) -> Any:
    config = library.GlmAsrConfig(
        audio_config={"model_type": "glmasr_encoder", **_AUDIO},
        text_config=_text(tokenizer, "llama"),
        tie_word_embeddings=False,
        **_ids(tokenizer, audio_token_id="<|pad|>"),
    )
    return library.GlmAsrForConditionalGeneration(config)


def _vibe_voice(library: Any, tokenizer: Any) -> Any:
    listener = {
        "model_type": "vibevoice_acoustic_tokenizer_encoder",
        "num_filters": 4,
        "depths": [1, 1, 1, 1, 1, 1, 1],
        "layer_scale_init_value": 0.5,
        "initializer_range": 0.2,
    }
    config = library.VibeVoiceAsrConfig(
        acoustic_tokenizer_encoder_config={**listener, "hidden_size": 16},
        semantic_tokenizer_encoder_config={**listener, "hidden_size": 32},
        text_config=_text(tokenizer),
        **_ids(
            tokenizer,
            audio_token_id="<|box_start|>",
            audio_bos_token_id="<|object_ref_start|>",
            audio_eos_token_id="<|object_ref_end|>",
        ),
    )
    return library.VibeVoiceAsrForConditionalGeneration(config)


def _moss(library: Any, tokenizer: Any) -> Any:
    config = library.MossTranscribeDiarizeConfig(
        audio_config=_AUDIO,
        text_config=_text(tokenizer, "qwen3"),
        tie_word_embeddings=False,
        **_ids(tokenizer, audio_token_id="<|audio_pad|>"),
    )
    return library.MossTranscribeDiarizeForConditionalGeneration(config)


_SOUND = {"audio_token": "<sound>"}
_PADDED = "<|audio_start|><|audio_pad|><|audio_end|>"
_KEYS = "keys: Start time, End time, Speaker ID, Content"

SIBLINGS = {
    "qwen2_5_omni": MadeSibling(
        marks=_OMNI_MARKS,
        clip="<|audio_bos|><|AUDIO|><|audio_eos|>",
        model=_qwen2_5_omni,
        extractor=lambda library: library.WhisperFeatureExtractor(
            feature_size=128, chunk_length=300, return_attention_mask=True
        ),
    ),
    "qwen3_omni_moe": MadeSibling(marks=_OMNI_PADS, clip=_PADDED, model=_qwen3_omni),
    "qwen3_asr": MadeSibling(
        marks=_PADS,
        clip=_PADDED,
        model=_qwen3_asr,
        processor="Qwen3ASRProcessor",
        extractor=lambda library: library.Qwen3ASRFeatureExtractor(),
        template=_CONTEXT,
        plain_marks=("<asr_text>", "<timestamp>"),
    ),
    "audioflamingo3": MadeSibling(
        marks=_SOUND, clip="<sound>", model=_flamingo, processor="AudioFlamingo3Processor"
    ),
    "musicflamingo": MadeSibling(
        marks=_SOUND | {"audio_bos_token": "<|sound_bos|>", "audio_eos_token": "<|sound_eos|>"},
        clip="<sound>",
        model=_music_flamingo,
        processor="MusicFlamingoProcessor",
    ),
    "glmasr": MadeSibling(
        marks={
            "audio_token": "<|pad|>",
            "audio_bos_token": "<|begin_of_audio|>",
            "audio_eos_token": "<|end_of_audio|>",
        },
        clip="<|begin_of_audio|><|pad|><|end_of_audio|>",
        model=_glm_asr,
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
        model=_vibe_voice,
        processor="VibeVoiceAsrProcessor",
        extractor=lambda library: library.VibeVoiceAcousticTokenizerFeatureExtractor(),
    ),
    "moss_transcribe_diarize": MadeSibling(
        marks=_PADS,
        clip=f"{_PADDED}\nTranscribe with times and speakers.",
        model=_moss,
        processor="MossTranscribeDiarizeProcessor",
        extractor=lambda library: library.MossTranscribeDiarizeFeatureExtractor(),
    ),
}
