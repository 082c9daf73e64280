"""Whisper on CTranslate2: one encoding of a window serves both its language and its words.

A window is encoded with as little context as it needs, which costs a quarter of the usual 30 s;
what then fails the guard is heard again with all 30 s. It knows windows, not recordings.
"""

import math
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qwen_audio_tools.engines.embedded.speech import whisper_guard
from qwen_audio_tools.engines.embedded.speech.whisper_mel import (
    FRAMES_PER_SECOND,
    RATE,
    Samples,
    log_mel,
)
from qwen_audio_tools.engines.embedded.speech.whisper_tokens import Piece, Vocabulary
from qwen_audio_tools.errors import EngineOutOfMemory, EngineRefused, MissingExtra, QwenAudioError

FULL_CONTEXT = 30.0
_LEAST_CONTEXT, _MARGIN = 10.0, 2.0  # seconds; less of either makes the decoder loop (measured)


@dataclass(frozen=True, slots=True)
class Encoded:
    """A window as the encoder heard it; `context` is the seconds that it was given for it."""

    view: Any
    samples: Samples
    context: float

    @property
    def seconds(self) -> float:
        """Seconds of audio in the window."""
        return len(self.samples) / RATE


@dataclass(frozen=True, slots=True)
class Decoded:
    """The words of a window, the mean token probability, and that of there being no speech.

    `sensible` is what the guard said. `cut` words ended where the tokens did: the rest of the
    window, from the end of the last piece, was not written down.
    """

    pieces: tuple[Piece, ...]
    confidence: float
    no_speech: float
    sensible: bool
    cut: bool = False


