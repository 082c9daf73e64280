"""How well an archive is searched and answered from: each made question beside its truth.

A passage or a citation is right if it lies in the right episode and holds at least half of the
span in which the fact was said, or the sound was heard.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from measuring.figures import Figure, figure, share
from measuring.made_archive import Asked
from qwen_audio_tools.archive.answering import ask_archive
from qwen_audio_tools.archive.archive import Archive
from qwen_audio_tools.archive.citing import Citation
from qwen_audio_tools.archive.index.lance_index import LanceIndex
from qwen_audio_tools.archive.index.rows import Hit
from qwen_audio_tools.archive.noting import Asking
from qwen_audio_tools.archive.searching import By, Query, search
from qwen_audio_tools.engines.base import Engine

DEEP = 10
"""How many passages are looked at for the reciprocal rank; beyond, it counts as 0."""
LANGUAGES = {"en": "English", "es": "Spanish", "de": "German"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """What came of a question: whether anything was found, and how each citation is."""

    asked: Asked
    found: bool
    cited: tuple[bool, ...]
    iou: float
    holds: bool
    heard: bool

    @property
    def right(self) -> bool:
        """Whether one of the citations is right."""
        return any(self.cited)


def rank(index: LanceIndex, asked: Asked, by: By, *, close: bool = True) -> int | None:
    """Return at which place the passage comes that holds the truth, from 1; None if it doesn't."""
    # Passages are not joined here: a hit of three in a row would be easier to be right with.
    query = Query(text=asked.question, count=DEEP, by=by, merge=False, close=close)
    hits = search(index, query)
    places = (place for place, hit in enumerate(hits, start=1) if _holds(hit, hit, asked))
    return next(places, None)


def ranks_table(index: LanceIndex, questions: Sequence[Asked]) -> dict[str, Any]:
    """Return recall@5 and MRR of facts: by words and meaning, by either alone, by language."""
    facts = [each for each in questions if each.kind == "fact"]
    sounds = [each for each in questions if each.kind == "sound"]
    rows = [
        _ranked(of, [rank(index, each, by, close=close) for each in asked])
        for of, by, close, asked in (
            ("facts: words and meaning, the best read by the sentence", By.BOTH, True, facts),
            ("facts: words and meaning fused", By.BOTH, False, facts),
            ("facts: words alone (full text)", By.WORDS, False, facts),
            ("facts: meaning alone (vectors)", By.MEANING, False, facts),
            *((f"facts in {name}", By.BOTH, True, own) for name, own in _languages(facts)),
            ("sounds that no word tells", By.BOTH, True, sounds),
        )
    ]
    return {
        "title": "Is the passage found?",
        "note": f"{len(index):,} passages of 30 to 60 s; each question has one that is right."
        " Facts of the same form stand in many episodes: other names, numbers and places.",
        "rows": rows,
    }


def _languages(facts: Sequence[Asked]) -> list[tuple[str, list[Asked]]]:
    return [
        (name, [each for each in facts if each.language == code])
        for code, name in LANGUAGES.items()
    ]


def _ranked(of: str, ranks: Sequence[int | None]) -> dict[str, Any]:
    return {
        "of": of,
        "recall@5": share([place is not None and place <= 5 for place in ranks]),
        "MRR@10": figure([1 / place if place else 0.0 for place in ranks], fmean, "share"),
    }


def answer_all(
    archive: Archive, index: LanceIndex, questions: Iterable[Asked], engine: Engine, *, listen: bool
) -> Iterable[Scored]:
    """Yield how each question is answered, with the audio of the spans or from transcripts."""
    for asked in questions:
        answered = ask_archive(
            archive, index, asked.question, engine=engine, asking=Asking(listen=listen)
        )
        cited = tuple(_holds(each.hit, each, asked) for each in answered.citations)
        yield Scored(
            asked=asked,
            found=answered.found,
            cited=cited,
            iou=max((_iou(each, asked) for each in answered.citations), default=0.0),
            holds=asked.answer.casefold() in answered.answer.text.casefold(),
            heard=any(item.kind == "sound" for item in answered.answer.evidence),
        )


def answers_table(scored: Sequence[Scored], title: str) -> dict[str, Any]:
    """Return what the citations of facts are worth, and whether what is missing is refused."""
    facts = [each for each in scored if each.asked.kind == "fact"]
    missing = [each for each in scored if each.asked.kind == "missing"]
    first = [each.cited[:1] == (True,) for each in facts]
    found = {
        "facts: one of the citations is right": share([each.right for each in facts]),
        "facts: the first citation is right": share(first),
        "facts: citations that are right, of all": _precision(facts),
        "facts: time-IoU of the best citation": _mean([each.iou for each in facts]),
        "facts: the answer holds the number or name": share([each.holds for each in facts]),
        "facts: refused in error": share([not each.found for each in facts]),
        "not in the archive: refused": share([not each.found for each in missing]),
    }
    rows = [{"of": of, "share": value} for of, value in found.items()]
    return {"title": title, "rows": rows}


def sounds_table(heard: Sequence[Scored], read: Sequence[Scored]) -> dict[str, Any]:
    """Return how the questions about sounds go with and without listening again."""
    rows = []
    for of, scored in (("listening again", heard), ("reading transcripts alone", read)):
        own = [each for each in scored if each.asked.kind == "sound"]
        rows.append(
            {
                "of": of,
                "told as heard, with the right place": share([e.heard and e.right for e in own]),
                "time-IoU": _mean([e.iou for e in own]),
            }
        )
    return {
        "title": "Sounds that no word tells",
        "note": "“Is there a siren in the episode of Harbour Radio about night trains?”, asked of"
        " the whole archive.",
        "rows": rows,
    }


def _precision(scored: Sequence[Scored]) -> Figure:
    def pooled(some: Sequence[Scored]) -> float:
        right = sum(sum(each.cited) for each in some)
        return right / max(1, sum(len(each.cited) for each in some))

    return figure(scored, pooled, "share")


def _mean(values: Sequence[float]) -> Figure:
    return figure(values, fmean, "share")


def _holds(hit: Hit, span: Hit | Citation, asked: Asked) -> bool:
    if not _in_episode(hit, asked):
        return False
    both = min(span.end, asked.end) - max(span.start, asked.start)
    return both >= 0.5 * (asked.end - asked.start)


def _iou(citation: Citation, asked: Asked) -> float:
    """Return the seconds in both spans over those in either (Jaccard)."""
    if not _in_episode(citation.hit, asked):
        return 0.0
    both = max(0.0, min(citation.end, asked.end) - max(citation.start, asked.start))
    either = max(citation.end, asked.end) - min(citation.start, asked.start)
    return both / either if either else 0.0


def _in_episode(hit: Hit, asked: Asked) -> bool:
    return (hit.show, hit.title) == (asked.show, asked.episode)
