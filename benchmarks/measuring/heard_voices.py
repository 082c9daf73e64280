"""How many voices are counted in made dialogues, and which way made sentences are felt to lean."""

import csv
import random
from typing import Any

import numpy as np

from measuring.figures import share
from measuring.spoken import DATA, RATE, VOICES, Samples, said, sentences
from qwen_audio_tools.testing import silence

# Two women, and four men of whom some sound much alike; dialogues draw from these.
_THROATS = ("en-us", "en-us+f3", "en-gb+m5", "en-us+f5", "en-gb+croak", "en-us+m7")
TURNS = 6


def speakers_table(*, quick: bool) -> dict[str, Any]:
    """Count the voices in dialogues of one, two and three."""
    from qwen_audio_tools.engines.embedded.speech.speech_activity import speech_spans
    from qwen_audio_tools.engines.embedded.voices.speakers import speaker_turns

    count = 3 if quick else 20
    found: list[tuple[int, int]] = []
    for voices in (1, 2, 3):
        for number in range(count):
            samples = _dialogue(voices, 100 * voices + number)
            found.append((voices, speaker_turns(samples, speech_spans(samples)).count))
    rows = [_speakers(str(n), [pair for pair in found if pair[0] == n]) for n in (1, 2, 3)]
    return {
        "title": "How many voices in a dialogue",
        "note": f"Made: {TURNS} turns of one or two sentences by variants of one synthesiser:"
        " a man's and a woman's are far apart, two men's hardly differ, and those are what is"
        " missed. Acted real dialogues of one to four: 47 % exact, 95 % within one; far"
        " microphones: 38 and 62 %.",
        "rows": [*rows, _speakers("all", found)],
    }


def _speakers(voices: str, found: list[tuple[int, int]]) -> dict[str, Any]:
    return {
        "voices": voices,
        "exact": share([heard == true for true, heard in found]),
        "within one": share([abs(heard - true) <= 1 for true, heard in found]),
        "one against several": share([(heard > 1) == (true > 1) for true, heard in found]),
    }


def _dialogue(voices: int, seed: int) -> Samples:
    chance = random.Random(seed)
    throats = chance.sample(_THROATS, voices)
    texts = chance.sample(sentences("en"), 2 * TURNS)
    parts = []
    for turn in range(TURNS):
        text = " ".join(texts[2 * turn : 2 * turn + chance.choice((1, 2))])
        parts += [said(text, throats[turn % voices], around=0.1), silence(chance.uniform(0.1, 0.6))]
    whole: Samples = np.concatenate(parts).astype(np.float32)
    return whole


def emotion_table(*, quick: bool) -> dict[str, Any]:
    """Read the direction of sentences, in their true words and in those heard in a plain voice."""
    from qwen_audio_tools.engines.embedded.meaning.sentence_encoder import shared_encoder
    from qwen_audio_tools.engines.embedded.speech.transcription import Transcriber

    transcriber, encoder = Transcriber(), shared_encoder()
    with (DATA / "feelings.tsv").open(encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    groups: dict[tuple[str, str, str], list[str]] = {}
    for number, line in enumerate(lines[::5] if quick else lines):
        language, text = line["language"], line["text"]
        voices = VOICES[language]
        samples = said(text, voices[number % len(voices)])
        heard = transcriber.transcribe_samples(samples).text
        for words, how in ((text, "true words"), (heard, "as heard")):
            told = _direction(words, language, samples, encoder)
            groups.setdefault((language, line["direction"], how), []).append(
                _judged(told, line["direction"])
            )
    rows = [
        {"language": language, "words": how, "sentences": direction, **_shares(verdicts)}
        for (language, direction, how), verdicts in sorted(groups.items(), key=_order)
    ]
    for how in ("true words", "as heard"):
        verdicts = [one for key, some in groups.items() if key[2] == how for one in some]
        rows.append({"language": "all", "words": how, "sentences": "all", **_shares(verdicts)})
    return {
        "title": "Pleasant or unpleasant: the direction of a feeling",
        "note": "Sentences of our own, ten of each kind and language, in the plain voice of espeak,"
        " which carries no feeling: it is the words that tell. Abstained: told neutral, or nothing,"
        " of words that lean. A neutral sentence is right when no direction is told.",
        "rows": rows,
    }


def _direction(words: str, language: str, samples: Samples, encoder: Any) -> str:
    """Return what an answer would say of the words: positive, negative or neutral."""
    from qwen_audio_tools.engines.embedded.answers.emotion import NEAR_ZERO
    from qwen_audio_tools.engines.embedded.emotion.reading import Heard, read_emotion
    from qwen_audio_tools.engines.embedded.sounds.sound_meter import sound_scores
    from qwen_audio_tools.engines.embedded.voices.voice_meter import VoiceMeter
    from qwen_audio_tools.spans import Span
    from qwen_audio_tools.transcript import Segment

    meter = VoiceMeter()
    meter.feed(samples)
    end = len(samples) / RATE
    segments = (Segment(start=0.0, end=end, text=words, language=language),) if words else ()
    reading = read_emotion(
        Heard(
            voice=meter.finish(),
            speech=(Span(0.0, end),),
            segments=segments,
            sounds=sound_scores(samples),
            language=language,
        ),
        encoder=encoder,
    )
    if reading.valence_certainty < 0.2 or abs(reading.valence) < NEAR_ZERO:
        return "neutral"
    return "positive" if reading.valence > 0 else "negative"


def _judged(told: str, true: str) -> str:
    if told == true:
        return "right"
    return "abstained" if told == "neutral" else "wrong"


def _shares(verdicts: list[str]) -> dict[str, Any]:
    return {
        name: share([one == name for one in verdicts]) for name in ("right", "wrong", "abstained")
    }


def _order(item: tuple[tuple[str, str, str], list[str]]) -> tuple[str, str, str]:
    language, direction, how = item[0]
    return how, language, direction
