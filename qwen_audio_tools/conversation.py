"""Message and Conversation: text and clips in turns. There is no mode flag.

A user turn of clips alone is voice chat; with text it is audio analysis, as in Qwen2-Audio itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass
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


def as_data(text: str) -> str:
    """Return `text` with control tokens broken up, so that what was heard can't steer a model.

    `<|im_start|>` becomes `< |im_start| >`: a reader still sees it, a tokenizer no longer does.
    """
    return text.replace("<|", "< |").replace("|>", "| >")
