"""The words of a reply with the times of an aligner, in phrases."""

from collections.abc import Callable, Sequence

from qwen_audio_tools.engines.telling import Read, told
from qwen_audio_tools.engines.transformers.prompt import Sound
from qwen_audio_tools.preambles import without_preamble
from qwen_audio_tools.transcript import Segment

Align = Callable[[Sound, str, str | None], tuple[Segment, ...]]
"""Gives each word of a text its time in a sound; the last argument is its language."""

Tell = Callable[[str, Sound], tuple[Segment, ...]]
"""Makes Segments of a reply and what was heard."""


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
