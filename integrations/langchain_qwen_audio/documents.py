"""Passages of a recording as Documents: flat metadata, and ids that stay the same."""

import hashlib
import math
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

from langchain_core.documents import Document
from langchain_core.documents.base import Blob

from qwen_audio_tools.clip import Clip
from qwen_audio_tools.engines.base import Engine, Options
from qwen_audio_tools.errors import ClipMissing, ClipUnsupported
from qwen_audio_tools.passages import Grain, Passage, passages
from qwen_audio_tools.sources.policy import SourcePolicy, person

_SPACE = uuid.UUID("9b0d4a0e-3a4f-5d0c-9a53-0f6f1c6a2f11")
_SCALARS = str | int | float | bool


def clip_of(blob: Blob, policy: SourcePolicy | None = None) -> Clip:
    """Return the recording in a blob.

    Raises:
        ClipUnsupported: it holds text.
        ClipMissing: it holds nothing.
    """
    allowed = policy or person()
    if isinstance(blob.data, str):
        raise ClipUnsupported(f"a blob of text is no audio: {blob.data[:40]!r}")
    if blob.data is not None:
        return Clip(blob.data, policy=allowed, title=str(blob.metadata.get("source") or ""))
    if blob.path is None:
        raise ClipMissing("a blob holds neither bytes nor a path")
    return Clip(str(blob.path), policy=allowed)


def documents(
    clip: Clip,
    known: Mapping[str, Any],
    *,
    engine: Engine,
    grain: Grain,
    options: Options,
    speakers: bool,
    window: float,
) -> Iterator[Document]:
    """Yield the Documents of a recording; closing the iterator stops the engine.

    `known` is told of each, as far as it is of plain values.

    Raises:
        ClipError, EngineError: as `passages`.
    """
    digest = hashlib.sha256()
    for piece in clip.file_bytes():
        digest.update(piece)
    plain = {name: value for name, value in known.items() if isinstance(value, _SCALARS)}
    whole = {"source": clip.name, **plain, "sha256": digest.hexdigest(), "mode": grain.value}
    found = passages(
        clip, engine=engine, grain=grain, options=options, speakers=speakers, window=window
    )
    for passage in found:
        yield _document(passage, whole)


def _document(passage: Passage, whole: Mapping[str, Any]) -> Document:
    own = {
        "chunk": passage.index,
        "start": passage.start,
        "end": passage.end,
        "duration": round(passage.end - passage.start, 3),
        "speaker": passage.speaker,
        "language": passage.language,
        "sounds": ", ".join(passage.sounds) or None,
        "emotion": passage.emotion,
        "model": passage.model,
        "warnings": "; ".join(passage.warnings) or None,
    }
    # Vector stores take scalars only, and some refuse None.
    told = {name: value for name, value in own.items() if value is not None}
    span = f"{math.floor(passage.start * 1000)}-{math.floor(passage.end * 1000)}"
    name = f"{whole['sha256']}:{whole['mode']}:{passage.index}:{span}"
    return Document(
        id=str(uuid.uuid5(_SPACE, name)),
        page_content=passage.described,
        metadata={**whole, **told},
    )
