"""The log-mel spectrogram: as the feature extractor has it, on no more than the sound there is."""

import numpy as np
import pytest
import torch

from qwen_audio_tools.engines.transformers.hearing.log_mel import (
    LogMel,
    log_mel,
    padded_log_mels,
)
from qwen_audio_tools.testing import chirp, pink_noise, silence, speech, tone

RATE = 16_000
# Where frames begin and end, where the window's reflected end comes in, and odd ones.
LENGTHS = (
    *(1, 2, 159, 160, 161, 200, 201, 399, 400, 1600, 5000, 47_999, 48_000, 48_001, 48_041),
    *(160_000, 479_039, 479_200, 479_359, 479_361, 479_520, 479_700, 479_841, 479_999, 480_000),
)


@pytest.fixture(scope="module")
def extractor(processor):
    return processor.feature_extractor


@pytest.fixture(scope="module")
def long() -> np.ndarray:
    """Speech, and then 30 s of all kinds of sound."""
    parts = (speech("Mister Quilter is the apostle."), chirp(seconds=9.0), pink_noise(20.0))
    return np.concatenate([np.asarray(part, np.float32) for part in parts])


def difference(samples: np.ndarray, extractor) -> float:
    ours = log_mel(samples, LogMel.of(extractor))
    theirs = padded_log_mels([samples], extractor)[0]
    return float((ours - theirs[:, : ours.shape[1]]).abs().max())


@pytest.mark.parametrize("length", LENGTHS)
def test_every_length_gives_what_the_extractor_gives(extractor, long, length):
    assert difference(long[:length], extractor) <= 1e-6


@pytest.mark.parametrize("length", LENGTHS)
def test_there_are_two_frames_beyond_the_real_ones(extractor, long, length):
    mel = LogMel.of(extractor)
    mask = extractor(
        long[:length], sampling_rate=RATE, return_attention_mask=True, return_tensors="pt"
    ).attention_mask
    assert mel.frames(length) == int(mask.sum())
    assert log_mel(long[:length], mel).shape == (128, min(int(mask.sum()) + 2, 3000))


@pytest.mark.parametrize(
    "samples",
    [tone(1000.0, 3.0), silence(2.0), pink_noise(1.0) * 1e-6, pink_noise(1.0) * 30],
    ids=["tone", "silence", "hardly any", "too loud"],
)
def test_every_kind_of_sound_gives_what_the_extractor_gives(extractor, samples):
    assert difference(np.asarray(samples, np.float32), extractor) <= 1e-6


@pytest.mark.parametrize("length", [1601, 1639, 1640, 1641, 1760, 16_000])
def test_the_loudest_may_be_the_very_last_sample(extractor, length):
    samples = np.full(length, 1e-4, np.float32)
    samples[-1] = 1.0
    assert difference(samples, extractor) <= 1e-6


def test_what_is_beyond_is_nothing_but_silence(extractor, long):
    samples = long[:48_001]
    frames = log_mel(samples, LogMel.of(extractor)).shape[1]
    theirs = padded_log_mels([samples], extractor)[0][:, frames:]
    assert torch.equal(theirs, torch.full_like(theirs, float(theirs[0, 0])))


def test_the_samples_are_left_as_they_were(extractor, long):
    samples = long[:5000].copy()
    log_mel(samples, LogMel.of(extractor))
    np.testing.assert_array_equal(samples, long[:5000])


def test_the_padded_ones_are_those_of_the_processor(processor, made):
    clips = [made["glass"], made["speech"]]
    inputs = processor(
        text=["<|AUDIO|><|AUDIO|>"], audio=clips, sampling_rate=RATE, return_tensors="pt"
    )
    padded = padded_log_mels(clips, processor.feature_extractor)
    assert torch.equal(padded, inputs.input_features)
