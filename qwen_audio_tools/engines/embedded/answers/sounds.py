"""Write answers about sounds: which, when, whether a certain one is there; vocal sounds; music."""

from collections.abc import Iterable, Sequence

from qwen_audio_tools.answer import Evidence
from qwen_audio_tools.engines.embedded.analysis import Analysis
from qwen_audio_tools.engines.embedded.answers.phrases import Say
from qwen_audio_tools.engines.embedded.answers.written import Asked, Written
from qwen_audio_tools.engines.embedded.sounds import audioset
from qwen_audio_tools.engines.embedded.sounds.sound_grouping import SoundEvent
from qwen_audio_tools.engines.embedded.sounds.sound_meter import MODEL
from qwen_audio_tools.engines.embedded.sounds.sound_scores import SoundScores
from qwen_audio_tools.spans import Span

MANY = 6  # sounds named in a sentence; all of them stand in the evidence


def write_sounds(heard: Analysis, asked: Asked, say: Say) -> Written:
    """Tell which sounds were heard, or whether the one that was asked about is there."""
    scores = _scores(heard)
    if asked.labels:
        return _presence(heard, scores, asked, say)
    events = scores.events()
    if asked.subject and asked.route.yes_no:
        text = say("unknown_sound", sounds=list_sounds(events, say) or say("nothing"))
        return Written(text, sound_evidence(events, say), limited=True)
    return Written(_what(heard, events, say), sound_evidence(events, say))


def write_vocal_sounds(heard: Analysis, asked: Asked, say: Say) -> Written:
    """Tell of laughter, coughs, sighs and other sounds of people that are no words."""
    scores = _scores(heard)
    if asked.labels:
        return _presence(heard, scores, asked, say)
    events = tuple(event for event in scores.events() if event.label in audioset.VOCAL)
    if not events:
        limit = say("under_speech") if heard.speech else ""
        return Written(say.sentences([say("no_vocal", seconds=f"{heard.duration:.0f}"), limit]))
    return Written(say("sounds", sounds=list_sounds(events, say)), sound_evidence(events, say))


def write_music(heard: Analysis, asked: Asked, say: Say) -> Written:
    """Tell whether there is music, and which instruments and kinds the scores name."""
    scores = _scores(heard)
    if asked.labels and asked.route.yes_no and asked.labels[0][0] != "Music":
        return _presence(heard, scores, asked, say)
    music = scores.presence(["Music"])
    if music.verdict == "no evidence":
        text = say("music_no", seconds=f"{heard.duration:.0f}", score=f"{music.score:.2f}")
        return Written(text)
    kinds = [
        (label, score)
        for group in (audioset.INSTRUMENTS, audioset.SINGING, audioset.GENRES)
        for label, score in scores.top(2, among=group)
        if score >= 0.2
    ]
    names = say.join(name_of(label, say) for label, _ in kinds) or say.either(
        "of no kind that could be told", "种类不明"
    )
    sure = music.verdict == "yes"
    text = say.sentences(
        [
            say("music_yes", kinds=names, times=_times(music.spans, say))
            if sure
            else say(
                "maybe_sound",
                name=name_of("Music", say),
                times=_times(music.spans, say),
                score=f"{music.score:.2f}",
            ),
            say("music_limit"),
        ]
    )
    spans = [_span_evidence("Music", span, music.score, say) for span in music.spans]
    named = [
        Evidence(kind="sound", text=name_of(label, say), score=score, model=MODEL)
        for label, score in kinds
    ]
    return Written(text, (*spans, *named), limited=True)


def name_of(label: str, say: Say) -> str:
    """Return how a sentence names an AudioSet class."""
    return audioset.chinese(label) if say.language == "zh" else label.lower()


def sound_evidence(events: Iterable[SoundEvent], say: Say) -> tuple[Evidence, ...]:
    """Return sound events as evidence."""
    return tuple(_span_evidence(event.label, event.span, event.score, say) for event in events)


def _scores(heard: Analysis) -> SoundScores:
    assert heard.sounds is not None
    return heard.sounds


def _what(heard: Analysis, events: Sequence[SoundEvent], say: Say) -> str:
    if events:
        return say("sounds", sounds=list_sounds(events, say))
    if heard.speech:
        return say("only_speech")
    if heard.sounds is not None and heard.sounds.presence(["Silence"]).score > 0.9:
        return say("silent")
    return say("no_sounds", seconds=f"{heard.duration:.0f}")


def _presence(heard: Analysis, scores: SoundScores, asked: Asked, say: Say) -> Written:
    """Answer "is there X" and "how often is X": yes, possibly, or no evidence, with the score."""
    labels = [label for label, _ in asked.labels]
    found = scores.presence(labels)
    name = _best_name(scores, labels, say)
    spans = found.spans
    score = f"{found.score:.2f}"
    if found.verdict == "no evidence":
        limit = say("under_speech") if heard.speech else ""
        text = say("no_sound", name=name, seconds=f"{heard.duration:.0f}", score=score)
        return Written(say.sentences([text, limit]))
    sure = "yes_sound" if asked.route.yes_no else "found_sound"
    key = sure if found.verdict == "yes" else "maybe_sound"
    told = say(key, name=name, times=_times(spans, say), score=score)
    sentences = [told[:1].upper() + told[1:]]
    if asked.route.counts:
        sentences.append(say("count_sounds" if len(spans) > 1 else "count_one", count=len(spans)))
    evidence = tuple(
        Evidence(
            kind="sound", text=name, start=span.start, end=span.end, score=found.score, model=MODEL
        )
        for span in spans
    )
    return Written(say.sentences(sentences), evidence)


def _best_name(scores: SoundScores, labels: Sequence[str], say: Say) -> str:
    """Name the class that was heard best; the first one asked for if none was heard."""
    peaks = scores.peaks()
    family = [label for label in audioset.families(labels) if label in peaks]
    asked_for = [label for label in labels if label in peaks]
    best = max(asked_for or family or labels[:1], key=lambda label: peaks.get(label, 0.0))
    return name_of(best, say)


def list_sounds(events: Sequence[SoundEvent], say: Say) -> str:
    """Name the surest sounds with the times of each, in order of their first time."""
    best: dict[str, float] = {}
    for event in events:
        best[event.label] = max(event.score, best.get(event.label, 0.0))
    surest = sorted(best, key=lambda label: -best[label])[:MANY]
    in_order = [label for label in best if label in surest]
    parts = []
    for label in in_order:
        spans = [event.span for event in events if event.label == label]
        parts.append(say("sound_at", name=name_of(label, say), times=_times(spans, say)))
    return say.join(parts)


def _times(spans: Sequence[Span], say: Say) -> str:
    shown = [say.at(span.start, span.end) for span in spans[:4]]
    more = len(spans) - len(shown)
    rest = [say.either(f"and {more} more", f"等共 {len(spans)} 处")] if more > 0 else []
    return say.join([*shown, *rest])


def _span_evidence(label: str, span: Span, score: float, say: Say) -> Evidence:
    return Evidence(
        kind="sound",
        text=name_of(label, say),
        start=span.start,
        end=span.end,
        score=score,
        model=MODEL,
    )
