"""Listen to an episode once: from its audio to a record with words, sounds, voices and passages.

A pure function of the record, the audio and the engines: it reads no network and writes nothing,
so it runs wherever an engine does.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

from qwen_audio_tools.answer import Coverage
from qwen_audio_tools.archive.cutting import LONGEST, chapter_at, parts_of, passages_of
from qwen_audio_tools.archive.hearing import Heard, hear
from qwen_audio_tools.archive.records import PUBLISHER, Chapter, EpisodeRecord, SpokenPassage, State
from qwen_audio_tools.archive.summaries import extract, summarized
from qwen_audio_tools.clip import Clip
from qwen_audio_tools.engines.base import Engine, Options
from qwen_audio_tools.errors import ClipMissing
from qwen_audio_tools.spans import Span, clock, gaps, merge
from qwen_audio_tools.tasks import Ability
from qwen_audio_tools.transcript import Segment, joined_text, spoken_words

_BEYOND = 30.0
"""Seconds that a publisher's transcript may go on after the audio: it may be of another cut."""
_WHOLE = 0.8
"""The share of the audio that a transcript should reach, music at the end aside."""
_GAP, _TOUCH = 5.0, 0.3
"""Seconds without words that may be a passage of sounds; how long a sound must reach into it."""


def listen(
    record: EpisodeRecord,
    clip: Clip,
    engine: Engine,
    *,
    ears: Engine | None = None,
    options: Options | None = None,
) -> EpisodeRecord:
    """Return the record after its audio was heard, in one pass and constant memory.

    `engine` writes the words, unless the publisher did. `ears` hear sounds, speakers and voices;
    without them the engine does, as far as it tells these with times.

    Raises:
        ClipError, EngineError: as `ask`; nothing is known more then than before.
    """
    options = options or Options()
    written = record.segments if record.words == PUBLISHER and record.segments else None
    heard = hear(clip, engine=engine, ears=ears or engine, words=written, options=options)
    if not heard.coverage.total:
        raise ClipMissing(f"{clip.name!r} holds no audio")
    language = record.language if written is not None else heard.language
    passages = tuple(spoken_passages(heard, record.episode.chapters, language))
    summary = extract(passages)
    if Ability.CHAT in engine.info.abilities:
        summary = summarized(passages, clip, engine, options) or summary
    labels = dict.fromkeys((engine.info.label, (ears or engine).info.label))
    if written is not None:
        labels = dict.fromkeys([(ears or engine).info.label])
    return replace(
        record,
        state=State.HEARD,
        duration=round(heard.coverage.total, 3),
        language=language,
        segments=heard.segments,
        sounds=heard.sounds,
        passages=passages,
        summary=summary,
        words=PUBLISHER if written is not None else engine.info.label,
        engine=", ".join(labels),
        coverage=Coverage.from_dict(heard.coverage.to_dict()),
        warnings=tuple(dict.fromkeys([*record.warnings, *heard.warnings, *_odd(heard, written)])),
        error="",
        attempts=0,
    )


def spoken_passages(
    heard: Heard, chapters: Sequence[Chapter], language: str | None
) -> Iterator[SpokenPassage]:
    """Yield the passages in order of time: what was said, and between it what only sounded."""
    spoken = [(_span(group), group) for group in passages_of(heard.segments, chapters)]
    silent = [
        (span, list[Segment]()) for span in _unspoken(heard, [s for s, _ in spoken], chapters)
    ]
    ordered = sorted(spoken + silent, key=lambda each: each[0])
    following = [span.start for span, _ in ordered[1:]]
    for index, (span, group) in enumerate(ordered):
        after = following[index] if index < len(following) else heard.coverage.total
        # A laugh in the pause behind a passage is part of it, and is heard where it is played.
        reach = Span(span.start, max(span.end, min(after, span.end + _GAP)))
        sounds = [each for each in heard.sounds if reach.overlap(Span(each.start, each.end)) > 0]
        last = min(reach.end, max((each.end for each in sounds), default=0.0))
        told = _language(group) or language
        yield SpokenPassage(
            index=index,
            start=round(span.start, 3),
            end=round(max(span.end, last), 3),
            text=joined_text(group, told),
            speakers=tuple(dict.fromkeys(each.speaker for each in group if each.speaker)),
            sounds=tuple(dict.fromkeys(each.name for each in sounds)),
            chapter=chapter_at(span.start, chapters),
            language=told if group else None,
            voice=_voice(heard, span, group),
        )


def _span(group: Sequence[Segment]) -> Span:
    return Span(group[0].start, max(each.end for each in group))


def _unspoken(heard: Heard, spoken: Sequence[Span], chapters: Sequence[Chapter]) -> Iterator[Span]:
    """Yield passages for what sounds where nobody speaks: an opening tune, the applause at last."""
    for gap in gaps(spoken, Span(0.0, heard.coverage.total)):
        if gap.seconds <= _GAP:
            continue
        inside = [
            Span(max(gap.start, sound.start), min(gap.end, sound.end))
            for sound in heard.sounds
            if gap.overlap(Span(sound.start, sound.end)) > _TOUCH
        ]
        for span in merge(inside, gap=LONGEST / 2):
            yield from parts_of(span, chapters)


def _language(group: Sequence[Segment]) -> str | None:
    found = Counter(each.language for each in group if each.language)
    return found.most_common(1)[0][0] if found else None


def _voice(heard: Heard, span: Span, group: Sequence[Segment]) -> dict[str, float]:
    """Return the measures of a passage: those of its stretches, by how much of them lies in it."""
    sums: dict[str, float] = {}
    weights: dict[str, float] = {}
    spoken = 0.0
    for where, measures in heard.voice:
        share = where.overlap(span) / where.seconds if where.seconds else 0.0
        weight = share * measures.get("speech_seconds", where.seconds)
        if weight <= 0:
            continue
        spoken += weight
        for name, value in measures.items():
            sums[name] = sums.get(name, 0.0) + weight * value
            weights[name] = weights.get(name, 0.0) + weight
    found = {name: round(sums[name] / weights[name], 3) for name in sums}
    found.pop("speech_seconds", None)
    seconds = spoken or sum(each.end - each.start for each in group)
    if group and seconds > 1.0:
        words = sum(spoken_words(each.text) for each in group)
        found["words_per_second"] = round(words / seconds, 2)
    return found


def _odd(heard: Heard, written: Sequence[Segment] | None) -> Iterator[str]:
    if written and written[-1].start > heard.coverage.total + _BEYOND:
        yield (
            f"the publisher's transcript goes on to {clock(written[-1].end)}, the audio ends at "
            f"{clock(heard.coverage.total)}: its times may be those of another cut"
        )
    elif written and written[-1].end < _WHOLE * heard.coverage.total:
        yield (
            f"the publisher's transcript ends at {clock(written[-1].end)}, the audio at "
            f"{clock(heard.coverage.total)}"
        )
    if not heard.segments:
        yield "no words were found in it"
