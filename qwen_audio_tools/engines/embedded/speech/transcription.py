"""Transcription: windows of speech to words with times, language and confidence, in order.

It does not find speech in a recording: `speech_windows` cuts the windows that it takes.
"""

import contextlib
import os
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import chain
from pathlib import Path

from qwen_audio_tools.engines.embedded import weights
from qwen_audio_tools.engines.embedded.speech.speech_windows import SpeechWindows
from qwen_audio_tools.engines.embedded.speech.whisper_languages import LanguageVote
from qwen_audio_tools.engines.embedded.speech.whisper_mel import RATE, Samples
from qwen_audio_tools.engines.embedded.speech.whisper_model import FULL_CONTEXT, WhisperModel
from qwen_audio_tools.engines.embedded.speech.whisper_window import (
    HeardWindow,
    WindowTranscript,
    transcribe_window,
)
from qwen_audio_tools.engines.embedded.speech.words import Words
from qwen_audio_tools.engines.embedded.steady_memory import (
    give_memory_back,
    keep_memory_steady,
)
from qwen_audio_tools.engines.embedded.weights import whisper_choice
from qwen_audio_tools.errors import QwenAudioError
from qwen_audio_tools.spans import clock
from qwen_audio_tools.transcript import Transcript

__all__ = ["Transcriber", "Window", "WindowTranscript"]

Window = tuple[float, Samples]
"""The second of the recording at which a window starts, and its samples, shape (n,)."""

_UNSURE_LANGUAGE = 0.5
_MANY = 8
"""Windows, some two minutes: less leaves little behind, and a question is not to wait for that."""


