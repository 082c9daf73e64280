"""Words that tip the balance between tasks: the tie-break of the router, in English and Chinese.

The table is `routing_rules.tsv`: a task, how much the words count, and the pattern looked for in
the lower-cased question. The scores they are added to lie between -1 (unlike every example of
the task) and 1.
"""

import re
from functools import cache
from importlib import resources

_WEIGHTS = {"clear": 0.8, "likely": 0.45, "hint": 0.25}
# A word of one task turns another's meaning: the mood OF THE MUSIC is no one's emotion.
_OVERRULES = {
    "music": {"emotion", "speaker", "caption", "vocal_sound"},
    "question": {"music", "emotion", "vocal_sound", "sound_events", "summarize", "language"},
    "translate": {"language", "transcribe"},
    "speaker": {"caption"},
    "emotion": {"caption"},
}


def tips(question: str) -> dict[str, float]:
    """Return how much the words of a question speak for each task that they speak for."""
    found: dict[str, float] = {}
    lowered = question.lower()
    # Half of the words are Chinese; to compile them for an English question would double the time.
    for task, weight, pattern in _rules(chinese=not lowered.isascii()):
        if pattern.search(lowered):
            found[task] = max(found.get(task, 0.0), weight)
    for task, losers in _OVERRULES.items():
        for loser in losers & found.keys():
            if found.get(task, 0.0) >= found[loser]:
                found[loser] = 0.0
    return found


@cache
def _rules(*, chinese: bool) -> tuple[tuple[str, float, re.Pattern[str]], ...]:
    """Return (task, weight, pattern) of each row; without `chinese` only the ASCII alternatives."""
    table = resources.files(__package__).joinpath("routing_rules.tsv").read_text("utf-8")
    rows = (line.split("\t", 2) for line in table.splitlines()[1:])
    found = []
    for task, weight, pattern in rows:
        words = pattern if chinese else "|".join(filter(str.isascii, _alternatives(pattern)))
        if words:
            found.append((task, _WEIGHTS[weight], re.compile(words)))
    return tuple(found)


def _alternatives(pattern: str) -> list[str]:
    """Return the alternatives of a pattern, cut at each "|" that stands in no parentheses."""
    parts, depth = [""], 0
    for character in pattern:
        depth += {"(": 1, ")": -1}.get(character, 0)
        if character == "|" and not depth:
            parts.append("")
        else:
            parts[-1] += character
    return parts
