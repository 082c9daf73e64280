"""A span that an agent wants for itself: cut from a recording, kept as a file that anyone plays."""

import re
from dataclasses import dataclass
from pathlib import Path

from qwen_audio_tools.agents.references import References, shown
from qwen_audio_tools.agents.tools import Place, ToolReply
from qwen_audio_tools.clip import Clip
from qwen_audio_tools.clip_store import ClipStore
from qwen_audio_tools.conversation import as_data
from qwen_audio_tools.errors import ClipTooLong
from qwen_audio_tools.export import export
from qwen_audio_tools.spans import clock

LONGEST_S = 600.0
"""Seconds that one cut may have: it is decoded in memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """A WAV file with the span, and what the model is told of it."""

    path: Path
    reply: ToolReply


def cut_audio(
    references: References, place: Place, *, into: ClipStore | Path, longest_s: float = LONGEST_S
) -> Cut:
    """Cut a span out of a recording, into a store (then it has an id) or a folder.

    Raises:
        ClipTooLong: the span is longer than `longest_s`.
        ClipError: the recording can't be opened, or has no such span.
    """
    clip = place.clip(references)
    seconds = clip.duration
    if seconds > longest_s:
        raise ClipTooLong(
            f"the span of {clip.name!r} has {seconds:.1f} s; at most {longest_s:g} s are cut",
            hint="give a start and an end that are nearer to each other",
        )
    start = clip.start or 0.0
    span = f"{clock(start)} to {clock(start + seconds)} of {Path(clip.name).name}"
    if isinstance(into, ClipStore):
        id = into.put(Clip((clip.samples(), 16_000)), name=f"{span}.wav")
        named, path = shown(id, into), into.folder / f"{id}.clip"
    else:
        # By content too: recordings of the same name in different folders are not the same.
        name = f"{_safe(Path(clip.name).stem)}-{start:.1f}-{start + seconds:.1f}"
        path = into / f"{name}-{clip.fingerprint[:8]}.wav"
        into.mkdir(parents=True, exist_ok=True)
        export(clip, path)
        named = str(path)
    words = f"Cut {as_data(span)}, {seconds:.1f} s: {named}"
    return Cut(path=path, reply=ToolReply(text=words, clips=(clip,)))


def _safe(name: str) -> str:
    return re.sub(r"[^\w.-]+", "_", name).strip("._")[:80] or "clip"