class WhisperModel:
    """A loaded model. Safe to call from threads; `workers` calls run at once.

    Half of them, rounded up, encode at a time, while the others decode: to encode takes 40 % of the
    time, and 50 MB for 20 s, 90 MB for 30 s (measured). Windows that met there by chance made the
    peak of a long recording.
    """

    def __init__(self, folder: Path, *, workers: int = 1, threads: int = 1) -> None:
        try:
            import ctranslate2
        except ImportError as error:
            raise MissingExtra(
                "transcription needs the package ctranslate2, which is not installed",
                hint='pip install "qwen-audio-tools[embedded]"',
            ) from error
        self._view = ctranslate2.StorageView.from_array
        self._encoding = threading.Semaphore((workers + 1) // 2)
        self.vocabulary = Vocabulary(folder)
        try:
            self._model = ctranslate2.models.Whisper(
                str(folder),
                device="cpu",
                compute_type="int8",
                inter_threads=workers,
                intra_threads=threads,
            )
        except (RuntimeError, ValueError) as error:
            raise _mapped(error, f"the Whisper model in {str(folder)!r} can't be loaded") from error

    @property
    def known_languages(self) -> frozenset[str]:
        """ISO 639-1 codes (a few are longer) of what it can hear."""
        return self.vocabulary.languages if self._model.is_multilingual else frozenset({"en"})

    def encode(self, samples: Samples, *, full: bool = False) -> Encoded:
        """Hear a window of at most 30 s, shape (n,), 16 kHz."""
        # In steps of two seconds: each new shape costs memory that the runtime keeps.
        wanted = max(_LEAST_CONTEXT, 2 * math.ceil((len(samples) / RATE + _MARGIN) / 2))
        context = FULL_CONTEXT if full else min(FULL_CONTEXT, wanted)
        frames = math.ceil(context * FRAMES_PER_SECOND / 2) * 2  # the encoder halves them
        mel = log_mel(samples, frames, self._model.n_mels)
        try:
            with self._encoding:
                view = self._model.encode(self._view(mel[None]), to_cpu=False)
        except RuntimeError as error:
            raise _mapped(error, "Whisper could not hear a window") from error
        return Encoded(view, samples, context)

    def languages(self, encoded: Encoded) -> dict[str, float]:
        """Return the probability of each language, by code; English alone if it knows no other."""
        if not self._model.is_multilingual:
            return {"en": 1.0}
        found = self._model.detect_language(encoded.view)[0]
        return {token[2:-2]: float(score) for token, score in found}

    def decode(self, encoded: Encoded, language: str, *, translate: bool = False) -> Decoded:
        """Return the words of a window: the first attempt that makes sense, else the likeliest."""
        spoken = language if self._model.is_multilingual else None
        prompt = self.vocabulary.prompt(spoken, translate=translate)
        failed: list[tuple[tuple[bool, float], Decoded]] = []
        for full, options in _ATTEMPTS:
            if full and encoded.context < FULL_CONTEXT:
                encoded = self.encode(encoded.samples, full=True)
            rank, decoded = self._attempt(encoded, prompt, options)
            if decoded.sensible:
                return decoded
            failed.append((rank, decoded))
            if decoded.no_speech > whisper_guard.MAX_NO_SPEECH and not decoded.pieces:
                break  # nothing is said, and the model knows
        return max(failed, key=lambda attempt: attempt[0])[1]

    def _attempt(
        self, encoded: Encoded, prompt: Sequence[int], options: dict[str, Any]
    ) -> tuple[tuple[bool, float], Decoded]:
        limit = whisper_guard.token_limit(encoded.seconds)
        try:
            result = self._model.generate(
                encoded.view,
                [list(prompt)],
                return_scores=True,
                return_no_speech_prob=True,
                max_length=min(448, len(prompt) + 2 * limit),  # it takes half of it for words
                **options,
            )[0]
        except RuntimeError as error:
            raise _mapped(error, "Whisper failed on a window") from error
        ids = result.sequences_ids[0]
        # The score is a mean over the tokens; the end token counts as one of them.
        likely = result.scores[0] * len(ids) / (len(ids) + 1) if ids else -math.inf
        pieces = _clamped(self.vocabulary.pieces(ids), encoded.seconds)
        looping = whisper_guard.loops(ids)
        cut = len(ids) >= limit == whisper_guard.MAX_TOKENS and not looping
        if cut and len(pieces) > 1:
            pieces = pieces[:-1]
        text = " ".join(piece.text for piece in pieces)
        no_speech = float(result.no_speech_prob)
        if whisper_guard.is_invented(no_speech, likely) or self.vocabulary.is_opening(text):
            pieces, text = (), ""
        sensible = whisper_guard.makes_sense(pieces, ids, encoded.seconds, likely)
        decoded = Decoded(pieces, math.exp(likely), no_speech, sensible, cut)
        return (bool(text) and not looping, likely), decoded


# A beam of 5 in the short context made fewer errors than one greedy pass in all languages tried
# (of made speech, in percent: en 7.7 and 8.1, de 38 and 41, es 28 and 37, zh 70 and 71, fr 73 and
# 76) and no more than with all 30 s of context, for a third to a half of that time in English.
_ATTEMPTS: tuple[tuple[bool, dict[str, Any]], ...] = (
    (False, {"beam_size": 5}),
    (True, {"beam_size": 5}),
    (True, {"beam_size": 5, "no_repeat_ngram_size": 6}),
    (True, {"beam_size": 1, "sampling_topk": 0, "sampling_temperature": 0.6, "num_hypotheses": 3}),
)


def _clamped(pieces: Sequence[Piece], seconds: float) -> tuple[Piece, ...]:
    """Return the pieces within the window; what is said to begin after its end is invented."""
    inside = []
    for piece in pieces:
        if piece.start < seconds:
            end = None if piece.end is None else min(max(piece.end, piece.start), seconds)
            inside.append(Piece(piece.start, end, piece.text))
    return tuple(inside)


def _mapped(error: Exception, what: str) -> QwenAudioError:
    said = str(error)
    if "alloc" in said.lower() or "memory" in said.lower():
        return EngineOutOfMemory(f"{what}: not enough memory ({said})")
    return EngineRefused(f"{what}: {said}", hint="qwa models pull whisper-base")
