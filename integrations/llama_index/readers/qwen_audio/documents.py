"""What was heard as texts with flat metadata, for Documents and nodes alike."""

from collections.abc import Iterator
from contextlib import closing
from typing import Any

from llama_index.readers.qwen_audio.recordings import Recording

from qwen_audio_tools.engines.base import Engine, Options
from qwen_audio_tools.passages import Grain, Passage, passages

VOLATILE = ("creation_date", "last_modified_date", "last_accessed_date")
"""Metadata of a file that changes while its sound doesn't: it would ingest it anew."""

OF_FILES = ("file_path", "file_name", "file_type", "file_size")
HIDDEN = ("audio_uri", "sha256", "segment_index", "model", *OF_FILES)
"""Metadata that no LLM needs to read."""

UNEMBEDDED = (*HIDDEN, "start", "end", "speaker", "language", "sounds", "emotion", "warnings")
"""Metadata that would blur the meaning of the words."""


def heard(
    recording: Recording, *, engine: Engine, options: Options, how: dict[str, Any]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield text and metadata of each passage; `how` are the keywords of `passages`.

    Where nobody speaks there is one text that says so: a recording never vanishes.

    Raises:
        ClipError, EngineError: as `passages`.
    """
    told = False
    listening = passages(recording.clip, engine=engine, options=options, **how)
    with closing(listening) as found:  # type: ignore[type-var]
        for passage in found:
            told = True
            text = passage.described or _nothing(recording, how)
            yield text, _metadata(passage, recording)
    if not told:
        seconds = round(recording.clip.duration, 3)
        place = {"start": 0.0, "end": seconds, "segment_index": 0, "model": engine.info.label}
        yield _nothing(recording, how), source_of(recording) | place


def source_of(recording: Recording) -> dict[str, Any]:
    """Return the metadata that tells where the sound is."""
    return {"audio_uri": recording.uri, "sha256": recording.sha256}


def lasting(metadata: dict[str, Any]) -> dict[str, Any]:
    """Return metadata of others without what changes by itself."""
    return {name: value for name, value in metadata.items() if name not in VOLATILE}


def unheard(recording: Recording) -> str:
    """Return the text of a recording that nobody listened to yet.

    It names the content: LlamaIndex caches transformations by the text of their input alone, and
    without one all recordings would share one entry.
    """
    return f"Recording {recording.clip.name} (SHA-256 {recording.sha256}), not listened to yet."


def _nothing(recording: Recording, how: dict[str, Any]) -> str:
    missing = "nothing was recognised" if how.get("grain") is Grain.WINDOW else "nobody speaks"
    return f"In the recording {recording.clip.name} {missing}."


def _metadata(passage: Passage, recording: Recording) -> dict[str, Any]:
    values = {
        "start": round(passage.start, 3),
        "end": round(passage.end, 3),
        "segment_index": passage.index,
        "speaker": passage.speaker,
        "language": passage.language,
        "sounds": ", ".join(passage.sounds),
        "emotion": passage.emotion,
        "model": passage.model,
        "warnings": "; ".join(passage.warnings),
    }
    return source_of(recording) | {k: v for k, v in values.items() if v not in (None, "")}
