"""Message and Conversation: text and clips in turns. There is no mode flag.

A user turn of clips alone is voice chat; with text it is audio analysis, as in Qwen2-Audio itself.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from qwen_audio_tools.clip import Clip

Role = Literal["system", "user", "assistant"]
Part = str | Clip


@dataclass(frozen=True, slots=True)
class Message:
    """One turn: who speaks, and the texts and clips in their order."""

    role: Role
    parts: tuple[Part, ...]

    @property
    def text(self) -> str:
        """The texts of this turn, joined by line breaks."""
        return "\n".join(part for part in self.parts if isinstance(part, str))

    @property
    def clips(self) -> tuple[Clip, ...]:
        """The clips of this turn in order."""
        return tuple(part for part in self.parts if isinstance(part, Clip))


Conversation = Sequence[Message]


def system(text: str) -> Message:
    """Return a system turn."""
    return Message("system", (text,))


def user(*parts: Part) -> Message:
    """Return a user turn of texts and clips."""
    return Message("user", parts)


def assistant(text: str) -> Message:
    """Return an assistant turn."""
    return Message("assistant", (text,))


def clips(conversation: Conversation) -> tuple[Clip, ...]:
    """Return every clip of the conversation in order."""
    return tuple(clip for message in conversation for clip in message.clips)


def question(conversation: Conversation) -> str:
    """Return the text of the last user turn, or an empty string."""
    for message in reversed(conversation):
        if message.role == "user":
            return message.text.strip()
    return ""


def as_data(text: str, controls: Iterable[str] | None = None) -> str:
    """Return `text` with control tokens broken up, so that what was heard can't steer a model.

    `<|im_start|>` becomes `< |im_start| >`: a reader still sees it, a tokenizer no longer does.
    `controls` are the control tokens of the model that reads it, and nothing else is changed;
    where no model is known yet, all of `<|` and `|>` is broken up.
    """
    if controls is None:
        return text.replace("<|", "< |").replace("|>", "| >")
    pattern = _any_of(frozenset(controls))
    while pattern.search(text):  # one may come to light when another that crosses it is broken up
        text = pattern.sub(lambda found: _spread(found.group()), text)
    return text


def controls_in(text: str, controls: Iterable[str]) -> tuple[str, ...]:
    """Return those of the control tokens that stand in `text`, each once, in their order."""
    return tuple(dict.fromkeys(_any_of(frozenset(controls)).findall(text)))


def _spread(token: str) -> str:
    inner = f"{token[1:-1]} " if len(token) > 2 else ""
    return f"{token[0]} {inner}{token[-1]}"


@lru_cache(maxsize=16)
def _any_of(controls: frozenset[str]) -> re.Pattern[str]:
    # No space can break up what has one in it already, or a single character.
    words = [word for word in controls if len(word) > 1 and not re.search(r"\s", word)]
    longest_first = sorted(words, key=lambda word: (-len(word), word))
    return re.compile("|".join(map(re.escape, longest_first)) or r"(?!)")
