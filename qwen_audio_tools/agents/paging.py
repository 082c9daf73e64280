"""Long lists in pages of a bounded size, and long texts in pieces that fit on one."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

from qwen_audio_tools.errors import SettingsError

T = TypeVar("T")
LONGEST = 2_000
"""Characters of one piece of a text: some engines and publishers give one segment for all."""


def paged(
    items: Iterable[T], weigh: Callable[[T], Sequence[int]], most: Sequence[int]
) -> list[list[T]]:
    """Return the items on pages, of which there is one at least.

    `weigh` tells what an item takes, by several measures; `most` how much of each a page holds.
    """
    pages: list[list[T]] = [[]]
    used = [0] * len(most)
    for item in items:
        weights = weigh(item)
        after = [have + more for have, more in zip(used, weights, strict=True)]
        if pages[-1] and any(have > room for have, room in zip(after, most, strict=True)):
            pages.append([])
            after = list(weights)
        pages[-1].append(item)
        used = after
    return pages


def page_numbered(pages: Sequence[list[T]], number: int, what: str) -> list[T]:
    """Return one page, counted from 1.

    Raises:
        SettingsError: there are fewer; `what` says of what.
    """
    if not 1 <= number <= len(pages):
        raise SettingsError(
            f"page cannot be {number}: {what} has {len(pages)}",
            hint=f"give a page from 1 to {len(pages)}",
        )
    return pages[number - 1]


def pieces(text: str, longest: int = LONGEST) -> Iterator[str]:
    """Yield a text in pieces that end at spaces; joined they are the text again."""
    while len(text) > longest:
        at = text.rfind(" ", longest // 2, longest) + 1 or longest
        yield text[:at]
        text = text[at:]
    yield text
