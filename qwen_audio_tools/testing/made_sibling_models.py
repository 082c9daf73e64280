"""The configs of Qwen2-Audio's siblings at their smallest, and random models of them."""

from typing import Any

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


def qwen2_5_omni(library: Any, tokenizer: Any) -> Any:
    """Return a Qwen2.5-Omni that listens and doesn't speak."""
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


def qwen3_omni(library: Any, tokenizer: Any) -> Any:
    """Return a Qwen3-Omni that listens and doesn't speak."""
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


def qwen3_asr(library: Any, tokenizer: Any) -> Any:
    """Return a Qwen3-ASR."""
    return library.Qwen3ASRForConditionalGeneration(_qwen3_asr_config(library, tokenizer))


def aligner(library: Any, tokenizer: Any) -> Any:
    """Return a Qwen3 forced aligner."""
    config = _qwen3_asr_config(library, tokenizer, num_labels=100)
    return library.Qwen3ASRForTokenClassification(config)


def flamingo(library: Any, tokenizer: Any) -> Any:
    """Return an Audio Flamingo 3."""
    config = library.AudioFlamingo3Config(
        audio_config={"model_type": "audioflamingo3_encoder", **_AUDIO},
        text_config=_text(tokenizer),
        **_ids(tokenizer, audio_token_id="<sound>"),
    )
    return library.AudioFlamingo3ForConditionalGeneration(config)


def music_flamingo(library: Any, tokenizer: Any) -> Any:
    """Return a Music Flamingo."""
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


def glm_asr(library: Any, tokenizer: Any) -> Any:
    """Return a GLM-ASR."""
    config = library.GlmAsrConfig(
        audio_config={"model_type": "glmasr_encoder", **_AUDIO},
        text_config=_text(tokenizer, "llama"),
        tie_word_embeddings=False,
        **_ids(tokenizer, audio_token_id="<|pad|>"),
    )
    return library.GlmAsrForConditionalGeneration(config)


def vibe_voice(library: Any, tokenizer: Any) -> Any:
    """Return a VibeVoice-ASR."""
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


def moss(library: Any, tokenizer: Any) -> Any:
    """Return a MOSS-Transcribe-Diarize."""
    config = library.MossTranscribeDiarizeConfig(
        audio_config=_AUDIO,
        text_config=_text(tokenizer, "qwen3"),
        tie_word_embeddings=False,
        **_ids(tokenizer, audio_token_id="<|audio_pad|>"),
    )
    return library.MossTranscribeDiarizeForConditionalGeneration(config)


def voxtral(library: Any, tokens: int, audio_token: int) -> Any:
    """Return a Voxtral of so many tokens."""
    config = library.VoxtralConfig(
        audio_config={"model_type": "voxtral_encoder", **_AUDIO},
        text_config=_text((), "llama", vocab_size=tokens),
        audio_token_id=audio_token,
    )
    return library.VoxtralForConditionalGeneration(config)


def sharpen(model: Any) -> None:
    """Let attention choose, so that the answer depends on each token and each second of audio."""
    import torch

    with torch.no_grad():
        for name, weight in model.named_parameters():
            if name.endswith(("q_proj.weight", "k_proj.weight")):
                weight.mul_(8.0)
            elif ".conv" in name and name.endswith("weight"):
                weight.mul_(8.0)  # or the sound is lost beside the positions that are added to it


def speak_plainly(model: Any, first: int) -> None:
    """Let only printable ASCII be said: 94 tokens from `first` on."""
    import torch

    head = getattr(getattr(model, "thinker", model), "lm_head", None)
    if head is not None:
        with torch.no_grad():
            head.weight[:first] = 0.0
            head.weight[first + ord("~") - ord("!") + 1 :] = 0.0


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


def _ids(tokenizer: Any, **tokens: str) -> dict[str, int]:
    return {name: tokenizer.convert_tokens_to_ids(token) for name, token in tokens.items()}
