"""Transcripts as OpenAI's API tells them: JSON, text, subtitles; and as events of a stream."""

import json
import math
import zlib
from typing import Any

from qwen_audio_tools.answer import Answer
from qwen_audio_tools.serving.http.telling import beyond, encoded
from qwen_audio_tools.serving.http.transcripts.requests import Shape
from qwen_audio_tools.subtitles import srt, vtt
from qwen_audio_tools.transcript import Segment, Transcript

_LONGEST_HEADER = 4000


def told(
    shape: Shape, transcript: Transcript, answer: Answer, *, translate: bool
) -> tuple[bytes, str]:
    """Return a transcript in the form that was asked for, and its media type."""
    plain = "text/plain; charset=utf-8"
    if shape is Shape.TEXT:
        return f"{transcript.text}\n".encode(), plain
    if shape is Shape.SRT:
        return srt(transcript).encode(), plain
    if shape is Shape.VTT:
        return vtt(transcript).encode(), "text/vtt; charset=utf-8"
    value: dict[str, Any] = {"text": transcript.text}
    if shape is Shape.VERBOSE:
        value = _verbose(value, transcript, answer, translate=translate)
    elif shape is Shape.DIARIZED:
        value |= {
            "task": "transcribe",
            "duration": round(answer.coverage.total, 3),
            "segments": [_turn(at, each) for at, each in enumerate(transcript.segments)],
        }
    return encoded({**value, "usage": cost(answer), "qwa": beyond(answer)}), "application/json"


def cost(answer: Answer) -> dict[str, Any]:
    """Return the cost in tokens, or in seconds from an engine that counts no tokens."""
    usage = answer.usage
    if not usage.input_tokens:
        return {"type": "duration", "seconds": round(usage.seconds_heard, 3)}
    return {
        "type": "tokens",
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "total_tokens": usage.input_tokens + usage.output_tokens,
        "input_token_details": {
            "audio_tokens": usage.audio_tokens,
            "text_tokens": usage.input_tokens - usage.audio_tokens,
        },
    }


def about(answer: Answer) -> dict[str, str]:
    """Return headers that say of a text or of subtitles what has no place in them."""
    if not answer.warnings:
        return {}
    value = json.dumps(list(answer.warnings))
    if len(value) > _LONGEST_HEADER:
        value = json.dumps([f"{len(answer.warnings)} warnings: verbose_json tells them"])
    return {"x-qwa-warnings": value}


def _verbose(
    value: dict[str, Any], transcript: Transcript, answer: Answer, *, translate: bool
) -> dict[str, Any]:
    return {
        "task": "translate" if translate else "transcribe",
        "language": "english" if translate else transcript.language or "",
        "duration": round(answer.coverage.total, 3),
        **value,
        "segments": [_segment(at, each) for at, each in enumerate(transcript.segments)],
    }


def _segment(number: int, segment: Segment) -> dict[str, Any]:
    """Return a segment with OpenAI's fields; what no engine here knows is null or empty."""
    data = segment.text.encode()
    sure = segment.confidence
    return {
        "id": number,
        "seek": round(segment.start * 100),
        "start": round(segment.start, 3),
        "end": round(segment.end, 3),
        "text": segment.text,
        "tokens": [],
        "temperature": 0.0,
        "avg_logprob": round(math.log(sure), 4) if sure else None,
        "compression_ratio": round(len(data) / len(zlib.compress(data)), 4) if data else None,
        "no_speech_prob": None,
    }


def _turn(number: int, segment: Segment) -> dict[str, Any]:
    return {
        "type": "transcript.text.segment",
        "id": f"seg_{number}",
        "start": round(segment.start, 3),
        "end": round(segment.end, 3),
        "text": segment.text,
        "speaker": segment.speaker or "",
    }
