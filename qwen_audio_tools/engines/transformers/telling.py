"""A reply that notes who said what when, told as text and evidence with times."""

from collections.abc import Callable, Iterable, Sequence
from importlib import import_module

from qwen_audio_tools.answer import Evidence
from qwen_audio_tools.engines.transformers.families import Family
from qwen_audio_tools.engines.transformers.prompt import Sound
from qwen_audio_tools.preambles import without_preamble
from qwen_audio_tools.transcript import Segment

Read = Callable[[str, float], tuple[Segment, ...]]
"""Makes Segments of a reply and the seconds of its clip; times count from the clip's start."""

Align = Callable[[Sound, str, str | None], tuple[Segment, ...]]
"""Gives each word of a text its time in a sound; the last argument is its language."""

Tell = Callable[[str, Sound], tuple[Segment, ...]]
"""Makes Segments of a reply and what was heard."""


def reader(family: Family) -> Read | None:
    """Return what reads the family's own notation, None if it writes plain text."""
    if not family.read:
        return None
    module, _, name = family.read.partition(":")
    read: Read = getattr(import_module(module), name)
    return read


def aligned(read: Read | None, align: Align, language: str | None) -> Tell:
    """Return what gives the words of a reply their times; who spoke stays as `read` has it."""

    def tell(text: str, sound: Sound) -> tuple[Segment, ...]:
        if read is None:
            return phrases(align(sound, without_preamble(text), language), without_preamble(text))
        found = read(text, sound.seconds)
        if any(segment.speaker for segment in found):
            return found  # it has times already, and they go with the speakers
        spoken = language or next((segment.language for segment in found), None)
        return phrases(align(sound, told(found), spoken), told(found))

    return tell


def told(segments: Iterable[Segment]) -> str:
    """Return what was said: a line for each turn where speakers are told apart, else one text."""
    spoken = list(segments)
    if any(segment.speaker for segment in spoken):
        return "\n".join(f"{segment.speaker or '?'}: {segment.text}" for segment in spoken)
    return " ".join(segment.text for segment in spoken)


def evidence(
    segments: Sequence[Segment], *, start: float, model: str, clip: str
) -> tuple[Evidence, ...]:
    """Return speech, speakers and language as evidence; `start` is where the clip begins."""
    found = []
    for segment in segments:
        first, last = start + segment.start, start + segment.end
        kinds = [("speech", segment.text)]
        if segment.speaker:
            kinds.append(("speaker", segment.speaker))
        found += [
            Evidence(kind=kind, text=text, start=first, end=last, model=model, clip=clip)
            for kind, text in kinds
        ]
    languages = dict.fromkeys(segment.language for segment in segments if segment.language)
    found += [
        Evidence(kind="language", text=language, model=model, clip=clip) for language in languages
    ]
    return tuple(found)


def phrases(words: Sequence[Segment], text: str) -> tuple[Segment, ...]:
    """Return words with times as phrases, with the punctuation that `text` has between them.

    A phrase ends with its sentence, at a pause, or after some seconds.
    """
    places: list[tuple[int, Segment]] = []
    at = 0
    for word in words:
        found = text.find(word.text, at)
        places.append((found if found >= 0 else at, word))
        at = places[-1][0] + (len(word.text) if found >= 0 else 0)
    made: list[Segment] = []
    first = 0
    for index in range(1, len(places) + 1):
        if index < len(places) and not _ends(places[first:index], places[index], text):
            continue
        stop = places[index][0] if index < len(places) else len(text)
        begin = places[first][0] if made else 0
        start, end = places[first][1].start, places[index - 1][1].end
        made.append(
            Segment(
                start=start,
                end=end,
                text=text[begin:stop].strip(),
                language=places[first][1].language,
            )
        )
        first = index
    return tuple(made)


_PAUSE = 0.6
_LONGEST = 8.0
"""Seconds: of silence that ends a phrase, and of speech after which one ends anyway."""
_STOPS = frozenset(".!?。！？…")


def _ends(phrase: Sequence[tuple[int, Segment]], after: tuple[int, Segment], text: str) -> bool:
    place, last = phrase[-1]
    between = text[place + len(last.text) : after[0]]
    return (
        bool(_STOPS & set(between))
        or after[1].start - last.end >= _PAUSE
        or after[1].end - phrase[0][1].start > _LONGEST
    )
