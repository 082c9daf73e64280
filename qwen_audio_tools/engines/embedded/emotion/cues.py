"""The single observations that an emotion is read from: in the voice, the words, other sounds.

Each cue says in words what was observed, when, how strongly, and by which model.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from qwen_audio_tools.engines.embedded.emotion.places import Estimate
from qwen_audio_tools.engines.embedded.sounds.sound_scores import SoundScores
from qwen_audio_tools.engines.embedded.voices.voice_track import VoiceMeasures
from qwen_audio_tools.spans import Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Cue:
    """One observation; times are seconds of the recording, `score` is its strength, 0 to 1."""

    kind: Literal["voice", "words", "named", "event", "music"]
    text_en: str
    text_zh: str
    start: float | None
    end: float | None
    score: float
    model: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What a kind of sound says about the one who makes it: its pull on both axes, and words."""

    label: str
    valence: float | None
    arousal: float | None
    lean: tuple[str, ...]
    english: str
    chinese: str
    kind: Literal["event", "music"] = "event"


_EFFECTS = (
    Effect(label="Laughter", valence=0.7, arousal=0.7, lean=("happy",),
           english="laughter", chinese="笑声"),
    Effect(label="Crying, sobbing", valence=-0.8, arousal=0.5, lean=("sad",),
           english="crying", chinese="哭声"),
    Effect(label="Screaming", valence=None, arousal=0.95, lean=("afraid", "angry"),
           english="screaming", chinese="尖叫"),
    Effect(label="Shout", valence=None, arousal=0.92, lean=("angry", "excited"),
           english="shouting", chinese="喊叫"),
    Effect(label="Sigh", valence=-0.3, arousal=0.2, lean=("sad", "tired"),
           english="a sigh", chinese="叹气"),
    Effect(label="Groan", valence=-0.4, arousal=0.4, lean=("annoyed",),
           english="groaning", chinese="呻吟"),
    Effect(label="Gasp", valence=None, arousal=0.75, lean=("surprised",),
           english="a gasp", chinese="倒吸气"),
    Effect(label="Whispering", valence=None, arousal=0.2, lean=(),
           english="whispering", chinese="耳语"),
    Effect(label="Cheering", valence=0.7, arousal=0.9, lean=("excited",),
           english="cheering", chinese="欢呼"),
    Effect(label="Happy music", valence=0.6, arousal=None, lean=("happy",), kind="music",
           english="music that sounds happy", chinese="欢快的音乐"),
    Effect(label="Sad music", valence=-0.5, arousal=0.25, lean=("sad",), kind="music",
           english="music that sounds sad", chinese="悲伤的音乐"),
    Effect(label="Tender music", valence=0.4, arousal=0.2, lean=("calm",), kind="music",
           english="music that sounds tender", chinese="温柔的音乐"),
    Effect(label="Exciting music", valence=0.4, arousal=0.85, lean=("excited",), kind="music",
           english="music that sounds exciting", chinese="激昂的音乐"),
    Effect(label="Angry music", valence=-0.6, arousal=0.85, lean=("angry",), kind="music",
           english="music that sounds angry", chinese="愤怒的音乐"),
    Effect(label="Scary music", valence=-0.6, arousal=0.6, lean=("afraid",), kind="music",
           english="music that sounds scary", chinese="恐怖的音乐"),
)  # fmt: skip
_SURE = {"event": 0.3, "music": 0.15}


def effects_heard(
    sounds: SoundScores, within: Span | None
) -> list[tuple[Effect, float, tuple[Span, ...]]]:
    """Return each sound of feeling that is heard, with its score and where."""
    heard = []
    for effect in _EFFECTS:
        found = sounds.presence([effect.label])
        spans = tuple(s for s in found.spans if within is None or s.overlap(within) > 0)
        if spans and found.score >= _SURE[effect.kind]:
            heard.append((effect, found.score, spans))
    return heard


def effect_cue(effect: Effect, score: float, spans: Sequence[Span]) -> Cue:
    """Return the cue that a heard sound gives."""
    times = f" ({len(spans)} times)" if len(spans) > 1 else ""
    count = f"({len(spans)} 次)" if len(spans) > 1 else ""
    return Cue(
        kind=effect.kind,
        text_en=effect.english + times,
        text_zh=effect.chinese + count,
        start=spans[0].start,
        end=spans[0].end if len(spans) == 1 else spans[-1].end,
        score=score,
        model="yamnet",
    )


