"""A few sentences that stand for an episode: its own, or an engine's that writes freely."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence, Set

from qwen_audio_tools.answer import Answer
from qwen_audio_tools.archive.records import SpokenPassage
from qwen_audio_tools.clip import Clip
from qwen_audio_tools.conversation import user
from qwen_audio_tools.engines.base import Engine, Options, join
from qwen_audio_tools.notes import Note
from qwen_audio_tools.parts import Part
from qwen_audio_tools.reducing import condensed, reduction
from qwen_audio_tools.spans import Span

SENTENCES = 4
_LONGEST = 300
_ASKED = "What is this episode about? Answer in at most four sentences, in the language of it."
_SENTENCE = re.compile(r".+?(?:[.!?…]['\"”’)]*(?=\s|$)|[。！？]['\"”’)」』]*|$)", re.S)
_WORD = re.compile(r"[^\W\d_]{4,}|[\u3040-\u30ff\u3400-\u9fff]{2}")


def summarized(
    passages: Sequence[SpokenPassage], clip: Clip, engine: Engine, options: Options
) -> str:
    """Return what an engine that converses makes of the words; it sees them as data only.

    Raises:
        EngineError: as the engine.
    """
    asked = [user(_ASKED)]
    notes = [
        Note(Part(clip=clip, span=Span(each.start, each.end)), Answer(text=each.text))
        for each in passages
        if each.text
    ]
    if not notes:
        return ""
    lines = condensed(engine, notes, _ASKED, options)
    return join(engine.reply(reduction(asked, lines), options), engine.info).text.strip()


def extract(passages: Sequence[SpokenPassage]) -> str:
    """Return the opening sentence and those that hold most of what comes back, in their order.

    Nothing is rephrased: each sentence was said. Words count by how many passages they come back
    in, and what one sentence has told counts no more in the next (SumBasic, Vanderwende 2007).
    """
    said = [
        sentence.strip()
        for passage in passages
        for sentence in _SENTENCE.findall(passage.text)
        if 20 <= len(sentence.strip()) <= _LONGEST or len(_words(sentence)) > 3
    ]
    said = [sentence[:_LONGEST] for sentence in said]
    if len(said) <= SENTENCES:
        return _together(said)
    weights = Counter(word for passage in passages for word in set(_words(passage.text)))
    common = max(3, len(passages) * 0.6)  # in most passages: says nothing of any
    shares = {
        word: 0.0 if count > common or count < 2 else count / len(passages)
        for word, count in weights.items()
    }
    words = [set(_words(sentence)) for sentence in said]
    taken = [0]
    while len(taken) < SENTENCES:
        for told in words[taken[-1]]:
            shares[told] = shares.get(told, 0.0) ** 2
        left = (at for at in range(len(said)) if at not in taken)
        taken.append(max(left, key=lambda at: _worth(words[at], shares)))
    return _together([said[at] for at in sorted(taken)])


def _worth(words: Set[str], shares: Mapping[str, float]) -> float:
    # Four more words than there are: a short sentence must not win by one good word.
    return sum(shares.get(word, 0.0) for word in words) / (len(words) + 4)


def _words(text: str) -> list[str]:
    return _WORD.findall(text.lower())


def _together(sentences: Sequence[str]) -> str:
    wide = any("\u3040" <= char <= "\u9fff" for char in "".join(sentences))
    return ("" if wide else " ").join(sentences)
