"""A reply that notes who said what when, told as text and evidence with times."""

from collections.abc import Callable, Iterable, Sequence
from importlib import import_module

from qwen_audio_tools.answer import Evidence
from qwen_audio_tools.engines.families import Family
from qwen_audio_tools.transcript import Segment

Read = Callable[[str, float], tuple[Segment, ...]]
"""Makes Segments of a reply and the seconds of its clip; times count from the clip's start."""


def reader(family: Family) -> Read | None:
    """Return what reads the family's own notation, None if it writes plain text."""
    if not family.read:
        return None
    module, _, name = family.read.partition(":")
    read: Read = getattr(import_module(module), name)
    return read


def told(segments: Iterable[Segment]) -> str:
    """Return what was said: a line for each turn where speakers are told apart, else one text."""
    spoken = list(segments)
    if any(segment.speaker for segment in spoken):
        return "\n".join(f"{segment.speaker or '?'}: {segment.text}" for segment in spoken)
    return " ".join(segment.text for segment in spoken)


def evidence(
    segments: Sequence[Segment], *, start: float, model: str, clip: str
) -> tuple[Evidence, ...]:
    """Return speech, speakers and language as evidence; `start` is where the clip begins."""
    found = []
    for segment in segments:
        first, last = start + segment.start, start + segment.end
        kinds = [("speech", segment.text)]
        if segment.speaker:
            kinds.append(("speaker", segment.speaker))
        found += [
            Evidence(kind=kind, text=text, start=first, end=last, model=model, clip=clip)
            for kind, text in kinds
        ]
    languages = dict.fromkeys(segment.language for segment in segments if segment.language)
    found += [
        Evidence(kind="language", text=language, model=model, clip=clip) for language in languages
    ]
    return tuple(found)