def voice_arousal(
    measures: VoiceMeasures, usual: VoiceMeasures | None
) -> tuple[Estimate, dict[str, float]]:
    """Return how activated a voice is, and how far each of its signs is from what is typical.

    Signs are in rough standard deviations of natural speech; none depends on the recording's level.
    `usual` are the same voice's measures over a long stretch: then half of the pitch sign is
    relative to those.
    """
    signs: dict[str, float] = {}
    if measures.pitch:
        signs["pitch"] = _pitch_sign(measures.pitch)
        if usual and usual.pitch:
            shift = 12 * float(np.log2(measures.pitch / usual.pitch)) / 2.0
            signs["pitch"] = 0.5 * signs["pitch"] + 0.5 * shift
    if measures.pitch_range is not None:
        signs["range"] = (measures.pitch_range - 6.5) / 3.0
    if measures.tilt is not None:
        signs["tilt"] = (measures.tilt + 11.0) / 5.0
    if measures.centroid is not None:
        signs["brightness"] = (measures.centroid - 1250.0) / 350.0
    if measures.words_per_minute:
        signs["rate"] = (measures.words_per_minute - 205.0) / 55.0
    signs = {name: round(float(np.clip(value, -2.5, 2.5)), 2) for name, value in signs.items()}
    if "pitch" not in signs:
        return Estimate(0.4, 0.0), signs
    weights = {"pitch": 1.0, "range": 1.0, "tilt": 0.6, "brightness": 0.6, "rate": 0.4}
    total = sum(weights[name] for name in signs)
    pull = sum(weights[name] * value for name, value in signs.items()) / total
    value = float(1 / (1 + np.exp(-1.4 * pull + 0.25)))
    enough = min(1.0, measures.speech_seconds / 3.0)
    certainty = enough * min(0.8, 0.3 + 0.45 * abs(pull))
    return Estimate(round(value, 3), round(certainty, 3)), signs


def _pitch_sign(pitch: float) -> float:
    """Return how high a pitch is for its voice: typical are 115 Hz for men, 205 for women."""
    womanly = 1 / (1 + np.exp(-(12 * np.log2(pitch / 165.0)) / 2.0))
    typical = 115.0 * (205.0 / 115.0) ** womanly
    return float(12 * np.log2(pitch / typical) / 3.5)


_SIGNS = {
    "pitch": ("high pitch ({0:.0f} Hz)", "low pitch ({0:.0f} Hz)", "音高偏高({0:.0f} Hz)",
              "音高偏低({0:.0f} Hz)"),
    "range": ("lively melody ({1:.0f} semitones)", "flat melody ({1:.0f} semitones)",
              "语调起伏大({1:.0f} 个半音)", "语调平缓({1:.0f} 个半音)"),
    "tilt": ("pressed voice", "soft voice", "嗓音用力", "嗓音柔和"),
    "brightness": ("bright sound", "dark sound", "音色明亮", "音色暗沉"),
    "rate": ("fast speech ({2:.0f} words a minute)", "slow speech ({2:.0f} words a minute)",
             "语速快(每分钟约 {2:.0f} 词)", "语速慢(每分钟约 {2:.0f} 词)"),
}  # fmt: skip


def voice_cues(measures: VoiceMeasures, signs: dict[str, float], where: Span | None) -> list[Cue]:
    """Return a cue for each sign that is clearly off the typical, strongest first."""
    numbers = (
        measures.pitch or 0.0,
        measures.pitch_range or 0.0,
        measures.words_per_minute or 0.0,
    )
    cues = []
    for name, value in sorted(signs.items(), key=lambda item: -abs(item[1])):
        if abs(value) < 0.6:
            continue
        high, low, high_zh, low_zh = _SIGNS[name]
        cues.append(
            Cue(
                kind="voice",
                text_en=(high if value > 0 else low).format(*numbers),
                text_zh=(high_zh if value > 0 else low_zh).format(*numbers),
                start=where.start if where else None,
                end=where.end if where else None,
                score=round(min(1.0, abs(value) / 2.0), 2),
                model="yin" if name in ("pitch", "range") else "spectrum",
            )
        )
    return cues
