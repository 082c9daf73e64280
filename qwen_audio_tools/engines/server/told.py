"""What `qwa serve` tells of an answer, as evidence and coverage of the clips it was asked about."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from qwen_audio_tools.answer import Coverage, Evidence
from qwen_audio_tools.clip import Clip
from qwen_audio_tools.spans import Span


@dataclass(frozen=True, slots=True)
class Told:
    """What an answer rests on, as the server says; times are those of the recordings."""

    evidence: tuple[Evidence, ...]
    coverage: Coverage
    warnings: tuple[str, ...]
    task: str


def told_of(ours: Mapping[str, Any] | None, clips: Sequence[Clip]) -> Told | None:
    """Return what the server told, None if it is nothing that can be read.

    The server heard each clip from its own beginning. Of several it can't be said which one a time
    belongs to, so that there it is left out where a clip does not begin at 0.
    """
    try:
        evidence = tuple(Evidence(**item) for item in (ours or {})["evidence"])
        coverage = Coverage.from_dict((ours or {})["coverage"])
        warnings = tuple(map(str, (ours or {}).get("warnings", ())))
        starts = [clip.start or 0.0 for clip in clips]
        if len(clips) == 1:
            evidence = tuple(_moved(item, clips[0], starts[0]) for item in evidence)
            coverage = replace(
                coverage, gaps=tuple(_later(gap, starts[0]) for gap in coverage.gaps)
            )
        elif any(starts):
            evidence = tuple(replace(item, start=None, end=None) for item in evidence)
            coverage = replace(coverage, gaps=())
    except (KeyError, TypeError, ValueError, AttributeError):
        return None
    return Told(evidence, coverage, warnings, str((ours or {}).get("task") or ""))


def _moved(item: Evidence, clip: Clip, seconds: float) -> Evidence:
    start = None if item.start is None else item.start + seconds
    end = None if item.end is None else item.end + seconds
    return replace(item, start=start, end=end, clip=clip.name)


def _later(gap: Span, seconds: float) -> Span:
    return Span(gap.start + seconds, gap.end + seconds)
