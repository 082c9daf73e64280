"""Emotion, as far as it can be told: activation from the voice, pleasantness from the words.

No small model tells categories of emotion from the voice of strangers: across corpora they are at
chance, and confidently wrong. So the voice gives arousal only, words and sounds such as laughter
give valence, and the emotion word is what lies near both, with a share that says how sure it is.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from qwen_audio_tools.engines.embedded.emotion.cues import (
    Cue,
    Effect,
    effect_cue,
    effects_heard,
    voice_arousal,
    voice_cues,
)
from qwen_audio_tools.engines.embedded.emotion.feeling_words import leanings, named_emotions
from qwen_audio_tools.engines.embedded.emotion.places import (
    Encoder,
    Estimate,
    likelihoods,
    place_named,
    place_of,
)
from qwen_audio_tools.engines.embedded.emotion.valence import Valence, valences
from qwen_audio_tools.engines.embedded.sounds.sound_scores import SoundScores
from qwen_audio_tools.engines.embedded.voices.voice_track import (
    VoiceMeasures,
    VoiceTrack,
)
from qwen_audio_tools.spans import Span
from qwen_audio_tools.transcript import Segment, spoken_words

__all__ = ["Cue", "EmotionReading", "Heard", "choose", "emotion_over_time", "read_emotion"]

UNCLEAR = "unclear"
_LONG = 60.0
_PLAIN = 0.35
"""How sure the valence of plain words is to be zero: they say little, but not nothing."""
_PLEASANT, _UNPLEASANT = ("pleasant words", "话语积极"), ("unpleasant words", "话语消极")


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What the experts heard of a recording; leave out what there isn't. `language`: ISO 639-1."""

    voice: VoiceTrack | None = None
    speech: tuple[Span, ...] = ()
    segments: tuple[Segment, ...] = ()
    sounds: SoundScores | None = None
    language: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EmotionReading:
    """The likeliest word, the others with their shares, both axes, and what they rest on.

    `alternatives` are (word, share) of all twelve emotions, best first, summing to 1. Valence is
    -1 to 1, arousal 0 to 1, certainties 0 to 1. Without any ground the label is "unclear".
    """

    label: str
    alternatives: tuple[tuple[str, float], ...]
    arousal: float
    arousal_certainty: float
    valence: float
    valence_certainty: float
    cues: tuple[Cue, ...]

    @property
    def share(self) -> float:
        """How likely the label is against the other words, 0 to 1."""
        return self.alternatives[0][1] if self.alternatives else 0.0

    @property
    def label_zh(self) -> str:
        """The label in Chinese."""
        return "无法判断" if self.label == UNCLEAR else place_named(self.label).chinese


def read_emotion(
    heard: Heard, *, encoder: Encoder | None = None, within: Span | None = None
) -> EmotionReading:
    """Return the emotion of a recording, or of the stretch `within` of it."""
    segments = _told(heard.segments, within)
    arousal, cues = _from_voice(heard, segments, within)
    vectors = encoder.encode([s.text for s in segments]) if encoder and segments else None
    scores = valences([s.text for s in segments], heard.language, encoder, vectors)
    valence, word_cues = _from_words(segments, scores)
    lean = leanings(segments, encoder, vectors)
    effects = effects_heard(heard.sounds, within) if heard.sounds else []
    for effect, score, spans in effects:
        arousal, valence = _pulled(effect, score, arousal, valence)
        for name in effect.lean:
            lean[name] = max(lean.get(name, 0.0), min(1.0, score) / len(effect.lean))
        cues.append(effect_cue(effect, score, spans))
    spoke = bool(segments) or arousal.certainty > 0
    if not spoke and not effects:
        return EmotionReading(
            label=UNCLEAR, alternatives=(), arousal=0.4, arousal_certainty=0.0,
            valence=0.0, valence_certainty=0.0, cues=(),
        )  # fmt: skip
    shares = sorted(likelihoods(valence, arousal, lean).items(), key=lambda item: -item[1])
    return EmotionReading(
        label=shares[0][0],
        alternatives=tuple((name, round(share, 3)) for name, share in shares),
        arousal=arousal.value,
        arousal_certainty=arousal.certainty,
        valence=valence.value,
        valence_certainty=valence.certainty,
        cues=tuple(_by_weight([*word_cues, *cues])),
    )


def emotion_over_time(
    heard: Heard, *, encoder: Encoder | None = None, seconds: float = 30.0
) -> tuple[tuple[Span, EmotionReading], ...]:
    """Return a reading for each stretch of about `seconds` in which there is speech."""
    if not heard.speech:
        return ()
    end = heard.speech[-1].end
    count = max(1, round(end / seconds))
    stretches = [Span(k * end / count, (k + 1) * end / count) for k in range(count)]
    return tuple(
        (stretch, read_emotion(heard, encoder=encoder, within=stretch))
        for stretch in stretches
        if any(span.overlap(stretch) > 0.5 for span in heard.speech)
    )


