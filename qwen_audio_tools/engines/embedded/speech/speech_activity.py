"""Speech activity: where somebody speaks, heard block by block with the Silero model (v6).

The model travels inside the faster-whisper package. It does not know who speaks, or what.
"""

import importlib.util
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from qwen_audio_tools.errors import MissingExtra
from qwen_audio_tools.spans import Span

RATE = 16_000
FRAME = 512
"""Samples per probability: 32 ms."""

_CONTEXT = 64  # samples of the frame before that the model hears again
# Frames go through the model in groups of this many, counted from the start of the recording: so
# the result does not depend on the blocks, and this many cost the least per frame (measured).
_GROUP = 32

Samples = npt.NDArray[np.float32]


class SpeechActivity:
    """Feed consecutive samples; speech spans come out as soon as they are closed.

    Speech begins at a probability of `threshold` and ends after `min_silence` seconds below
    `threshold - 0.15`; spans under `min_speech` seconds are dropped, the others widened by `pad`
    seconds at both ends (at most half of `min_silence`, so that they never touch).

    Raises:
        MissingExtra: the package that carries the model is not installed.
    """

    def __init__(
        self,
        *,
        threshold: float = 0.5,
        min_speech: float = 0.25,
        min_silence: float = 0.3,
        pad: float = 0.1,
    ) -> None:
        self._session = _session()
        self._threshold, self._low = threshold, max(0.01, threshold - 0.15)
        self._min_speech, self._min_silence = min_speech, min_silence
        self.pad = min(pad, min_silence / 2)
        self._pieces: list[Samples] = []  # fed, and not yet a whole group
        self._held = 0
        self._context = np.zeros(_CONTEXT, np.float32)
        self._state = [np.zeros((1, 1, 128), np.float32) for _ in range(2)]
        self._samples = 0
        self._frames = 0
        self._start: float | None = None  # of the speech that goes on, before padding
        self._quiet: float | None = None  # since when it may have ended
        self._closed: list[Span] = []

    def feed(self, samples: Samples) -> None:
        """Hear the next samples, shape (n,), 16 kHz mono; any n."""
        self._samples += len(samples)
        self._pieces.append(np.array(samples, np.float32))  # a copy: callers reuse their buffers
        self._held += len(samples)
        size = FRAME * _GROUP
        if self._held < size:
            return
        held = np.concatenate(self._pieces)
        whole = len(held) // size * size
        for at in range(0, whole, size):
            self._hear(held[at : at + size])
        self._pieces, self._held = [held[whole:]], len(held) - whole

    def closed(self) -> tuple[Span, ...]:
        """Return the spans that are finished so far; they stay as they are from here on."""
        return tuple(self._closed)

    @property
    def open_since(self) -> float | None:
        """Start in seconds of the speech that still goes on, or None in silence."""
        return None if self._start is None else max(0.0, self._start - self.pad)

    @property
    def heard(self) -> float:
        """Seconds that were judged so far: at most one second behind what was fed."""
        return min(self._frames * FRAME, self._samples) / RATE

    def finish(self) -> tuple[Span, ...]:
        """Judge what is left and return all spans, in order."""
        if self._held:
            left = np.concatenate(self._pieces)
            self._hear(np.pad(left, (0, -len(left) % FRAME)))
            self._pieces, self._held = [], 0
        end = self._samples / RATE
        if self._start is not None:
            self._close(min(end, self._quiet if self._quiet is not None else end), end)
        return self.closed()

    def _hear(self, samples: Samples) -> None:
        frames = samples.reshape(-1, FRAME)
        before = np.vstack([self._context, frames[:-1, -_CONTEXT:]])
        self._context = frames[-1, -_CONTEXT:].copy()
        inputs = {"input": np.hstack([before, frames]), "h": self._state[0], "c": self._state[1]}
        probabilities, *self._state = self._session.run(None, inputs)
        for probability in probabilities.ravel().tolist():
            self._judge(probability, self._frames * FRAME / RATE)
            self._frames += 1

    def _judge(self, probability: float, at: float) -> None:
        if probability >= self._threshold:
            self._quiet = None
            if self._start is None:
                self._start = at
        elif probability < self._low and self._start is not None:
            if self._quiet is None:
                self._quiet = at
            if at - self._quiet >= self._min_silence:
                self._close(self._quiet, at)

    def _close(self, end: float, limit: float) -> None:
        start, self._start, self._quiet = self._start or 0.0, None, None
        if end - start >= self._min_speech:
            first, last = max(0.0, start - self.pad), min(limit, end + self.pad)
            self._closed.append(Span(round(first, 3), min(limit, round(last, 3))))


def speech_spans(samples: Samples | Iterable[Samples]) -> tuple[Span, ...]:
    """Return where somebody speaks in 16 kHz mono samples, shape (n,), or in blocks of them."""
    activity = SpeechActivity()
    for block in (samples,) if isinstance(samples, np.ndarray) else samples:
        activity.feed(block)
    return activity.finish()


@lru_cache(maxsize=1)
def _session() -> Any:
    # Found without importing: the package itself would load av, a hub client and more.
    found = importlib.util.find_spec("faster_whisper")
    if found is None or not found.submodule_search_locations:
        raise MissingExtra(
            "speech activity needs the package faster-whisper, which carries its model",
            hint='pip install "qwen-audio-tools[embedded]"',
        )
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    model = Path(found.submodule_search_locations[0]) / "assets" / "silero_vad_v6.onnx"
    return onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
