"""A small random Voxtral: its tokenizer is Mistral's own, one token a byte."""

import base64
import json
from pathlib import Path
from typing import Any

from qwen_audio_tools.testing import made_sibling_models

# The control tokens that mistral-common looks for; the audio ones have these ids in any Voxtral.
_CONTROLS = {
    **dict(enumerate(("<unk>", "<s>", "</s>", "[INST]", "[/INST]", "[AVAILABLE_TOOLS]"))),
    **dict(
        enumerate(("[/AVAILABLE_TOOLS]", "[TOOL_RESULTS]", "[/TOOL_RESULTS]", "[TOOL_CALLS]"), 6)
    ),
    **dict(enumerate(("[IMG]", "<pad>", "[IMG_BREAK]", "[IMG_END]", "[PREFIX]", "[MIDDLE]"), 10)),
    **dict(enumerate(("[SUFFIX]", "[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]", "[TOOL_CONTENT]"), 16)),
    24: "[AUDIO]",
    25: "[BEGIN_AUDIO]",
    34: "[TRANSCRIBE]",
}
_COUNT = 35
_AUDIO_TOKEN = 24


def write_voxtral(folder: Path | str, *, seed: int = 0) -> Path:
    """Write a random Voxtral checkpoint and return its folder. Needs mistral-common to be read."""
    import torch
    import transformers

    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tekken.json").write_text(json.dumps(_tekken()), encoding="utf-8")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = made_sibling_models.voxtral(transformers, _COUNT + 256, _AUDIO_TOKEN).eval()
        made_sibling_models.sharpen(model)
        made_sibling_models.speak_plainly(model, _COUNT + ord("!"))
    model.generation_config = transformers.GenerationConfig(
        bos_token_id=1, eos_token_id=2, pad_token_id=11
    )
    model.save_pretrained(folder)
    extractor = transformers.WhisperFeatureExtractor(feature_size=128)
    extractor.save_pretrained(folder)
    return folder


def _tekken() -> dict[str, Any]:
    return {
        "config": {
            "pattern": r"[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s+",
            "num_vocab_tokens": 256,
            "default_vocab_size": 256 + _COUNT,
            "default_num_special_tokens": _COUNT,
            "version": "v7",
        },
        "vocab": [
            {
                "rank": value,
                "token_bytes": base64.b64encode(bytes([value])).decode(),
                "token_str": None,
            }
            for value in range(256)
        ],
        "special_tokens": [
            {
                "rank": index,
                "token_str": _CONTROLS.get(index, f"<SPECIAL_{index}>"),
                "is_control": True,
            }
            for index in range(_COUNT)
        ],
        "audio": {
            "sampling_rate": 16_000,
            "frame_rate": 12.5,
            "audio_encoding_config": {"num_mel_bins": 128, "hop_length": 160, "window_size": 400},
            "chunk_length_s": 30.0,
        },
    }
