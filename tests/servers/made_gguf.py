"""A made Qwen2-Audio checkpoint as the two files that llama.cpp loads: the model, and its ears."""

import json
from pathlib import Path
from typing import Any

import gguf
import numpy as np
from safetensors.numpy import load_file

_CONTROL, _NORMAL = 3, 1  # kinds of tokens
_BLOCKS = 32  # more than any made encoder has; the names of its convolutions count as blocks


def write_gguf(checkpoint: Path, folder: Path) -> tuple[Path, Path]:
    """Write the language model and the audio encoder, and return both paths."""
    folder.mkdir(parents=True, exist_ok=True)
    config = json.loads((checkpoint / "config.json").read_text(encoding="utf-8"))
    weights = load_file(checkpoint / "model.safetensors")
    model = folder / "model.gguf"
    writer = gguf.GGUFWriter(model, "qwen2")
    _describe_model(writer, config["text_config"])
    _describe_tokens(writer, checkpoint, config["text_config"]["vocab_size"])
    names = gguf.get_tensor_name_map(
        gguf.MODEL_ARCH.QWEN2, config["text_config"]["num_hidden_layers"]
    )
    for key, values in weights.items():
        if key.startswith("language_model."):
            writer.add_tensor(_name(names, key.removeprefix("language_model.")), values)
    _write(writer)
    return model, _write_ears(config, weights, folder / "ears.gguf")


def _write_ears(config: dict[str, Any], weights: dict[str, np.ndarray], path: Path) -> Path:
    writer = gguf.GGUFWriter(path, "clip")
    writer.add_type("mmproj")
    writer.add_file_type(0)
    writer.add_clip_has_audio_encoder(True)
    writer.add_clip_projector_type("qwen2a")
    writer.add_audio_projection_dim(config["text_config"]["hidden_size"])
    audio = config["audio_config"]
    writer.add_audio_embedding_length(audio["d_model"])
    writer.add_audio_feed_forward_length(audio["encoder_ffn_dim"])
    writer.add_audio_block_count(audio["encoder_layers"])
    writer.add_audio_head_count(audio["encoder_attention_heads"])
    writer.add_audio_attention_layernorm_eps(1e-5)
    writer.add_audio_num_mel_bins(audio["num_mel_bins"])
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.MMPROJ, _BLOCKS)
    for key, values in weights.items():
        if key.startswith("multi_modal_projector.linear."):
            writer.add_tensor("mm.a.fc." + key.rpartition(".")[2], values)
        elif not key.startswith("language_model."):
            writer.add_tensor(_name(names, key), _as_convolution(key, values))
    _write(writer)
    return path


def _as_convolution(key: str, values: np.ndarray) -> np.ndarray:
    """Return weights as they are, or in the shape and type that a convolution there wants."""
    if ".conv" not in key:
        return values
    return values[:, None] if key.endswith(".bias") else values.astype(np.float16)


def _describe_model(writer: gguf.GGUFWriter, text: dict[str, Any]) -> None:
    writer.add_name("Tiny")
    writer.add_file_type(0)
    writer.add_context_length(text["max_position_embeddings"])
    writer.add_embedding_length(text["hidden_size"])
    writer.add_block_count(text["num_hidden_layers"])
    writer.add_feed_forward_length(text["intermediate_size"])
    writer.add_head_count(text["num_attention_heads"])
    writer.add_head_count_kv(text["num_key_value_heads"])
    writer.add_layer_norm_rms_eps(text["rms_norm_eps"])
    writer.add_rope_freq_base(text["rope_parameters"]["rope_theta"])


def _describe_tokens(writer: gguf.GGUFWriter, checkpoint: Path, size: int) -> None:
    tokenizer = json.loads((checkpoint / "tokenizer.json").read_text(encoding="utf-8"))
    special = {token["content"]: token["id"] for token in tokenizer["added_tokens"]}
    named = {number: word for word, number in {**tokenizer["model"]["vocab"], **special}.items()}
    words = [named[number] for number in range(size)]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list(words)
    writer.add_token_types([_CONTROL if word in special else _NORMAL for word in words])
    writer.add_token_merges(["Ā Ā"])  # it insists on one; two NUL bytes are never written
    writer.add_eos_token_id(special["<|im_end|>"])
    writer.add_pad_token_id(special["<|endoftext|>"])
    writer.add_add_bos_token(False)
    writer.add_chat_template((checkpoint / "chat_template.jinja").read_text(encoding="utf-8"))


def _name(names: gguf.TensorNameMap, key: str) -> str:
    name = names.get_name(key, try_suffixes=(".weight", ".bias"))
    assert name, f"llama.cpp has no name for {key!r}"
    return str(name)


def _write(writer: gguf.GGUFWriter) -> None:
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
