"""The log-mel spectrogram that the encoder hears, of as many frames as there is sound for."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from qwen_audio_tools.clip import Samples

BEYOND = 2
"""Frames after the last real one that still matter: the encoder's convolutions look ahead.

They are also the last ones that a window of 400 samples around 160 * frame can find sound in.
"""


@dataclass(frozen=True, slots=True, eq=False)
class LogMel:
    """What a Whisper feature extractor is made of, laid out once: see `log_mel`.

    `hop` and `limit` are in samples; `window` is (n_fft,), `filters` (bins, n_fft // 2 + 1).
    """

    hop: int
    limit: int
    window: torch.Tensor
    filters: torch.Tensor

    @classmethod
    def of(cls, extractor: Any, device: "torch.device | str" = "cpu") -> "LogMel":
        """Take window and filters from a `WhisperFeatureExtractor`, to be used on a device."""
        filters = torch.from_numpy(extractor.mel_filters).to(device, torch.float32)
        return cls(
            hop=extractor.hop_length,
            limit=extractor.n_samples,
            window=torch.hann_window(extractor.n_fft, device=device),
            filters=filters.T.contiguous(),
        )

    def frames(self, samples: int) -> int:
        """Return how many frames are real: those that the extractor's mask has a 1 for."""
        return -(-min(samples, self.limit) // self.hop)


def log_mel(samples: "Samples", mel: LogMel) -> torch.Tensor:
    """Return the log-mel spectrogram, (bins, frames + 2), at most as long as the padded one.

    It is the beginning of what the extractor gives for the same sound padded to 30 s, but for the
    last bit of rounding. All frames beyond are silence: they can't hold the loudest value, to
    which the extractor relates all others, so nothing is lost by not computing them.
    """
    frames = mel.frames(len(samples)) + BEYOND
    # `stft` reflects the end, which is silence here. At the limit it may be sound, but there the
    # extractor reflects it as well.
    padded = mel.window.new_zeros(min(frames * mel.hop, mel.limit))
    padded[: len(samples)] = torch.from_numpy(samples)
    frames = min(frames, mel.limit // mel.hop)
    fft = len(mel.window)
    spectrum = torch.stft(padded, fft, mel.hop, window=mel.window, return_complex=True)
    parts = torch.view_as_real(spectrum[:, :frames])
    power = parts.square_().sum(-1)  # abs() would take a root, only for it to be squared again
    loudness = (mel.filters @ power).clamp_(min=1e-10).log10_()
    return loudness.clamp_(min=loudness.max() - 8.0).add_(4.0).div_(4.0)


def padded_log_mels(clips: "Sequence[Samples]", extractor: Any) -> torch.Tensor:
    """Return (clips, bins, 3000) by the extractor itself, as the processor calls it."""
    features: torch.Tensor = extractor(
        list(clips),
        sampling_rate=extractor.sampling_rate,
        padding="max_length",
        return_attention_mask=True,
        return_tensors="pt",
    ).input_features
    return features
