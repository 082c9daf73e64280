"""Find passages of an archive: by words and by meaning, fused; the best are read by the sentence.

Ranks are fused by reciprocal rank fusion (Cormack, Clarke, Büttcher 2009): 1 / (60 + rank) from
each list. Passages that follow each other are told as one.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from qwen_audio_tools.archive.closeness import closeness
from qwen_audio_tools.archive.index.filters import Filters
from qwen_audio_tools.archive.index.lance_index import LanceIndex
from qwen_audio_tools.archive.index.rows import Hit
from qwen_audio_tools.engines.reranking import Rerank
from qwen_audio_tools.errors import SettingsError
from qwen_audio_tools.quoting.word_overlap import Encode

_RANK = 60
_DEEP = 6
"""How many times as many passages are looked at as are wanted."""
_EPISODES = 20
"""How many episodes are looked for by what they are about."""
_SHARE = 0.1
"""What the rank of its episode counts for a passage, beside its own two ranks. With 0.5 a passage
in the right episode came before the right passage (benchmarks/archive.md)."""
_READ = 40
"""How many passages are read sentence by sentence: some 0.5 s on one core."""
LONGEST_QUERY = 2000
"""Characters of a query that count: a sentence encoder looks at no more, and words enough."""


class By(StrEnum):
    """What a search goes by."""

    BOTH = "both"
    WORDS = "words"
    MEANING = "meaning"


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What is looked for.

    `count` is how many hits are wanted; `merge` joins neighbours; `rerank` gives each text a score
    for the query, such as a cross-encoder does, and decides the order of the best. Without one the
    best are read sentence by sentence, if `close` is set and words and meaning both count.
    """

    text: str
    filters: Filters = field(default_factory=Filters)
    count: int = 10
    by: By = By.BOTH
    merge: bool = True
    close: bool = True
    rerank: Rerank | None = field(default=None, compare=False)


def search(index: LanceIndex, query: Query) -> list[Hit]:
    """Return the best hits, the best first; their scores order them and mean nothing else.

    Raises:
        SettingsError: the query is empty, or no hit is wanted.
        ArchiveError: the index is damaged, or of another embedder.
    """
    text = " ".join(query.text.split())[:LONGEST_QUERY]
    if not text:
        raise SettingsError("the query is empty", hint='qwa archive search "tariffs"')
    if query.count < 1:
        raise SettingsError(f"{query.count} hits can't be looked for: one at least")
    deep = query.count * _DEEP
    found = fused(_lists(index, text, query, deep))
    found = _in_episodes(index, text, query, found)
    if query.rerank is not None and found:
        found = _reranked(text, found[:deep], query.rerank)
    elif query.close and query.by is By.BOTH:
        found = _read_closely(text, found, index.embedder.embed)
    if query.merge:
        found = merged(found)
    return found[: query.count]


def fused(lists: Iterable[Sequence[Hit]]) -> list[Hit]:
    """Return the hits of several lists as one, by reciprocal rank fusion."""
    scores: dict[tuple[str, int], float] = defaultdict(float)
    hits: dict[tuple[str, int], Hit] = {}
    for each in lists:
        for rank, hit in enumerate(each, start=1):
            key = (hit.episode, hit.index)
            scores[key] += 1 / (_RANK + rank)
            hits.setdefault(key, hit)
    return _ordered(hits[key].scored(score) for key, score in scores.items())


def merged(hits: Sequence[Hit]) -> list[Hit]:
    """Return the hits with those joined that follow each other in one episode.

    The best of them gives its score, and the place among the others.
    """
    groups: list[list[Hit]] = []
    for hit in hits:
        near = next((group for group in groups if _follows(group, hit)), None)
        if near is None:
            groups.append([hit])
        else:
            near.append(hit)
    return [_joined(group) for group in groups]


def _follows(group: Sequence[Hit], hit: Hit) -> bool:
    # Two neighbours at most: a whole episode of passages that all fit would be no place to cite.
    return len(group) < 3 and any(
        each.episode == hit.episode and abs(each.index - hit.index) == 1 for each in group
    )


def _joined(group: Sequence[Hit]) -> Hit:
    inside = sorted(group, key=lambda each: each.index)
    first = inside[0]
    return replace(
        first,
        end=inside[-1].end,
        text="\n".join(each.text for each in inside if each.text),
        speakers=_union(each.speakers for each in inside),
        sounds=_union(each.sounds for each in inside),
        score=group[0].score,
    )


def _union(names: Iterable[Sequence[str]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for each in names for name in each))


def _in_episodes(index: LanceIndex, text: str, query: Query, found: Sequence[Hit]) -> list[Hit]:
    """Return the hits with a little more for those in the episodes that are about the query."""
    episodes = fused(_lists(index, text, query, _EPISODES, episodes=True))
    ranks = {each.episode: rank for rank, each in enumerate(episodes, start=1)}
    return _ordered(
        hit.scored(hit.score + (_SHARE / (_RANK + ranks[hit.episode])))
        if hit.episode in ranks
        else hit
        for hit in found
    )


def _lists(
    index: LanceIndex, text: str, query: Query, count: int, *, episodes: bool = False
) -> list[list[Hit]]:
    lists = []
    if query.by is not By.MEANING:
        lists.append(index.by_words(text, query.filters, count, episodes=episodes))
    if query.by is not By.WORDS:
        lists.append(index.by_meaning(text, query.filters, count, episodes=episodes))
    return lists


def _read_closely(text: str, hits: Sequence[Hit], encode: Encode) -> list[Hit]:
    """Return the hits with the best of them in the order of their nearest sentences."""
    best, others = hits[:_READ], hits[_READ:]
    scores = closeness(text, best, encode)
    # Scores of both kinds in one list: whoever was read comes first.
    read = [hit.scored(1.0 + score) for hit, score in zip(best, scores, strict=True)]
    return [*_ordered(read), *others]


def _reranked(text: str, hits: Sequence[Hit], rerank: Rerank) -> list[Hit]:
    scores = rerank(text, [_told(hit) for hit in hits])
    return _ordered(hit.scored(float(score)) for hit, score in zip(hits, scores, strict=True))


def _told(hit: Hit) -> str:
    """Return the words of a passage and what sounds in it: the index holds both, too."""
    sounds = f"Sounds: {', '.join(hit.sounds)}." if hit.sounds else ""
    return "\n".join(filter(None, (hit.text, sounds)))


def _ordered(hits: Iterable[Hit]) -> list[Hit]:
    return sorted(hits, key=lambda hit: (-hit.score, hit.episode, hit.index))
