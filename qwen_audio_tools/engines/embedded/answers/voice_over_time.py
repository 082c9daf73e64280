"""Write how a voice goes on: its measures, stretch by stretch."""

from collections.abc import Iterator, Sequence

from qwen_audio_tools.answer import Evidence
from qwen_audio_tools.engines.embedded.analysis import Analysis
from qwen_audio_tools.engines.embedded.answers.phrases import Say
from qwen_audio_tools.engines.embedded.answers.voices import in_words
from qwen_audio_tools.engines.embedded.answers.written import Asked, Written
from qwen_audio_tools.engines.embedded.emotion.cues import voice_arousal
from qwen_audio_tools.engines.embedded.voices.voice_meter import MODEL
from qwen_audio_tools.engines.embedded.voices.voice_track import VoiceMeasures
from qwen_audio_tools.spans import Span
from qwen_audio_tools.transcript import spoken_words

STRETCH = 15.0
"""Seconds of a stretch: enough voice to measure, and short enough to tell where it changes."""
_LEAST = 0.5
_LONG = 60.0
"""Seconds of a recording from which what is usual in it can be told."""
_MANY = 40


def write_voice(heard: Analysis, asked: Asked, say: Say) -> Written:
    """Tell pitch, loudness and liveliness of the speech in each stretch."""
    evidence = tuple(_measured(heard, say))
    if not evidence:
        return Written(say("no_speech", seconds=f"{heard.duration:.1f}"))
    lines = [f"{say.at(item.start or 0.0, item.end)}  {item.text}" for item in evidence[:_MANY]]
    if len(evidence) > _MANY:
        rest = len(evidence) - _MANY
        lines.append(say.either(f"and {rest} more stretches", f"另有 {rest} 段"))
    return Written("\n".join(lines), evidence)


def _measured(heard: Analysis, say: Say) -> Iterator[Evidence]:
    assert heard.voice is not None
    usual = heard.voice.measures(heard.speech) if heard.duration >= _LONG else None
    for spans in stretches(heard.speech):
        whole = Span(spans[0].start, spans[-1].end)
        inside = [Span(span.start - whole.start, span.end - whole.start) for span in spans]
        measures = heard.voice.cut(whole).measures(inside, words=_words(heard, whole))
        if measures.speech_seconds < _LEAST or measures.pitch is None:
            continue
        arousal, _ = voice_arousal(measures, usual)
        told = _numbers(measures) | {"activation": arousal.value}
        yield Evidence(
            kind="voice",
            text=say.join([in_words(measures, say), _liveliness(arousal.value, say)]),
            start=whole.start,
            end=whole.end,
            model=MODEL,
            measures=told,
        )


def stretches(speech: Sequence[Span]) -> Iterator[list[Span]]:
    """Yield the spans of speech in groups of about `STRETCH` seconds; long ones are cut."""
    group: list[Span] = []
    for span in speech:
        start = span.start
        while start < span.end:
            end = min(span.end, start + STRETCH)
            if group and end - group[0].start > STRETCH:
                yield group
                group = []
            group.append(Span(start, end))
            start = end
    if group:
        yield group


def _words(heard: Analysis, whole: Span) -> int | None:
    said = (
        segment.text
        for segment in heard.words.segments
        if whole.start <= (segment.start + segment.end) / 2 < whole.end
    )
    return sum(spoken_words(text) for text in said) or None


def _numbers(measures: VoiceMeasures) -> dict[str, float]:
    found = {
        "pitch_hz": measures.pitch,
        "pitch_range_semitones": measures.pitch_range,
        "level_db": measures.level,
        "speech_seconds": measures.speech_seconds,
    }
    return {name: value for name, value in found.items() if value is not None}


def _liveliness(arousal: float, say: Say) -> str:
    return say.either(f"activation {arousal:.2f}", f"激活度 {arousal:.2f}")
