"""What the words of a recording say about feelings: named ones, and which emotions they lean to.

The lean compares each sentence with a few worded examples of each emotion in a space of meaning
that 16 languages share, so the examples in English and Chinese serve the others too.
"""

import re
from collections.abc import Sequence
from functools import cache

import numpy as np
import numpy.typing as npt

from qwen_audio_tools.engines.embedded.emotion.places import Encoder
from qwen_audio_tools.transcript import Segment

Floats = npt.NDArray[np.float32]

EXAMPLES: dict[str, tuple[str, ...]] = {
    "happy": ("I am so happy.", "This is wonderful, I love it.", "We are having a great time.",
              "What good news!", "Thank you so much.", "我很高兴。"),
    "excited": ("I can't wait, this is so exciting!", "We won, we won!", "太激动了！"),
    "surprised": ("I can't believe it, what a surprise!", "Really? I didn't expect that.",
                  "Wow, are you serious?", "真没想到！"),
    "angry": ("I am so angry with you.", "How dare you do that!",
              "This is outrageous, I am furious.", "Shut up and get out!", "You lied to me.",
              "你太过分了，我很生气。"),
    "annoyed": ("This is so annoying.", "I am fed up with this.", "Not again, I have had enough.",
                "烦死了。"),
    "afraid": ("I am afraid, please help me.", "I am scared of what will happen.", "我好害怕。",
               "Something terrible is coming."),
    "worried": ("I am worried about it.", "I don't know what to do, I am nervous.",
                "I am sorry, please forgive me.", "我很担心。"),
    "sad": ("I am so sad, I miss him.", "She died and I can't stop crying.", "It is a great loss.",
            "I feel lonely and lost.", "I lost my job.", "我很难过。"),
    "disgusted": ("That is disgusting.", "It makes me sick, it smells awful.", "真恶心。"),
    "tired": ("I am so tired.", "I am bored, nothing happens.", "我很累。"),
    "neutral": ("The meeting is at ten on Monday.", "Turn left at the corner and go straight.",
                "The report has twelve pages.", "会议在星期一十点。",
                "The company was founded in 1990.", "Water boils at one hundred degrees.",
                "He opened the window and sat down.", "The shop is on the second floor.",
                "It is about three hundred metres long.", "Add two cups of flour.",
                "我住在北京的南边。", "他每天八点上班。"),
}  # fmt: skip
_NEAR, _SAME = 0.42, 0.8

_NAMED_ENGLISH = {
    "happy": "happy|glad|delighted|overjoyed|thrilled|proud|grateful|cheerful",
    "excited": "excited|can't wait",
    "surprised": "surprised|amazed|shocked|astonished",
    "angry": "angry|furious|mad|outraged|livid",
    "annoyed": "annoyed|frustrated|irritated|fed up|sick of",
    # "I am afraid not", "I'm afraid that" are manners.
    "afraid": r"afraid(?! (?:not|so|that|we|you|it|he|she|they|there|the)\b)"
    "|scared|terrified|frightened",
    "worried": "worried|anxious|nervous|stressed|sorry|ashamed",
    "sad": "sad|unhappy|depressed|heartbroken|lonely|miserable|devastated|disappointed"
    "|terrible|awful|horrible",
    "disgusted": "disgusted",
    "tired": "tired|exhausted|bored",
    "calm": "relaxed|at peace",
}
_NAMED_CHINESE = {
    "happy": "高兴|开心|快乐|幸福|自豪|感激",
    "excited": "激动|兴奋",
    "surprised": "惊讶|吃惊|震惊",
    "angry": "生气|愤怒|气死|恼火",
    "annoyed": "烦死|受够|不耐烦",
    "afraid": "害怕|恐惧|好怕",
    "worried": "担心|焦虑|紧张|对不起|抱歉",
    "sad": "难过|伤心|悲伤|失望|痛苦|孤独",
    "disgusted": "恶心|讨厌",
    "tired": "很累|疲惫|无聊",
    "calm": "放松|安心",
}
_SELF = (
    r"\b(?:i|we)(?:'m| am| was| feel| felt|'re| are| were|'ve been| have been| get| got)?"
    r"(?: just| really| so| very| too| quite| pretty| a bit| feeling| such| all| extremely)*"
)


