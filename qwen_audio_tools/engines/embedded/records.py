"""How each expert's result is kept in the analysis cache, and under which key."""

from dataclasses import asdict
from typing import Any

from qwen_audio_tools.answer import Coverage
from qwen_audio_tools.engines.base import Options
from qwen_audio_tools.engines.embedded.analysis_cache import Record
from qwen_audio_tools.engines.embedded.speech.words import Words
from qwen_audio_tools.spans import Span
from qwen_audio_tools.transcript import Segment

# Raise the number when an expert's code or model changes what it would say.
_VERSIONS = {
    "clip": 1,
    "speech": 1,
    "words": 2,
    "english": 2,
    "sounds": 1,
    "voice": 1,
    "speakers": 1,
}


def key_of(name: str, whisper: str, options: Options) -> str:
    """Return the cache key of an expert's result; it names all that the result depends on."""
    key = f"{name}-{_VERSIONS[name]}"
    if name in ("words", "english"):
        key += f"-{whisper}-{options.language or 'auto'}"
    return key


def to_record(name: str, value: Any) -> Record:
    """Return a result as JSON values and arrays."""
    if name == "clip":
        coverage, warnings = value
        return {"coverage": coverage.to_dict(), "warnings": list(warnings)}
    if name == "speech":
        return {"spans": [list(span) for span in value]}
    if name in ("words", "english"):
        return {
            "segments": [asdict(segment) for segment in value.segments],
            "language": value.language,
            "language_score": value.language_score,
            "warnings": list(value.warnings),
        }
    record: Record = value.to_arrays()
    return record


def from_record(name: str, record: Record) -> Any:
    """Rebuild a result from `to_record`."""
    if name == "clip":
        return Coverage.from_dict(record["coverage"]), tuple(record["warnings"])
    if name == "speech":
        return tuple(Span(*span) for span in record["spans"])
    if name in ("words", "english"):
        return Words(
            segments=tuple(Segment(**segment) for segment in record["segments"]),
            language=record["language"],
            language_score=record["language_score"],
            warnings=tuple(record["warnings"]),
        )
    return _class_of(name).from_arrays(record)


def _class_of(name: str) -> Any:
    if name == "sounds":
        from qwen_audio_tools.engines.embedded.sounds.sound_scores import SoundScores

        return SoundScores
    if name == "voice":
        from qwen_audio_tools.engines.embedded.voices.voice_meter import VoiceTrack

        return VoiceTrack
    from qwen_audio_tools.engines.embedded.voices.speakers import SpeakerTurns

    return SpeakerTurns
