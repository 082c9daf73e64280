"""Token ids to text as they come: whole letters only, and nothing of a stop string."""

from collections.abc import Iterable
from typing import Any

from qwen_audio_tools.errors import SettingsError

# A letter of UTF-8 has four bytes at most, and a token stands for one byte at least.
_BYTES = 4
_TORN = "\N{REPLACEMENT CHARACTER}"


class TextStream:
    """The text of one reply. The pieces joined are what decoding all ids at once gives.

    The text ends before the stop string that is complete first; `stopped` then is true.
    Each token costs the same, however long the text is.
    """

    def __init__(self, tokenizer: Any, stop: Iterable[str] = ()) -> None:
        self.stopped = False
        self._tokenizer = tokenizer
        self._stop = tuple(stop)
        if "" in self._stop:
            raise SettingsError("a stop string is empty: it would end every reply at once")
        self._before: list[int] = []  # whose text was given; what follows is decoded after them
        self._new: list[int] = []
        self._held = ""  # may be the beginning of a stop string

    def push(self, token: int) -> str:
        """Return the text that is certain now that `token` follows; often nothing."""
        if self.stopped or self._is_special(token):
            return ""
        self._new.append(token)
        text = self._decoded(self._new)
        if not text.endswith(_TORN):
            return self._give(text, len(self._new))
        if len(self._new) > 2 * _BYTES:  # no letter is that long: some of it is damaged for good
            return self._give(*self._settled())
        return ""

    def finish(self) -> str:
        """Return what was held back; torn letters become the replacement character."""
        if self.stopped:
            return ""
        text = self._give(self._decoded(self._new), len(self._new)) + self._held
        self._held = ""
        return text

    def _decode(self, ids: list[int], *, special: bool = False) -> str:
        text: str = self._tokenizer.decode(
            ids, skip_special_tokens=not special, clean_up_tokenization_spaces=False
        )
        return text

    def _is_special(self, token: int) -> bool:
        # Asked of the token alone: a set of all would take as long as a short reply to make.
        return not self._decode([token]) and bool(self._decode([token], special=True))

    def _decoded(self, ids: list[int]) -> str:
        """Return the text of `ids` where they stand: some tokenizers drop a leading space."""
        return self._decode(self._before + ids)[len(self._decode(self._before)) :]

    def _settled(self) -> tuple[str, int]:
        """Return the text of the first tokens that no later token can change, and their number.

        Where two halves decode to the same text as the whole, no letter crosses the cut.
        """
        whole = self._decoded(self._new)
        for count in range(len(self._new) - _BYTES, 0, -1):
            text = self._decoded(self._new[:count])
            if text + self._decode(self._new[count:]) == whole:
                return text, count
        return "", 0

    def _give(self, text: str, count: int) -> str:
        if count:
            self._before, self._new = self._new[:count], self._new[count:]
        text = self._held + text
        ends = [
            (start + len(word), start) for word in self._stop if (start := text.find(word)) >= 0
        ]
        if ends:
            self.stopped, self._held = True, ""
            return text[: min(ends)[1]]
        held = max((_overlap(text, word) for word in self._stop), default=0)
        self._held = text[len(text) - held :]
        return text[: len(text) - held]


def _overlap(text: str, word: str) -> int:
    """Return how many of the last letters of `text` may be the beginning of `word`."""
    longest = min(len(text), len(word) - 1)
    return next((size for size in range(longest, 0, -1) if text.endswith(word[:size])), 0)