@cache
def _patterns() -> tuple[tuple[str, re.Pattern[str]], ...]:
    english = [
        (name, re.compile(rf"{_SELF} (?:{words})\b", re.IGNORECASE))
        for name, words in _NAMED_ENGLISH.items()
    ]
    chinese = [
        (name, re.compile(rf"我们?(?!.{{0,4}}[不没别])[^，。！？,.]{{0,5}}(?:{words})"))
        for name, words in _NAMED_CHINESE.items()
    ]
    return (*english, *chinese)


def named_emotions(text: str) -> tuple[tuple[str, str], ...]:
    """Return (emotion, quote) for each feeling that the speaker says to have ("I am so angry")."""
    plain = text.replace("\u2019", "'")
    return tuple(
        (name, found.group(0).strip())
        for name, pattern in _patterns()
        if (found := pattern.search(plain))
    )


@cache
def _denials() -> tuple[tuple[str, re.Pattern[str]], ...]:
    before = r"(?:\bnot|n't|\bnever|\bno longer|\bwithout being)(?: \w+){0,2}"
    return (
        *((n, re.compile(rf"{before} (?:{w})\b", re.I)) for n, w in _NAMED_ENGLISH.items()),
        *((n, re.compile(rf"[不没别][太很是会再]?(?:{w})")) for n, w in _NAMED_CHINESE.items()),
    )


def denied_emotions(text: str) -> frozenset[str]:
    """Return the emotions that a text says are not there ("not angry at all")."""
    plain = text.replace("\u2019", "'")
    return frozenset(name for name, pattern in _denials() if pattern.search(plain))


def leanings(
    segments: Sequence[Segment], encoder: Encoder | None, vectors: Floats | None = None
) -> dict[str, float]:
    """Return how much the words lean to each emotion, 0 to 1; named feelings count in full.

    A sentence counts by its share of all that is said, under a square root: one outburst in an
    hour is little, one in four sentences is much. `vectors` are those of the segments' texts, if
    they are known already.
    """
    total = sum(len(segment.text.strip()) for segment in segments)
    if not total:
        return {}
    strengths = _strengths([segment.text for segment in segments], encoder, vectors)
    lean: dict[str, float] = {}
    for segment, strength in zip(segments, strengths, strict=True):
        share = min(1.0, 1.5 * (len(segment.text) / total) ** 0.5)
        for name, _ in named_emotions(segment.text):
            strength[name] = 1.0
        for name in denied_emotions(segment.text):
            strength.pop(name, None)
        for name, value in strength.items():
            lean[name] = max(lean.get(name, 0.0), value * share)
    return {name: round(value, 3) for name, value in lean.items() if value > 0.02}


def feelings(texts: Floats, encoder: Encoder) -> Floats:
    """Return how surely each text, given as its vector, is about a feeling, 0 to 1, shape (n,).

    It is, when it is nearer to the examples of some emotion than to those of plain statements.
    """
    names, vectors = _example_vectors(encoder)
    near = texts @ vectors.T
    plain = np.array([name == "neutral" for name in names])
    ahead = near[:, ~plain].max(axis=1) - near[:, plain].max(axis=1)
    return np.asarray(np.clip((ahead - 0.02) / 0.2, 0.0, 1.0), np.float32)


def _strengths(
    texts: Sequence[str], encoder: Encoder | None, known: Floats | None
) -> list[dict[str, float]]:
    if encoder is None:
        return [{} for _ in texts]
    names, vectors = _example_vectors(encoder)
    near = (encoder.encode(texts) if known is None else known) @ vectors.T
    found: list[dict[str, float]] = []
    for row in near:
        best: dict[str, float] = {}
        for name, value in zip(names, row, strict=True):
            strength = min(1.0, (float(value) - _NEAR) / (_SAME - _NEAR))
            if strength > best.get(name, 0.0):
                best[name] = strength
        found.append(best)
    return found


@cache
def _example_vectors(encoder: Encoder) -> tuple[list[str], Floats]:
    names = [name for name, texts in EXAMPLES.items() for _ in texts]
    return names, encoder.encode([text for texts in EXAMPLES.values() for text in texts])
