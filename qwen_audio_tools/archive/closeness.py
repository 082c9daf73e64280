"""How near passages are to a query, sentence by sentence.

The vector of a passage is the mean of a minute: one telling sentence among ten others moves it
little. So the best passages are read again, and each counts by the sentence that is nearest, and
somewhat by what it stands in, where the query names a show, an episode or a chapter.
"""

from collections.abc import Sequence

from qwen_audio_tools.archive.index.rows import Hit
from qwen_audio_tools.quoting.quotes import relevance
from qwen_audio_tools.quoting.sentences import Sentence, sentences
from qwen_audio_tools.quoting.word_overlap import Encode
from qwen_audio_tools.transcript import Segment

HEADING = 0.5
"""What the nearness of its heading counts for a passage, beside that of its nearest sentence."""


def closeness(text: str, hits: Sequence[Hit], encode: Encode) -> list[float]:
    """Return how near each passage is to a query, about 0 to 1.5."""
    groups = [[_heading(hit), *_sentences(hit)] for hit in hits]
    starts, said = list[int](), list[Sentence]()
    for group in groups:
        starts.append(len(said))
        said += group
    if not said:
        return []
    # The heading is no sentence before the first one: that begins anew, too.
    scores = relevance(text, said, encode, sorted({*starts, *(at + 1 for at in starts)}))
    found = []
    for start, group in zip(starts, groups, strict=True):
        heading, *inside = (float(score) for score in scores[start : start + len(group)])
        found.append(max(inside, default=0.0) + HEADING * max(0.0, heading))
    return found


def _heading(hit: Hit) -> Sentence:
    words = ". ".join(filter(None, (hit.show, hit.title, hit.chapter)))
    return _whole(hit, words or hit.episode)


def _sentences(hit: Hit) -> list[Sentence]:
    whole = Segment(start=hit.start, end=hit.end, text=hit.text)
    heard = [_whole(hit, f"Sounds: {', '.join(hit.sounds)}.")] if hit.sounds else []
    return [*sentences([whole]), *heard]


def _whole(hit: Hit, words: str) -> Sentence:
    segment = Segment(start=hit.start, end=hit.end, text=words)
    return Sentence(
        segment=segment,
        first=0,
        last=0,
        text=words,
        start=hit.start,
        end=hit.end,
        interpolated=False,
    )
