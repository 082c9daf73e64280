"""How many numbers a model holds: by arithmetic on its config.json, or by its files' headers."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

# What transformers takes where a config.json is silent, as that of Qwen2-Audio-7B is.
_TEXT = {
    "hidden_size": 4096,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "intermediate_size": 22016,
    "vocab_size": 151936,
    "max_position_embeddings": 32768,
}
_AUDIO = {
    "d_model": 1280,
    "encoder_layers": 32,
    "encoder_ffn_dim": 5120,
    "num_mel_bins": 128,
    "max_source_positions": 1500,
}
SEVEN_B: Mapping[str, Any] = {
    "model_type": "qwen2_audio",
    "audio_config": _AUDIO,
    "text_config": {"intermediate_size": 11008, "vocab_size": 156032},
    "dtype": "bfloat16",
}
"""What the config.json of Qwen2-Audio-7B says, as far as sizes go."""

_HEADER_LIMIT = 100_000_000  # as the safetensors library has it
# Parts of an Omni that speak: the engine doesn't load them.
_UNUSED = ("talker.", "token2wav.", "code2wav.")
_LISTENS = ("audio", "visual", "vision", "tower", "projector", "adaptor", "tokenizer_encoder")


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """`linear` are the weights of the language model's layers, which quantising makes smaller.

    `head` is what makes logits (0 where it is the embeddings again), `rest` all other.
    """

    linear: int
    head: int
    rest: int

    @property
    def total(self) -> int:
        """All of them."""
        return self.linear + self.head + self.rest


@dataclass(frozen=True, slots=True, kw_only=True)
class TextShape:
    """The sizes of the language model inside, by any family's names."""

    width: int
    inner: int
    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    vocabulary: int
    context: int

    @property
    def kv_numbers(self) -> int:
        """How many numbers the KV cache holds for one token."""
        return 2 * self.layers * self.kv_heads * self.head_dim


def text_shape(config: Mapping[str, Any]) -> TextShape:
    """Return the sizes of the language model of a config.json."""
    text = {**_TEXT, **_text_config(config)}
    heads = int(text["num_attention_heads"])
    width = int(text["hidden_size"])
    return TextShape(
        width=width,
        inner=int(text["intermediate_size"]),
        layers=int(text["num_hidden_layers"]),
        heads=heads,
        kv_heads=int(text.get("num_key_value_heads") or heads),
        head_dim=int(text.get("head_dim") or width // heads),
        vocabulary=int(text["vocab_size"]),
        context=int(text["max_position_embeddings"]),
    )


def counted(config: Mapping[str, Any]) -> Parameters:
    """Return the parameters of a Qwen2-Audio by its config.json alone."""
    shape = text_shape(config)
    width, wide = shape.width, shape.heads * shape.head_dim
    narrow = shape.kv_heads * shape.head_dim
    linear = 2 * width * wide + 2 * width * narrow + 3 * width * shape.inner
    beside = wide + 2 * narrow + 2 * width  # biases of q, k, v; two norms
    embeddings = shape.vocabulary * width
    tied = bool(_text_config(config).get("tie_word_embeddings", False))
    return Parameters(
        linear=shape.layers * linear,
        head=0 if tied else embeddings,
        rest=shape.layers * beside + width + embeddings + _encoder(config, width),
    )


def stored(files: Sequence[Path]) -> Parameters:
    """Return the parameters in *.safetensors files, read from their headers.

    Raises:
        ValueError: a file is none.
    """
    linear = head = rest = 0
    for path in files:
        for name, shape in _tensors(path):
            count = prod(shape)
            if name.startswith(_UNUSED):
                continue
            if name.endswith("lm_head.weight"):
                head += count
            elif len(shape) >= 2 and ".layers." in name and not _listens(name):
                linear += count
            else:
                rest += count
    return Parameters(linear=linear, head=head, rest=rest)


def _listens(name: str) -> bool:
    return any(part in name for part in _LISTENS)


def _tensors(path: Path) -> Iterator[tuple[str, Sequence[int]]]:
    # https://github.com/huggingface/safetensors: 8 bytes of length, then that much JSON
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if not 0 < length < _HEADER_LIMIT:
            raise ValueError(f"{path} is no safetensors file")
        header = json.loads(file.read(length))
    for name, tensor in header.items():
        if name != "__metadata__":
            yield name, tensor["shape"]


def _text_config(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the part of a config that is about the language model, wherever a family has it."""
    for name in ("thinker_config", "text_config", "llm_config", "language_config"):
        if isinstance(inner := config.get(name), Mapping):
            return _text_config(inner)
    return config


def _encoder(config: Mapping[str, Any], width: int) -> int:
    """Return the parameters of Whisper's encoder and of the projector onto the model's width."""
    audio = {**_AUDIO, **config.get("audio_config", {})}
    size, inner = int(audio["d_model"]), int(audio["encoder_ffn_dim"])
    convolutions = 3 * size * (int(audio["num_mel_bins"]) + size) + 2 * size
    attention = 4 * size * size + 3 * size  # the keys have no bias
    layer = attention + 2 * size * inner + inner + size + 4 * size
    positions = int(audio["max_source_positions"]) * size
    layers = int(audio["encoder_layers"]) * layer
    return convolutions + positions + layers + 2 * size + (size + 1) * width
