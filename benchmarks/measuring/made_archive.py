"""A made archive: shows, voices, topics, planted facts and sounds, all of it known to the second.

Four shows of ten episodes, 15 minutes each: two in English, one in Spanish, one in German. Every
sentence is spoken on its own, so that its place is exact. A fact stands in one sentence of one
episode; a sound stands between two sentences, and no sentence names it.
"""

import json
import random
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from measuring.archive_words import FACTS, FILLERS, MISSING, SLOTS, TOPICS
from qwen_audio_tools import testing
from qwen_audio_tools.testing import speech, write

RATE = 16_000
SHOWS = {
    "Harbour Radio": ("en", ("en-us+m3", "en-us+f2")),
    "The Long Table": ("en", ("en-gb+m1", "en-gb+f4")),
    "Plaza Mayor": ("es", ("es+m2", "es+f3")),
    "Am Nordtor": ("de", ("de+m4", "de+f2")),
}
SOUNDS = {
    "glass breaking": testing.glass_breaking,
    "a dog barking": testing.dog_bark,
    "a church bell": testing.church_bell,
    "a siren": testing.siren,
    "a telephone ringing": testing.telephone,
    "a smoke alarm": testing.smoke_alarm,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A question with its truth: `kind` is fact, sound or missing; the span is in seconds."""

    question: str
    kind: str
    language: str
    show: str = ""
    episode: str = ""
    start: float = 0.0
    end: float = 0.0
    answer: str = ""


@dataclass(slots=True)
class _Episode:
    pieces: list[np.ndarray]
    seconds: float = 0.0

    def say(self, samples: np.ndarray, pause: float = 0.35) -> tuple[float, float]:
        start = self.seconds
        quiet = np.zeros(round(pause * RATE), np.float32)
        self.pieces += [samples, quiet]
        self.seconds += (len(samples) + len(quiet)) / RATE
        return start, start + len(samples) / RATE


def make(folder: Path, *, episodes: int = 10, minutes: float = 15.0, seed: int = 5) -> list[Asked]:
    """Write the archive's files, one folder a show, and return the questions with their truths."""
    stamp = folder / f"questions-{episodes}-{minutes:g}-{seed}.json"
    if stamp.exists():
        return [Asked(**each) for each in json.loads(stamp.read_text("utf-8"))]
    chance = random.Random(seed)
    asked: list[Asked] = []
    facts = {language: _facts(language, chance) for language, _ in SHOWS.values()}
    for show, (language, voices) in SHOWS.items():
        for number in range(episodes):
            topic = TOPICS[language][number % len(TOPICS[language])]
            title = f"{number + 1:02} {topic['title']}"
            found = _episode(language, voices, topic, facts[language], minutes * 60, chance)
            path = folder / show / f"{title}.mp3"
            path.parent.mkdir(parents=True, exist_ok=True)
            write(path, np.concatenate(found[0]))
            for question in found[1]:
                text = question.question.format(show=show)
                told = {**asdict(question), "question": text, "show": show, "episode": title}
                asked.append(Asked(**told))
    asked += [Asked(question=text, kind="missing", language="en") for text in MISSING]
    stamp.write_text(json.dumps([asdict(each) for each in asked], ensure_ascii=False), "utf-8")
    return asked


def _episode(
    language: str,
    voices: tuple[str, ...],
    topic: dict[str, str],
    facts: Iterator[tuple[str, str, str]],
    seconds: float,
    chance: random.Random,
) -> tuple[list[np.ndarray], list[Asked]]:
    """Return the audio of an episode, and what can be asked of it."""
    made = _Episode([])
    asked: list[Asked] = []
    facts_at = sorted(chance.uniform(20.0, seconds - 30.0) for _ in range(4))
    sound_at = chance.uniform(60.0, seconds - 60.0)
    name, sound = chance.choice(list(SOUNDS.items()))
    while made.seconds < seconds:
        voice = voices[int(made.seconds // 40) % len(voices)]
        if facts_at and made.seconds >= facts_at[0]:
            facts_at.pop(0)
            said, question, answer = next(facts)
            start, end = made.say(speech(said, voice=voice))
            asked.append(
                Asked(
                    question=question,
                    kind="fact",
                    language=language,
                    start=start,
                    end=end,
                    answer=answer,
                )
            )
        elif sound_at and made.seconds >= sound_at:
            sound_at = 0.0
            start, end = made.say(np.asarray(sound(), np.float32))
            words = topic["title"]
            asked.append(
                Asked(
                    question=f"Is there {name} in the episode of {{show}} about {words}?",
                    kind="sound",
                    language=language,
                    start=start,
                    end=end,
                    answer=name,
                )
            )
        else:
            made.say(speech(_filler(language, topic, chance), voice=voice))
    return made.pieces, asked


def _filler(language: str, topic: dict[str, str], chance: random.Random) -> str:
    words = {name: chance.choice(values) for name, values in SLOTS[language].items()}
    return chance.choice(FILLERS[language]).format(**words, **topic)


def _facts(language: str, chance: random.Random) -> Iterator[tuple[str, str, str]]:
    """Yield sentences that hold a fact, each with its question and answer; none comes twice."""
    used: set[str] = set()
    while True:
        said, question, answer = chance.choice(FACTS[language])
        words = {name: chance.choice(values) for name, values in SLOTS[language].items()}
        number = chance.randrange(12, 990)
        asked = question.format(number=number, **words)
        if asked not in used:
            used.add(asked)
            yield said.format(number=number, **words), asked, answer.format(number=number, **words)
