"""One window of a recording to segments with times, until every spoken second is written down."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain

from qwen_audio_tools.engines.embedded.speech.speech_activity import speech_spans
from qwen_audio_tools.engines.embedded.speech.speech_windows import SpeechWindows
from qwen_audio_tools.engines.embedded.speech.whisper_languages import LanguageVote
from qwen_audio_tools.engines.embedded.speech.whisper_mel import RATE, Samples
from qwen_audio_tools.engines.embedded.speech.whisper_model import Decoded, Encoded, WhisperModel
from qwen_audio_tools.spans import Span, total_seconds
from qwen_audio_tools.transcript import Segment

# Whisper now and then stops early. So much unwritten speech at the end is heard again.
_LOST_SECONDS = 1.0
_PARTS = 4  # of one window, at most
# Whisper writes a sentence that is repeated word by word only once. So few bytes a second are
# under a third of slow speech: then the window is heard again in pieces.
_SPARSE = 5.0
_PIECE_SECONDS = 7.0

Part = tuple[float, float, Decoded]
"""Where in the window a part starts, how long it is, and its words; seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowTranscript:
    """What was said in one window; all times are seconds of the recording.

    `language` is the one it was decoded in and `language_score` how sure that is; `confidence` is
    the mean token probability and `no_speech` the probability that nobody speaks, all 0 to 1.
    `doubtful` words failed the checks against loops and invented speech on every attempt.
    """

    span: Span
    segments: tuple[Segment, ...]
    language: str
    language_score: float
    confidence: float
    no_speech: float
    doubtful: bool = False


@dataclass(frozen=True, slots=True)
class HeardWindow:
    """A window after the encoder: where it starts, and the probability of each language."""

    offset: float
    encoded: Encoded
    languages: dict[str, float]


def transcribe_window(
    model: WhisperModel, vote: LanguageVote, window: HeardWindow, *, translate: bool
) -> WindowTranscript:
    """Return what is said in a window that the encoder has heard."""
    encoded = window.encoded
    language, score = vote.of(window.languages, encoded.seconds)

    def decode(part: Encoded) -> Decoded:
        return model.decode(part, language, translate=translate)

    parts = _until_all_is_written(model, encoded, decode)
    if _is_sparse(parts, encoded):
        parts = _in_pieces(model, encoded, decode)
    segments = [
        segment
        for at, seconds, part in parts
        for segment in _segments(part, window.offset + at, seconds, language)
    ]
    heard = [part for _, _, part in parts]
    return WindowTranscript(
        span=Span(window.offset, window.offset + window.encoded.seconds),
        segments=tuple(segments),
        language=language,
        language_score=score,
        confidence=sum(part.confidence for part in heard) / len(heard),
        no_speech=heard[0].no_speech,
        doubtful=any(part.pieces and not part.sensible for part in heard),
    )


def _until_all_is_written(
    model: WhisperModel, encoded: Encoded, decode: Callable[[Encoded], Decoded]
) -> list[Part]:
    """Decode a window, and again what is left of it where the decoder stopped early."""
    parts: list[Part] = []
    at = 0.0
    for _ in range(_PARTS):
        decoded = decode(encoded)
        parts.append((at, encoded.seconds, decoded))
        written = _written(decoded, encoded.seconds)
        rest = encoded.samples[round(written * RATE) :]
        if not decoded.pieces or written <= 0 or not _is_lost(rest, cut=decoded.cut):
            break
        at += written
        encoded = model.encode(rest)
    return parts


def _in_pieces(
    model: WhisperModel, encoded: Encoded, decode: Callable[[Encoded], Decoded]
) -> list[Part]:
    """Decode a window again in short pieces: sentences said twice come out twice."""
    cutter = SpeechWindows(limit=_PIECE_SECONDS, join=0.5)
    parts: list[Part] = []
    for offset, samples in chain(cutter.feed(encoded.samples), cutter.finish()):
        piece = model.encode(samples)
        parts.append((offset, piece.seconds, decode(piece)))
    return parts


def _is_sparse(parts: Sequence[Part], encoded: Encoded) -> bool:
    """Tell whether far fewer words were written than were spoken."""
    letters = sum(len(piece.text.encode()) for _, _, part in parts for piece in part.pieces)
    if not letters or letters > _SPARSE * encoded.seconds or encoded.seconds < _PIECE_SECONDS:
        return False
    spoken = total_seconds(speech_spans(encoded.samples))
    return spoken > _PIECE_SECONDS and letters < _SPARSE * spoken


def _segments(decoded: Decoded, offset: float, seconds: float, language: str) -> list[Segment]:
    return [
        Segment(
            start=round(offset + piece.start, 3),
            end=round(offset + (seconds if piece.end is None else piece.end), 3),
            text=piece.text,
            language=language,
            confidence=round(decoded.confidence, 3),
        )
        for piece in decoded.pieces
    ]


def _written(decoded: Decoded, seconds: float) -> float:
    """Return the second of the window up to which there are words."""
    if not decoded.pieces:
        return 0.0
    last = decoded.pieces[-1].end
    return seconds if last is None else last


def _is_lost(rest: Samples, *, cut: bool) -> bool:
    """Tell whether somebody speaks in what is left of a window."""
    seconds = len(rest) / RATE
    if seconds < _LOST_SECONDS:
        return False
    return cut or total_seconds(speech_spans(rest)) >= _LOST_SECONDS
