"""Cut a stream into windows of speech for transcription, each ending at a pause where there is one.

Holds at most `limit` seconds of audio plus one block; silence is let go as soon as it is judged.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from qwen_audio_tools.engines.embedded.speech.speech_activity import RATE, SpeechActivity
from qwen_audio_tools.spans import Span

Samples = npt.NDArray[np.float32]


class SpeechWindow(NamedTuple):
    """Samples that hold speech, and the second of the recording at which they start."""

    offset: float
    samples: Samples


class SpeechWindows:
    """Feed consecutive 16 kHz blocks; windows of at most `limit` seconds come out in order.

    Neighbouring spans share a window while the silence between them is at most `join` seconds:
    a transcriber is better with context, and a longer silence would only cost it time. Windows of
    20 s cost Whisper 15 % less than those of 28 s, with no more errors (measured).
    """

    def __init__(self, *, limit: float = 20.0, join: float = 3.0) -> None:
        self.activity = SpeechActivity()
        self._limit, self._join = limit, join
        self._held: list[Samples] = []
        self._start = 0  # sample of the recording at which the held audio starts
        self._end = 0
        self._taken = 0  # closed spans that were looked at
        self._pending: Span | None = None

    @property
    def seconds(self) -> float:
        """Seconds that were fed so far."""
        return self._end / RATE

    def feed(self, samples: Samples) -> Iterator[SpeechWindow]:
        """Hear the next samples, shape (n,), and yield the windows that are complete."""
        self._held.append(np.array(samples, np.float32))
        self._end += len(samples)
        self.activity.feed(samples)
        yield from self._ready()
        self._let_go()

    def finish(self) -> Iterator[SpeechWindow]:
        """Yield the windows that are left."""
        self.activity.finish()
        yield from self._ready()
        if self._pending is not None:
            yield from self._cut(self._pending)
            self._pending = None

    def _ready(self) -> Iterator[SpeechWindow]:
        closed = self.activity.closed()
        for span in closed[self._taken :]:
            yield from self._add(span)
        self._taken = len(closed)
        begun = self.activity.open_since
        if begun is not None:
            yield from self._going_on(begun)
        elif self._pending is not None and self._silent_for(self._join + self.activity.pad):
            yield from self._cut(self._pending)
            self._pending = None

    def _add(self, span: Span) -> Iterator[SpeechWindow]:
        # A part of a long span may have gone out already, while it was still open.
        span = Span(max(span.start, self._start / RATE), span.end)
        if span.end - span.start <= 0:
            return
        if self._pending is None:
            self._pending = span
            return
        near = span.start - self._pending.end <= self._join
        if near and span.end - self._pending.start <= self._limit:
            self._pending = Span(self._pending.start, span.end)
        else:
            yield from self._cut(self._pending)
            self._pending = span

    def _going_on(self, begun: float) -> Iterator[SpeechWindow]:
        """Send out what can't share a window with speech that has gone on for very long."""
        begun = max(begun, self._start / RATE)
        if self._pending is not None and self.activity.heard - self._pending.start > self._limit:
            yield from self._cut(self._pending)
            self._pending = None
        while self.activity.heard - max(begun, self._start / RATE) > self._limit:
            start = max(begun, self._start / RATE)
            cut = self._quietest(start + self._limit * 2 / 3, start + self._limit)
            yield self._window(Span(start, cut))

    def _cut(self, span: Span) -> Iterator[SpeechWindow]:
        """Yield the window of a span, in several if it is too long for one."""
        while span.end - span.start > self._limit:
            cut = self._quietest(span.start + self._limit * 2 / 3, span.start + self._limit)
            yield self._window(Span(span.start, cut))
            span = Span(cut, span.end)
        yield self._window(span)

    def _window(self, span: Span) -> SpeechWindow:
        first = max(round(span.start * RATE), self._start)
        last = min(round(span.end * RATE), self._end)
        audio = np.concatenate(self._held)
        window = SpeechWindow(first / RATE, audio[first - self._start : last - self._start])
        self._held, self._start = [audio[last - self._start :]], last
        return window

    def _quietest(self, start: float, end: float) -> float:
        """Return the middle of the quietest 100 ms between two times of the held audio."""
        audio = np.concatenate(self._held)
        self._held = [audio]
        first = max(0, round(start * RATE) - self._start)
        part = audio[first : round(end * RATE) - self._start]
        frame = RATE // 50
        power = np.square(part[: len(part) // frame * frame].reshape(-1, frame)).sum(axis=1)
        smooth = np.convolve(power, np.ones(5), "valid")
        best = int(np.argmin(smooth)) if len(smooth) else 0
        return (self._start + first + (best + 2.5) * frame) / RATE

    def _silent_for(self, seconds: float) -> bool:
        pending = self._pending
        return pending is not None and self.activity.heard - pending.end > seconds

    def _let_go(self) -> None:
        """Drop held audio that no later window can want."""
        wanted = [self.activity.heard - self.activity.pad - 0.5]
        if self._pending is not None:
            wanted.append(self._pending.start)
        if self.activity.open_since is not None:
            wanted.append(self.activity.open_since)
        first = round(max(0.0, min(wanted)) * RATE)
        if first - self._start < 5 * RATE:  # joining the blocks costs a copy: not for a crumb
            return
        audio = np.concatenate(self._held)
        self._held, self._start = [audio[first - self._start :]], first