def choose(
    reading: EmotionReading, options: Sequence[str], encoder: Encoder | None = None
) -> tuple[tuple[str, float], ...]:
    """Rank words that a question offers, in any language, by how well they fit; shares sum to 1.

    Options that stand for the same emotion share it; a word that can't be placed gets a share of 0
    and comes last, in the order given.
    """
    shares = dict(reading.alternatives) or dict.fromkeys(("neutral", "calm"), 1.0)
    placed = {option: place_of(option, encoder) for option in options}
    exact: dict[str, float] = {}
    for option, place in placed.items():
        if place is None:
            exact[option] = 0.0
            continue
        rivals = sum(
            other is not None and other.emotion == place.emotion for other in placed.values()
        )
        exact[option] = _reach(place.emotion, shares) / rivals
    total = sum(exact.values()) or 1.0
    ranked = sorted(exact.items(), key=lambda item: -item[1])
    return tuple((option, round(share / total, 3)) for option, share in ranked)


def _reach(emotion: str, shares: dict[str, float]) -> float:
    """Return an emotion's share with some of its neighbours': an offer of few words covers more."""
    here = place_named(emotion)
    found = 0.0
    for name, share in shares.items():
        there = place_named(name)
        gap = ((here.valence - there.valence) / 0.5) ** 2 + (
            (here.arousal - there.arousal) / 0.3
        ) ** 2
        found += share * float(np.exp(-gap))
    return found


def _told(segments: Sequence[Segment], within: Span | None) -> list[Segment]:
    whole = within or Span(0.0, float("inf"))
    return [
        segment
        for segment in segments
        if segment.text.strip() and whole.start <= (segment.start + segment.end) / 2 < whole.end
    ]


def _from_voice(
    heard: Heard, segments: Sequence[Segment], within: Span | None
) -> tuple[Estimate, list[Cue]]:
    if heard.voice is None or not heard.speech:
        return Estimate(0.4, 0.0), []
    words = sum(spoken_words(segment.text) for segment in segments) or None
    measures = heard.voice.measures(heard.speech, words=words, within=within)
    arousal, signs = voice_arousal(measures, _usual(heard, within))
    spoken = [span for span in heard.speech if within is None or span.overlap(within) > 0]
    where = Span(spoken[0].start, spoken[-1].end) if spoken else None
    return arousal, voice_cues(measures, signs, where)


def _usual(heard: Heard, within: Span | None) -> VoiceMeasures | None:
    """Return the measures of the whole recording, when it is long enough to tell what is usual."""
    if within is None or heard.voice is None or heard.voice.duration < _LONG:
        return None
    return heard.voice.measures(heard.speech)


def _from_words(
    segments: Sequence[Segment], scores: Sequence[Valence]
) -> tuple[Estimate, list[Cue]]:
    """Return the valence of all words, surer and longer sentences weighing more, and the cues."""
    cues, weights = [], []
    for segment, score in zip(segments, scores, strict=True):
        weights.append(score.certainty * len(segment.text) ** 0.5)
        feelings = named_emotions(segment.text)
        for name, quote in feelings:
            cues.append(
                _word_cue(segment, True, _quoted(name, place_named(name).chinese, quote), 0.9)
            )
        if not feelings and score.certainty >= 0.3:
            names = _PLEASANT if score.value > 0 else _UNPLEASANT
            quoted = _quoted(*names, segment.text.strip())
            cues.append(_word_cue(segment, False, quoted, score.certainty))
    total = sum(weights)
    if total < 0.01:
        return Estimate(0.0, _PLAIN if segments else 0.0), cues
    value = sum(w * score.value for w, score in zip(weights, scores, strict=True)) / total
    share = total / sum(len(segment.text) ** 0.5 for segment in segments)
    certainty = min(0.9, share**0.5 * min(1.0, abs(value) + 0.3))
    return Estimate(round(value, 3), round(certainty, 3)), cues


def _quoted(english: str, chinese: str, quote: str) -> tuple[str, str]:
    return f"{english}: \u201c{quote}\u201d", f"{chinese}：\u201c{quote}\u201d"


def _word_cue(segment: Segment, named: bool, tone: tuple[str, str], score: float) -> Cue:
    return Cue(
        kind="named" if named else "words",
        text_en=tone[0],
        text_zh=tone[1],
        start=segment.start,
        end=segment.end,
        score=round(score, 2),
        model="words" if named else "valence",
    )


def _pulled(
    effect: Effect, score: float, arousal: Estimate, valence: Estimate
) -> tuple[Estimate, Estimate]:
    """Return both axes after a sound of feeling has pulled at them, by its score."""
    strength = 0.7 * min(1.0, score + 0.2)
    if effect.arousal is not None:
        arousal = _toward(arousal, effect.arousal, strength)
    if effect.valence is not None:
        valence = _toward(valence, effect.valence, strength)
    return arousal, valence


def _toward(estimate: Estimate, value: float, strength: float) -> Estimate:
    total = estimate.certainty + strength
    mean = (estimate.value * estimate.certainty + value * strength) / total
    agree = 1.0 - min(1.0, abs(estimate.value - value)) * estimate.certainty
    certainty = min(0.9, max(estimate.certainty, strength) * (0.6 + 0.4 * agree))
    return Estimate(round(mean, 3), round(certainty, 3))


def _by_weight(cues: Sequence[Cue]) -> list[Cue]:
    order = {"named": 0, "event": 1, "words": 2, "voice": 3, "music": 4}
    return sorted(cues, key=lambda cue: (order[cue.kind], -cue.score))
