"""The audio encoder of Qwen2-Audio and its projector, run on the sound there is, not on 30 s."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch.nn.functional import gelu, pad
from transformers.masking_utils import create_bidirectional_mask

from qwen_audio_tools.engines.transformers.hearing.log_mel import (
    LogMel,
    log_mel,
    padded_log_mels,
)

if TYPE_CHECKING:
    from qwen_audio_tools.clip import Samples

HOP = 160
LIMIT = 480_000
"""Samples at 16 kHz: of one mel frame, and of the 30 s that the encoder was made for."""

# Clips in a batch may be so much longer than its shortest; more padding costs more than it saves.
_SPREAD = 1.15
# Convolved frames in a batch, padding included: eight clips of 30 s.
_BATCH = 8 * 1500


def convolved(samples: int) -> int:
    """Return over how many frames the encoder's attention runs, for 16 kHz samples: 50 a second."""
    frames = -(-min(samples, LIMIT) // HOP)
    return (frames - 1) // 2 + 1


def token_count(samples: int) -> int:
    """Return how many tokens so many 16 kHz samples become: 25 a second, 750 at most.

    As `_get_feat_extract_output_lengths` of the encoder and the processor have it.
    """
    return max(0, (convolved(samples) - 2) // 2 + 1)


def encode(model: Any, extractor: Any, clips: "Sequence[Samples]") -> list[torch.Tensor]:
    """Return what the language model hears of each clip, (tokens, width), in their order.

    `model` is a Qwen2AudioForConditionalGeneration, `extractor` the feature extractor of its
    processor. Each clip is one of 16 kHz samples, at most 30 s. Equal to `encode_exact` but for
    rounding: frames beyond the sound are masked there, and not computed here.
    """
    tower = model.model.audio_tower
    device = tower.conv1.weight.device
    # An Apple GPU keeps to the CPU's spectrum: its complex numbers are a recent thing.
    mel = LogMel.of(extractor, device if device.type == "cuda" else "cpu")
    heard: list[torch.Tensor] = [torch.empty(0)] * len(clips)
    for batch in batches([convolved(len(clip)) for clip in clips], device.type):
        lengths = [convolved(len(clips[index])) for index in batch]
        with torch.no_grad():
            hidden = run(tower, [log_mel(clips[index], mel) for index in batch], lengths)
            projected = model.model.multi_modal_projector(hidden)
        for row, index in enumerate(batch):
            heard[index] = _own(projected[row, : token_count(len(clips[index]))])
    return heard


def encode_exact(model: Any, extractor: Any, clips: "Sequence[Samples]") -> list[torch.Tensor]:
    """Return what `encode` does by the very arithmetic of `generate` in transformers.

    All clips are padded to 30 s and run as one batch, as those of one prompt are there; in half
    precision another batch may round otherwise.
    """
    tower = model.model.audio_tower
    features = padded_log_mels(clips, extractor)
    lengths = [convolved(len(clip)) for clip in clips]
    mask = _mask(tower, lengths, (features.shape[-1] - 2) // 2 + 1)
    with torch.no_grad():
        hidden = tower(features, attention_mask=mask).last_hidden_state
        projected = model.model.multi_modal_projector(hidden)
    return [_own(row[: token_count(len(clip))]) for row, clip in zip(projected, clips, strict=True)]


def batches(lengths: Sequence[int], device: str) -> Iterator[list[int]]:
    """Yield indices of clips that a "cpu" or "cuda" encodes together: near lengths, shortest first.

    On a CPU one clip at a time keeps it busy, and is a little faster than a batch.
    """
    batch: list[int] = []
    for index in sorted(range(len(lengths)), key=lengths.__getitem__):
        longest = lengths[index]
        full = (len(batch) + 1) * longest > _BATCH
        if batch and (device == "cpu" or full or longest > _SPREAD * lengths[batch[0]]):
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch


def run(tower: Any, mels: Sequence[torch.Tensor], lengths: Sequence[int]) -> torch.Tensor:
    """Return (rows, tokens, width) of a Qwen2AudioEncoder, as its `forward` does of 3000 frames.

    Its convolutions reach one frame to either side, so `lengths` convolved frames are right if
    there are two mel frames beyond the real ones; all further ones are left out. What is beyond a
    row's own length is masked, and means nothing in what comes back.
    """
    weight, longest = tower.conv1.weight, max(lengths)
    width = max(mel.shape[-1] for mel in mels)
    features = torch.stack([pad(mel, (0, width - mel.shape[-1])) for mel in mels])
    features = features.to(device=weight.device, dtype=weight.dtype)
    hidden = gelu(tower.conv2(gelu(tower.conv1(features))))[..., :longest].transpose(1, 2)
    hidden = hidden + tower.embed_positions.weight[:longest]
    mask = None if min(lengths) == longest else _mask(tower, lengths, longest)
    for layer in tower.layers:
        hidden = layer(hidden, mask)
    pooled = tower.avg_pooler(hidden.transpose(1, 2)).transpose(1, 2)
    normed: torch.Tensor = tower.layer_norm(pooled)
    return normed


def _mask(tower: Any, lengths: Sequence[int], longest: int) -> Any:
    """Return a mask that hides what lies beyond each row's length, as the attention wants it."""
    device, dtype = tower.conv1.weight.device, tower.conv1.weight.dtype
    ends = torch.tensor(lengths, device=device)[:, None]
    return create_bidirectional_mask(
        config=tower.config,
        inputs_embeds=torch.zeros((len(lengths), longest, 1), dtype=dtype, device=device),
        attention_mask=(torch.arange(longest, device=device) < ends).long(),
    )


def _own(tokens: torch.Tensor) -> torch.Tensor:
    """Return the tokens in memory of their own, that lets go of the rest of their batch."""
    if tokens.untyped_storage().nbytes() == tokens.numel() * tokens.element_size():
        return tokens
    return tokens.clone()
