"""Transcripts in JSON read into cues: those of Podcasting 2.0, and those that Whisper writes."""

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

from qwen_audio_tools.archive.transcripts.cues import Cue
from qwen_audio_tools.errors import ArchiveError

# Each value by the names that are in use for it.
_START, _END = ("startTime", "start"), ("endTime", "end")
_TEXT, _SPEAKER = ("body", "text"), ("speaker",)


def read_json(text: str) -> Iterator[Cue]:
    """Yield the cues in the order of the file.

    Raises:
        ArchiveError: it is no JSON, or holds no list of segments.
    """
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ArchiveError(f"it is no JSON: {error}") from error
    segments = found.get("segments") if isinstance(found, dict) else found
    if not isinstance(segments, list):
        raise ArchiveError("it holds no list of 'segments'")
    for each in segments:
        if isinstance(each, dict) and (start := _number(each, _START)) is not None:
            yield Cue(
                start=start,
                end=_number(each, _END),
                text=_word(each, _TEXT),
                speaker=_word(each, _SPEAKER)[:100],
            )


def _number(values: Mapping[str, Any], names: tuple[str, ...]) -> float | None:
    for name in names:
        value = values.get(name)
        if isinstance(value, str):
            try:
                value = float(value)
            except ValueError:
                continue
        if isinstance(value, int | float) and not isinstance(value, bool):
            return float(value) if abs(value) < 1e12 else math.nan
    return None


def _word(values: Mapping[str, Any], names: tuple[str, ...]) -> str:
    found = (values.get(name) for name in names)
    return next((value for value in found if isinstance(value, str)), "")
