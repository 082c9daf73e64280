"""How many tokens a text or a conversation takes in a model's context: an estimate without it."""

import math

from qwen_audio_tools.conversation import Conversation
from qwen_audio_tools.engines.base import EngineInfo

_PER_TURN = 5
"""Tokens around a turn: its role and the marks of its beginning and end."""
_PER_CLIP = 8
"""Tokens around a clip: "Audio 1: ", its marks and a line break."""


def text_tokens(text: str) -> int:
    """Return about how many tokens a text has, rather too many than too few.

    Three letters of a word make a token, and each Chinese character does.
    """
    wide = sum(letter > "⺀" for letter in text)
    return wide + math.ceil((len(text) - wide) / 3)


def audio_tokens(seconds: float, info: EngineInfo) -> int:
    """Return how many tokens so many seconds of audio have; none where the engine has no tokens."""
    return math.ceil(seconds * info.audio_tokens_per_second)


def conversation_tokens(conversation: Conversation, info: EngineInfo) -> int:
    """Return about how many tokens a conversation takes, its audio included.

    Raises:
        ClipError: a clip can't be opened.
    """
    count = 0
    for turn in conversation:
        count += _PER_TURN + sum(text_tokens(part) for part in turn.parts if isinstance(part, str))
        for clip in turn.clips:
            count += _PER_CLIP + audio_tokens(clip.duration, info)
    return count
