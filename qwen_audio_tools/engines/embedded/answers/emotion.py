"""Write answers about emotion: what the words, the vocal sounds and the voice allow to say."""

import re

from qwen_audio_tools.answer import Evidence
from qwen_audio_tools.engines.embedded.analysis import Analysis
from qwen_audio_tools.engines.embedded.answers.phrases import Say
from qwen_audio_tools.engines.embedded.answers.written import Asked, Written
from qwen_audio_tools.engines.embedded.emotion.places import place_named, place_of
from qwen_audio_tools.engines.embedded.emotion.reading import (
    UNCLEAR,
    EmotionReading,
    Heard,
    choose,
    emotion_over_time,
    read_emotion,
)

CLEAR, LIKELY = 0.4, 0.3
UNLIKELY = 0.07
LONG = 90.0  # seconds from which feelings may change on the way
NEAR_ZERO, FAR_FROM_ZERO = 0.15, 0.3  # valence, -1 to 1
SURE_OF_DIRECTION = 0.5


def write_emotion(heard: Analysis, asked: Asked, say: Say) -> Written:
    """Tell the likeliest emotion, how sure that is, and what it rests on."""
    material = Heard(
        voice=heard.voice,
        speech=heard.speech,
        segments=heard.words.segments,
        sounds=heard.sounds,
        language=heard.words.language,
    )
    reading = read_emotion(material, encoder=asked.encoder)
    if reading.label == UNCLEAR:
        return Written(say("no_voice"))
    sentences = [_verdict(reading, asked, say), _axes(reading, say)]
    if reading.share < CLEAR:
        sentences.append(say("emotion_limit"))
    lines = [say.sentences(sentences)]
    if heard.duration >= LONG:
        lines += _on_the_way(material, asked, say)
    return Written("\n".join(lines), _evidence(reading, say), limited=reading.share < CLEAR)


def _verdict(reading: EmotionReading, asked: Asked, say: Say) -> str:
    if asked.route.options:
        ranked = choose(reading, asked.route.options, asked.encoder)
        if ranked[0][1] > 0:
            others = say.join(f"{word} {_percent(share)} %" for word, share in ranked[1:])
            label, share = ranked[0]
            return say("emotion_choice", label=label, percent=_percent(share), others=others)
    if asked.route.yes_no and (verdict := _yes_or_no(reading, asked.text, say)):
        return verdict
    label = _name(reading.label, say)
    others = say.join(
        f"{_name(name, say)} {_percent(share)} %" for name, share in reading.alternatives[1:3]
    )
    values = {"label": label, "percent": _percent(reading.share), "others": others}
    return say(_certainty(reading), **values)


def _certainty(reading: EmotionReading) -> str:
    """Return the phrase for a reading: a word, at least a direction, or neither."""
    if reading.share >= CLEAR:
        return "emotion_likely"
    if reading.valence_certainty >= SURE_OF_DIRECTION and abs(reading.valence) >= FAR_FROM_ZERO:
        return "emotion_positive" if reading.valence > 0 else "emotion_negative"
    return "emotion_likely" if reading.share >= LIKELY else "emotion_unclear"


def _yes_or_no(reading: EmotionReading, question: str, say: Say) -> str:
    """Answer "is she angry?"; empty if the question names no emotion."""
    words = re.findall(r"[a-z'-]+|[\u4e00-\u9fff]{2,4}", question.lower())
    chinese = [run[at : at + 2] for run in words for at in range(len(run) - 1) if run > "\u4e00"]
    place = next((place for word in [*words, *chinese] if (place := place_of(word))), None)
    if place is None:
        return ""
    shares = dict(reading.alternatives)
    share = shares.get(place.emotion, 0.0)
    best = _name(reading.label, say)
    values = {"label": _name(place.emotion, say), "percent": _percent(share), "best": best}
    if reading.label == place.emotion and share >= LIKELY:
        return say("emotion_yes", **values)
    return say("emotion_no" if share <= UNLIKELY else "emotion_cant_tell", **values)


def _axes(reading: EmotionReading, say: Say) -> str:
    parts = []
    if reading.valence_certainty >= 0.2:
        if abs(reading.valence) < NEAR_ZERO:
            parts.append(say("words_neutral"))
        else:
            parts.append(say("words_pleasant" if reading.valence > 0 else "words_unpleasant"))
    if reading.arousal_certainty >= 0.2:
        level = "active" if reading.arousal > 0.6 else "calm" if reading.arousal < 0.35 else "even"
        parts.append(say(f"voice_{level}"))
    return say.sentences(parts)


def _on_the_way(material: Heard, asked: Asked, say: Say) -> list[str]:
    """Tell where in a long recording the feeling is another, neighbours of one kind joined."""
    joined: list[tuple[float, float, str]] = []
    for span, reading in emotion_over_time(material, encoder=asked.encoder):
        if joined and joined[-1][2] == reading.label:
            joined[-1] = (joined[-1][0], span.end, reading.label)
        else:
            joined.append((span.start, span.end, reading.label))
    return [f"- {say.at(start, end)}  {_name(label, say)}" for start, end, label in joined]


def _evidence(reading: EmotionReading, say: Say) -> tuple[Evidence, ...]:
    return tuple(
        Evidence(
            kind="voice" if cue.kind == "voice" else "emotion",
            text=say.either(cue.text_en, cue.text_zh),
            start=cue.start,
            end=cue.end,
            score=cue.score,
            model=cue.model,
        )
        for cue in reading.cues
    )


def _name(label: str, say: Say) -> str:
    if label == UNCLEAR:
        return say.either(label, "不明")
    return say.either(label, place_named(label).chinese)


def _percent(share: float) -> int:
    return min(99, round(100 * share))
