"""Speech activity on made speech: where it is found, and that blocks don't matter."""

from itertools import pairwise

import numpy as np
import pytest

from qwen_audio_tools.engines.embedded.speech.speech_activity import (
    RATE,
    SpeechActivity,
    speech_spans,
)
from qwen_audio_tools.spans import total_seconds
from qwen_audio_tools.testing import church_bell, silence, speech, white_noise


@pytest.fixture(scope="module")
def sentences():
    """Two sentences: 1 s of silence, speech, 2 s of silence, speech, 1 s of silence."""
    first = speech("Good morning, and welcome to the kitchen table.")
    second = speech("Today we talk about bread and patience.")
    hush = np.zeros(RATE, np.float32)
    starts = (1.0, 1.0 + len(first) / RATE + 2.0)
    samples = np.concatenate([hush, first, hush, hush, second, hush])
    return samples, starts, (len(first) / RATE, len(second) / RATE)


def test_speech_is_found_where_it_was_put(sentences):
    samples, starts, lengths = sentences
    spans = speech_spans(samples)
    assert total_seconds(spans) == pytest.approx(sum(lengths), rel=0.25)
    assert spans[0].start == pytest.approx(starts[0], abs=0.35)
    assert all(s.start >= 0.7 and s.end <= len(samples) / RATE for s in spans)
    quiet = starts[1] - 1.0
    assert not any(span.start < quiet < span.end for span in spans)


@pytest.mark.parametrize("size", [1, 100, 511, 512, 513, 16_384, 100_000])
def test_any_block_size_gives_the_same_spans(sentences, size):
    samples = sentences[0] if size > 50 else sentences[0][: 2 * RATE]
    blocks = [samples[at : at + size] for at in range(0, len(samples), size)]
    assert speech_spans(blocks) == speech_spans(samples)


def test_random_blocks_and_a_reused_buffer_give_the_same_spans(sentences):
    samples, rng = sentences[0], np.random.default_rng(0)
    activity, at = SpeechActivity(), 0
    while at < len(samples):
        buffer = samples[at : at + int(rng.integers(1, 20_000))].copy()
        activity.feed(buffer)
        at += len(buffer)
        buffer[:] = 1.0
    assert activity.finish() == speech_spans(samples)


def test_closed_spans_come_early_and_stay(sentences):
    samples, starts, lengths = sentences
    activity = SpeechActivity()
    middle = round((starts[0] + lengths[0] + 1.8) * RATE)
    activity.feed(samples[:middle])
    early = activity.closed()
    assert early
    assert activity.open_since is None
    activity.feed(samples[middle:])
    assert activity.finish()[: len(early)] == early


def test_open_since_tells_that_speech_goes_on(sentences):
    samples, starts, _ = sentences
    activity = SpeechActivity()
    activity.feed(samples[: round((starts[0] + 1.6) * RATE)])
    assert activity.open_since == pytest.approx(starts[0], abs=0.35)
    assert 0 <= starts[0] + 1.6 - activity.heard <= 1.1


@pytest.mark.parametrize("samples", [silence(3.0), white_noise(3.0), church_bell(), np.zeros(0)])
def test_no_speech_in_what_is_none(samples):
    assert speech_spans(np.asarray(samples, np.float32)) == ()


def test_five_milliseconds_are_no_speech():
    assert speech_spans(np.full(80, 0.3, np.float32)) == ()


def test_spans_never_touch_and_never_leave_the_recording(sentences):
    doubled = np.concatenate([sentences[0][RATE:-RATE]] * 2)
    spans = speech_spans(doubled)
    assert all(before.end <= after.start for before, after in pairwise(spans))
    assert spans[0].start >= 0
    assert spans[-1].end <= len(doubled) / RATE


def test_agrees_with_the_package_that_carries_the_model(sentences):
    from faster_whisper.vad import get_speech_timestamps

    samples = sentences[0]
    theirs = get_speech_timestamps(
        samples, min_silence_duration_ms=300, min_speech_duration_ms=250, speech_pad_ms=100
    )
    ours = speech_spans(samples)
    assert len(theirs) == len(ours)
    for span, stamp in zip(ours, theirs, strict=True):
        assert span.start == pytest.approx(stamp["start"] / RATE, abs=0.15)
        assert span.end == pytest.approx(stamp["end"] / RATE, abs=0.15)
