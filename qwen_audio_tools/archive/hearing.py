"""What engines hear of an episode: words, sounds, speakers and voice, read from their evidence.

One engine writes the words. Another may have the better ears for all else: then both are asked,
each for what it can, and neither for what is known already.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from qwen_audio_tools.answer import Answer, Coverage, Evidence
from qwen_audio_tools.archive.records import SoundEvent
from qwen_audio_tools.asking import ask
from qwen_audio_tools.clip import Clip
from qwen_audio_tools.engines.base import Engine, EngineInfo, Options
from qwen_audio_tools.spans import Span
from qwen_audio_tools.tasks import TASKS, Ability
from qwen_audio_tools.transcript import Segment

_WORDS = "transcribe"
_BESIDE = ("sound_events", "speakers", "voice")


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """All that was heard; `voice` are measures of stretches of speech. Times in seconds."""

    segments: tuple[Segment, ...] = ()
    sounds: tuple[SoundEvent, ...] = ()
    voice: tuple[tuple[Span, dict[str, float]], ...] = ()
    language: str | None = None
    coverage: Coverage = field(default_factory=lambda: Coverage(0.0, 0.0))
    warnings: tuple[str, ...] = ()


def hear(
    clip: Clip,
    *,
    engine: Engine,
    ears: Engine,
    words: Sequence[Segment] | None,
    options: Options,
) -> Heard:
    """Return what is heard; `words` are those that a publisher wrote down, if there are any.

    An engine that hears all at once is asked all at once: it goes through the audio once.

    Raises:
        ClipError, EngineError: as `ask`.
    """
    # Names of sounds are kept in one language, or a filter would have to know many.
    plain = replace(options, lang="en")
    beside = [name for name in _BESIDE if _tells(ears.info, name)]
    writes = [_WORDS] if words is None else []
    if ears is engine or not writes:
        answers = [_asked(clip, ears, [*writes, *beside], plain)]
    else:
        answers = [_asked(clip, engine, writes, plain), _asked(clip, ears, beside, plain)]
    evidence = [item for answer in answers for item in answer.evidence]
    warnings = dict.fromkeys(warning for answer in answers for warning in answer.warnings)
    found = _segments(evidence, answers[0], engine.info) if words is None else words
    return Heard(
        segments=with_speakers(found, _of_kind(evidence, "speaker")),
        sounds=tuple(_sounds(evidence)),
        voice=tuple(
            (Span(item.start or 0.0, item.end or 0.0), dict(item.measures))
            for item in _of_kind(evidence, "voice")
        ),
        language=next((item.text for item in evidence if item.kind == "language"), None) or None,
        coverage=_coverage(clip, answers),
        warnings=tuple(warnings),
    )


def _tells(info: EngineInfo, task: str) -> bool:
    """Whether the engine tells this with times, as evidence rather than in prose."""
    abilities = info.abilities
    return TASKS[task].needs | {Ability.TIMES} <= abilities and Ability.CHAT not in abilities


def _asked(clip: Clip, engine: Engine, names: Sequence[str], options: Options) -> Answer:
    if not names:
        return Answer(text="")
    return ask(clip, engine=engine, options=replace(options, task="+".join(names)))


def _segments(
    evidence: Iterable[Evidence], answer: Answer, info: EngineInfo
) -> tuple[Segment, ...]:
    found = [
        Segment(
            start=round(item.start, 3),
            end=round(item.end, 3),
            text=item.text.strip(),
            confidence=None if item.score is None else round(item.score, 3),
        )
        for item in evidence
        if item.kind == "speech" and item.start is not None and item.end is not None
    ]
    if not found and answer.text.strip() and Ability.TIMES not in info.abilities:
        whole = Segment(start=0.0, end=answer.coverage.total, text=answer.text.strip())
        found = [whole]
    spoken = (each for each in found if each.text)
    return tuple(sorted(spoken, key=lambda each: (each.start, each.end)))


def with_speakers(segments: Sequence[Segment], turns: Sequence[Evidence]) -> tuple[Segment, ...]:
    """Return the segments, each with who speaks in most of it; names that are there stay."""
    ordered = sorted(turns, key=lambda turn: turn.start or 0.0)
    starts = [turn.start or 0.0 for turn in ordered]
    # Turns don't contain each other: one that ends before a segment starts lies before it.
    told, first = [], 0
    for segment in segments:
        while first < len(ordered) and (ordered[first].end or 0.0) <= segment.start:
            first += 1
        shares: dict[str, float] = {}
        for turn in ordered[first : bisect_right(starts, segment.end)]:
            both = Span(segment.start, segment.end).overlap(Span(turn.start or 0, turn.end or 0))
            shares[turn.text] = shares.get(turn.text, 0.0) + both
        most = max(shares, key=lambda name: shares[name], default=None)
        known = segment.speaker or (most if most and shares[most] > 0 else None)
        told.append(replace(segment, speaker=known))
    return tuple(told)


def _sounds(evidence: Sequence[Evidence]) -> Iterable[SoundEvent]:
    for item in _of_kind(evidence, "sound"):
        yield SoundEvent(
            start=round(item.start or 0.0, 3),
            end=round(item.end or 0.0, 3),
            name=item.text,
            score=None if item.score is None else round(item.score, 3),
        )


def _of_kind(evidence: Iterable[Evidence], kind: str) -> list[Evidence]:
    found = [e for e in evidence if e.kind == kind and e.start is not None and e.end is not None]
    return sorted(found, key=lambda item: item.start or 0.0)


def _coverage(clip: Clip, answers: Sequence[Answer]) -> Coverage:
    """Return which seconds anybody heard; of what nobody heard, all is a gap."""
    found = [answer.coverage for answer in answers if answer.coverage.total]
    if not found:
        whole = Span(0.0, clip.duration)
        return Coverage.of((), whole)
    return min(found, key=lambda each: each.heard)
