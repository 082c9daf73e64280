"""Small random Qwen2-Audio checkpoints, complete and loadable, with the real special tokens.

What they say is nonsense, but it depends on every token and every second of audio: attention is
made sharp, so that an engine that loses a clip, a turn or a position says something else.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

SPECIAL = (
    *("<|endoftext|>", "<|im_start|>", "<|im_end|>"),
    *("<|AUDIO|>", "<|audio_bos|>", "<|audio_eos|>"),
)
# As the Instruct checkpoint ships them (logged by a server that loaded it: vLLM #16535).
GENERATION = {
    "do_sample": True,
    "repetition_penalty": 1.1,
    "temperature": 0.7,
    "top_k": 20,
    "top_p": 0.5,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """The sizes of a checkpoint. `vocabulary` is how many tokens the head tells apart.

    `sharpness` multiplies the query and key weights: at 1 random attention is all but even, and
    the output hardly depends on the input.
    """

    encoder_layers: int = 2
    encoder_width: int = 64
    layers: int = 2
    width: int = 128
    heads: int = 4
    kv_heads: int = 4
    vocabulary: int = 0
    context: int = 8192
    sharpness: float = 8.0


TINY = Shape()
"""A million parameters: loads in a moment, answers in a second."""

SHAPED = Shape(
    encoder_layers=8,
    encoder_width=384,
    layers=12,
    width=1024,
    heads=16,
    kv_heads=16,
    vocabulary=32_000,
    sharpness=1.0,
)
"""200 million parameters, a tenth of them encoder, as in the 7B: for measuring speed on a CPU."""

SEVEN_B = Shape(
    encoder_layers=32,
    encoder_width=1280,
    layers=32,
    width=4096,
    heads=32,
    kv_heads=32,
    vocabulary=156_032,
    sharpness=1.0,
)
"""The shape of Qwen2-Audio-7B itself, 16.8 GB in bf16: for a GPU."""


def write_checkpoint(
    folder: Path | str, *, shape: Shape = TINY, seed: int = 0, dtype: str = "float32"
) -> Path:
    """Write a random Qwen2-Audio checkpoint with its processor and return its folder.

    The same shape and seed give the same weights. Needs the `transformers` extra.
    """
    import torch

    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    model, processor = make_model(shape, seed=seed)
    model.to(getattr(torch, dtype)).save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


def make_model(
    shape: Shape = TINY, *, seed: int = 0, device: str = "cpu", dtype: str = "float32"
) -> tuple[Any, Any]:
    """Return a random model in evaluation mode, made where it shall be, and its processor."""
    import torch
    from transformers import (
        GenerationConfig,
        Qwen2AudioConfig,
        Qwen2AudioForConditionalGeneration,
    )

    processor = make_processor()
    tokenizer = processor.tokenizer
    config = Qwen2AudioConfig(
        audio_config=_audio_config(shape),
        text_config=_text_config(shape, len(tokenizer)),
        audio_token_index=tokenizer.convert_tokens_to_ids("<|AUDIO|>"),
    )
    with torch.random.fork_rng(), torch.device(device):
        torch.manual_seed(seed)
        model = Qwen2AudioForConditionalGeneration._from_config(
            config, dtype=getattr(torch, dtype)
        ).eval()
    _sharpen(model, shape.sharpness)
    _speak_plainly(model, len(tokenizer), tokenizer.eos_token_id)
    model.generation_config = GenerationConfig(
        **GENERATION, eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id
    )
    return model, processor


def make_processor() -> Any:
    """Return a Qwen2-Audio processor whose tokenizer has one token a byte, and the special ones."""
    from tokenizers import pre_tokenizers
    from transformers import Qwen2AudioProcessor, Qwen2Tokenizer, WhisperFeatureExtractor

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Qwen2Tokenizer(
        vocab={letter: index for index, letter in enumerate(letters)},
        merges=[],
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        unk_token="<|endoftext|>",
        additional_special_tokens=list(SPECIAL),
        model_max_length=8192,
    )
    extractor = WhisperFeatureExtractor(feature_size=128, return_attention_mask=True)
    return Qwen2AudioProcessor(feature_extractor=extractor, tokenizer=tokenizer)


def _audio_config(shape: Shape) -> dict[str, Any]:
    return {
        "model_type": "qwen2_audio_encoder",
        "d_model": shape.encoder_width,
        "encoder_layers": shape.encoder_layers,
        "encoder_attention_heads": max(1, shape.encoder_width // 64),
        "encoder_ffn_dim": 4 * shape.encoder_width,
        "num_mel_bins": 128,
        "max_source_positions": 1500,
    }


def _text_config(shape: Shape, tokens: int) -> dict[str, Any]:
    return {
        "model_type": "qwen2",
        "vocab_size": max(shape.vocabulary, tokens),
        "hidden_size": shape.width,
        "intermediate_size": round(shape.width * 11008 / 4096 / 64) * 64,
        "num_hidden_layers": shape.layers,
        "num_attention_heads": shape.heads,
        "num_key_value_heads": shape.kv_heads,
        "max_position_embeddings": shape.context,
        "rope_parameters": {"rope_type": "default", "rope_theta": 10_000.0},
        "tie_word_embeddings": False,
    }


def _sharpen(model: Any, sharpness: float) -> None:
    """Let attention choose, and let the audio matter as much as the words beside it."""
    import torch

    with torch.no_grad():
        for name, weight in model.named_parameters():
            if name.endswith(("q_proj.weight", "k_proj.weight")):
                weight.mul_(sharpness)
        projector = model.model.multi_modal_projector.linear.weight
        if sharpness > 1:
            projector.mul_(1 / projector.shape[1] ** 0.5 / 0.02 * 0.2)


def _speak_plainly(model: Any, tokens: int, eos: int) -> None:
    """Let only printable ASCII and the end of a turn be said; nothing ends what is measured."""
    import torch

    rows = model.lm_head.weight.shape[0]
    sayable = torch.zeros(rows, dtype=torch.bool)
    if rows > tokens:
        sayable[:] = True  # a shape for measuring: it must say as many tokens as it is let
    else:
        sayable[: ord("~") - ord("!") + 1] = True  # the first letters of the byte alphabet
    sayable[eos] = rows <= tokens
    with torch.no_grad():
        model.lm_head.weight[~sayable] = 0.0