class Transcriber:
    """Whisper, loaded when speech first comes. Safe to call from threads.

    `model` is a folder with a CTranslate2 Whisper or a size such as "small"; without it, the base
    model, or what `QWA_WHISPER` says. `workers` windows are decoded at once, each on `threads`
    threads; by default one window gets the whole machine, and many get a core each.

    Raises (when first used):
        WeightsMissing, EngineUnreachable: the weights are not here and can't be fetched.
        EngineRefused, EngineOutOfMemory: the model can't be loaded or fails.
    """

    def __init__(
        self,
        model: Path | str | None = None,
        *,
        threads: int | None = None,
        workers: int | None = None,
    ) -> None:
        self._named, self._threads = model, threads
        self._workers = workers or max(1, min(4, os.cpu_count() or 1))
        self._model: WhisperModel | None = None
        self._loaded_workers = 0
        self._lock = threading.Lock()

    def warm(self, *, many: bool = False) -> None:
        """Begin to load the model beside other work, if its files are here.

        `many` says that more than one window will come.
        """
        if self._model is None and not self._named and weights.is_here("whisper-base"):
            threading.Thread(target=self._warm, args=(many,)).start()

    def _warm(self, many: bool) -> None:
        # Whoever needs the model will meet the same error, and can be told.
        with contextlib.suppress(QwenAudioError):
            self._open(many=many)

    def transcribe(
        self, windows: Iterable[Window], *, language: str | None = None, translate: bool = False
    ) -> Iterator[WindowTranscript]:
        """Yield what is said in each window, in order, while later windows are being decoded.

        Windows of 10 to 15 s cost the least; one over 30 s is cut at its pauses. The language is
        voted by the first windows, at most three, unless `language` (ISO 639-1) forces it; a later
        window that is clearly in another language is decoded in that one. `translate` gives
        English.

        Raises:
            SettingsError: the model has no such language.
        """
        source = _short(windows)
        first = list(_take(source, 2))
        if not first:
            return  # no speech: the model is not even loaded
        model = self._open(many=len(first) > 1)
        vote = LanguageVote(model.known_languages, language)
        source = chain(first, source)
        head: list[HeardWindow] = []
        while not vote.is_decided and (window := next(source, None)) is not None:
            head.append(_encoded(model, window, vote, careful=True))
            vote.hear(head[-1].languages, head[-1].encoded.seconds)

        def hear(window: Window | HeardWindow) -> WindowTranscript:
            heard = window if isinstance(window, HeardWindow) else _encoded(model, window, vote)
            return transcribe_window(model, vote, heard, translate=translate)

        yield from _ahead(hear, chain(head, source), self._workers if len(first) > 1 else 1)

    def words(
        self, windows: Iterable[Window], *, language: str | None = None, translate: bool = False
    ) -> Words:
        """Return the words of all windows, their main language, and what is doubtful."""
        heard = list(self.transcribe(windows, language=language, translate=translate))
        if not heard:
            return Words()
        if len(heard) > _MANY:
            give_memory_back()
        seconds = Counter[str]()
        for window in heard:
            seconds[window.language] += round(100 * window.span.seconds)
        main = seconds.most_common(1)[0][0]
        scores = [window.language_score for window in heard if window.language == main]
        score = sum(scores) / len(scores)
        segments = tuple(segment for window in heard for segment in window.segments)
        return Words(segments, main, score, _warnings(heard, main, score))

    def transcribe_samples(
        self, samples: Samples, *, language: str | None = None, translate: bool = False
    ) -> Transcript:
        """Return the transcript of 16 kHz mono samples, shape (n,); silence is skipped."""
        windows = _spoken(0.0, samples)
        words = self.words(windows, language=language, translate=translate)
        seconds = len(samples) / RATE
        return Transcript(segments=words.segments, language=words.language, duration=seconds)

    def _open(self, *, many: bool) -> WhisperModel:
        workers = self._workers if many else 1
        with self._lock:
            # A model that was loaded for one window can't decode several at once: 0.3 s to reload.
            if self._model is None or self._loaded_workers < workers:
                keep_memory_steady()
                folder = _folder(self._named)
                threads = self._threads or max(1, min(4, os.cpu_count() or 1) // workers)
                self._model = WhisperModel(folder, workers=workers, threads=threads)
                self._loaded_workers = workers
            return self._model


def _folder(named: Path | str | None) -> Path:
    if not named or named == "base":
        return weights.folder("whisper-base")
    return whisper_choice.own_whisper(str(named), offline=weights.offline())


def _encoded(
    model: WhisperModel, window: Window, vote: LanguageVote, *, careful: bool = False
) -> HeardWindow:
    """Hear a window; a careful listener takes the full context where the language stays unclear."""
    offset, samples = window
    encoded = model.encode(samples)
    if vote.forced:
        return HeardWindow(offset, encoded, {})
    languages = model.languages(encoded)
    if careful and max(languages.values()) < _UNSURE_LANGUAGE:
        encoded = model.encode(samples, full=True)
        languages = model.languages(encoded)
    return HeardWindow(offset, encoded, languages)


def _ahead(
    hear: Callable[[Window | HeardWindow], WindowTranscript],
    windows: Iterable[Window | HeardWindow],
    workers: int,
) -> Iterator[WindowTranscript]:
    """Yield in order, a few windows ahead, so that all workers are busy and memory is bounded."""
    pool = ThreadPoolExecutor(workers, "whisper")
    running: deque[Future[WindowTranscript]] = deque()
    try:
        for window in windows:
            running.append(pool.submit(hear, window))
            if len(running) > workers:
                yield running.popleft().result()
        while running:
            yield running.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def _take(windows: Iterator[Window], count: int) -> Iterator[Window]:
    for _, window in zip(range(count), windows, strict=False):
        yield window


def _short(windows: Iterable[Window]) -> Iterator[Window]:
    for offset, samples in windows:
        if len(samples) > FULL_CONTEXT * RATE:
            yield from _spoken(offset, samples)
        elif len(samples):
            yield offset, samples


def _spoken(offset: float, samples: Samples) -> Iterator[Window]:
    cutter = SpeechWindows()
    for window in chain(cutter.feed(samples), cutter.finish()):
        yield offset + window.offset, window.samples


def _warnings(heard: Sequence[WindowTranscript], main: str, score: float) -> tuple[str, ...]:
    found = []
    if score < _UNSURE_LANGUAGE:
        found.append(f"the language is uncertain: {main!r} at {score:.0%}")
    others = [window for window in heard if window.language != main]
    if others:
        where = ", ".join(
            f"{window.language!r} at {clock(window.span.start)}" for window in others[:3]
        )
        found.append(f"the language changes: mostly {main!r}, but {where}")
    doubtful = [clock(window.span.start) for window in heard if window.doubtful]
    if doubtful:
        found.append(f"the words are doubtful at {', '.join(doubtful[:5])}")
    return tuple(found)
