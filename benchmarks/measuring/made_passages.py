"""Passages without audio, a million if need be: shows, episodes and words as an archive has them.

Everything follows from a number: nothing is kept. An episode has a topic of its own, and people and
places that come up again in it, so that its passages lie near each other in meaning, as real ones
do. Names are made of syllables and some come far more often than others (Zipf): full text search
meets common words and rare ones.
"""

import random
from collections.abc import Iterator

from measuring.archive_words import FACTS, FILLERS, SLOTS, TOPICS
from qwen_audio_tools.archive.records import (
    Enclosure,
    Episode,
    EpisodeRecord,
    SpokenPassage,
    State,
)

PASSAGES = 50
"""In an episode: 45 s each, 37 minutes in all."""
SECONDS = 45.0
SHOWS = 200
EPISODES = 2000
"""After so many, episodes begin again with the same shows and topics, but in other words."""
LANGUAGES = ("en", "en", "es", "de")
SOUNDS = ("Laughter", "Applause", "Music", "Dog", "Bell", "Siren")
_LEFT_OUT = ("ge", "re", "to")
_SYLLABLES = [
    first + last for first in "bdgklmnrst" for last in "aeo" if first + last not in _LEFT_OUT
]
_NAMES = 20_000


def records(count: int) -> Iterator[EpisodeRecord]:
    """Yield records that have so many passages in all, one at a time."""
    for number in range(-(-count // PASSAGES)):
        yield _record(number, min(PASSAGES, count - number * PASSAGES))


def text(number: int) -> str:
    """Return the words of a passage; its number comes first, so that no two are the same."""
    language, topic, words = _of(number // PASSAGES)
    chance = random.Random(f"passage {number}")
    said = (_sentence(language, topic, words, chance) for _ in range(chance.randint(4, 6)))
    return f"{number}. {' '.join(said)}"


def gist(episode: int) -> str:
    """Return what an episode is about."""
    _, topic, words = _of(episode)
    return f"{topic['title']} {episode}: {words['person']}, {words['city']}"


def number_of(said: str) -> int | None:
    """Return the number that a passage's text begins with."""
    first = said.partition(".")[0]
    return int(first) if first.isdecimal() else None


def queries(count: int) -> list[str]:
    """Return what people might ask: questions and sentences by turns, none of them said."""
    found = []
    for number in range(count):
        chance = random.Random(f"query {number}")
        language, topic, words = _of(chance.randrange(EPISODES))
        if number % 2:
            found.append(_sentence(language, topic, words, chance))
        else:
            asked = chance.choice(FACTS[language])[1]
            found.append(asked.format(number=chance.randrange(12, 990), **words))
    return found


def show_of(episode: int) -> str:
    """Return the name of an episode's show."""
    return f"Show {episode % SHOWS:03}"


def language_of(episode: int) -> str:
    """Return the language of an episode's show."""
    return LANGUAGES[episode % SHOWS % len(LANGUAGES)]


def _record(number: int, passages: int) -> EpisodeRecord:
    id = f"{number:016x}"
    enclosure = Enclosure(url=f"https://example.com/{id}.mp3", sha256=f"{number:064x}")
    day = random.Random(f"day {number}").randrange(3000)
    episode = Episode(
        id=id,
        show=show_of(number),
        title=gist(number),
        enclosure=enclosure,
        published=f"{2018 + day // 360}-{day // 30 % 12 + 1:02}-{day % 28 + 1:02}T06:00:00+00:00",
    )
    return EpisodeRecord(
        episode=episode,
        state=State.HEARD,
        duration=SECONDS * passages,
        language=language_of(number),
        passages=tuple(_passage(number, index) for index in range(passages)),
        engine="made",
    )


def _passage(episode: int, index: int) -> SpokenPassage:
    number = episode * PASSAGES + index
    chance = random.Random(f"beside {number}")
    hosts = (_name(episode % SHOWS * 2), _name(episode % SHOWS * 2 + 1))
    return SpokenPassage(
        index=index,
        start=SECONDS * index,
        end=SECONDS * (index + 1),
        text=text(number),
        speakers=hosts if chance.random() < 0.4 else (hosts[index % 2],),
        sounds=(chance.choice(SOUNDS),) if chance.random() < 0.15 else (),
        language=language_of(episode),
    )


def _of(episode: int) -> tuple[str, dict[str, str], dict[str, str]]:
    """Return the language, the topic and the recurring words of an episode."""
    chance = random.Random(f"episode {episode % EPISODES}")
    language = language_of(episode)
    topic = chance.choice(TOPICS[language])
    words = {name: chance.choice(values) for name, values in SLOTS[language].items()}
    words["person"] = f"{words['person']} {_name(_often(chance))}"
    words["city"] = f"{_name(_often(chance))} {words['city']}"
    return language, topic, words


def _sentence(
    language: str, topic: dict[str, str], words: dict[str, str], chance: random.Random
) -> str:
    own = {
        name: chance.choice(values) if chance.random() < 0.4 else words[name]
        for name, values in SLOTS[language].items()
    }
    if chance.random() < 0.4:
        said = chance.choice(FACTS[language])[0].format(number=chance.randrange(12, 990), **own)
    else:
        said = chance.choice(FILLERS[language]).format(**own, **topic)
    if chance.random() < 0.5:
        said = f"{_name(_often(chance))}: {said}"
    return said


def _often(chance: random.Random) -> int:
    """Return the number of a name: the n-th comes about 1/n as often as the first."""
    return int(_NAMES ** chance.random()) - 1


def _name(number: int) -> str:
    found = ""
    number += len(_SYLLABLES)
    while number:
        number, at = divmod(number, len(_SYLLABLES))
        found += _SYLLABLES[at]
    return found.capitalize()
