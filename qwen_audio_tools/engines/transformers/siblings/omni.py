"""What of an Omni's processor listens: its parts for pictures would need torchvision."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

# Zeros behind the sound, so that no frame that is kept sees the end reflected: in the model's own
# processor there are zeros up to 300 s, which say the same and cost a hundred times more.
_BEYOND = 800


class OmniEars:
    """Tokenizer, feature extractor and chat template, called as their processor is.

    `tokens` gives the audio tokens of a number of frames (10 ms each); `reflects` is whether the
    processor lets the spectrogram reflect the end of a sound, as it does where it adds no zeros.
    """

    def __init__(self, folder: Path | str, tokens: Callable[[int], int], *, reflects: bool) -> None:
        from transformers import AutoFeatureExtractor, AutoTokenizer, ProcessorMixin

        settings, _ = ProcessorMixin.get_processor_dict(folder, local_files_only=True)
        self.tokenizer: Any = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        self.feature_extractor: Any = AutoFeatureExtractor.from_pretrained(
            folder, local_files_only=True
        )
        self.chat_template: str | None = settings.get("chat_template")
        self.audio_token: str = self.tokenizer.audio_token
        self._tokens, self._reflects = tokens, reflects

    def apply_chat_template(self, messages: Sequence[dict[str, Any]], **options: Any) -> str:
        """Return the conversation as text."""
        template = self.chat_template or self.tokenizer.chat_template
        written: str = self.tokenizer.apply_chat_template(
            messages, chat_template=template, **options
        )
        return written

    def __call__(self, text: Sequence[str], audio: Sequence[Any], **_: Any) -> dict[str, Any]:
        """Return ids and features of one sound, as the processor names them."""
        (samples,) = audio
        extractor = self.feature_extractor
        if self._reflects:
            frames = len(samples) // extractor.hop_length
        else:
            frames = -(-len(samples) // extractor.hop_length)
            padded = torch.zeros(len(samples) + _BEYOND)
            padded[: len(samples)] = torch.from_numpy(samples)
            samples = padded.numpy()
        features = extractor(
            [samples],
            sampling_rate=extractor.sampling_rate,
            padding=True,
            truncation=False,
            return_tensors="pt",
        ).input_features[..., :frames]
        audio_id = self.tokenizer.convert_tokens_to_ids(self.audio_token)
        return {
            "input_ids": torch.full((1, self._tokens(frames)), audio_id),
            "input_features": features,
            "feature_attention_mask": torch.ones(1, frames, dtype=torch.long),
        }


def qwen2_5_ears(folder: Path | str) -> OmniEars:
    """Return the ears of Qwen2.5-Omni: two convolutions, then pairs are averaged (25 a second)."""
    return OmniEars(folder, lambda frames: ((frames - 1) // 2 - 1) // 2 + 1, reflects=False)


def qwen3_ears(folder: Path | str) -> OmniEars:
    """Return the ears of Qwen3-Omni: 13 tokens a second, the last part of one rounded up."""
    return OmniEars(folder, _eighths, reflects=True)


def _eighths(frames: int) -> int:
    seconds, left = divmod(frames, 100)
    return 13 * seconds + -(-left // 8)
