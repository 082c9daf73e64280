"""The language of the answer, asked for in words: the model has no other switch for it."""

import re

from qwen_audio_tools.conversation import Conversation, Message, question
from qwen_audio_tools.engines.base import Options

_CHINESE = re.compile(r"[\u3400-\u9fff]")
_ASKED = {"zh": "请用中文回答。", "en": "Answer in English."}
_NEVER = {"transcribe", "translate", "language"}
"""Tasks whose answer is in a language of its own."""


def in_language(conversation: Conversation, options: Options) -> Conversation:
    """Return the conversation, asking for `options.lang` where the question is in another one."""
    words = question(conversation)
    if options.lang is None or not words or options.task in _NEVER:
        return conversation
    if options.lang == ("zh" if _CHINESE.search(words) else "en"):
        return conversation
    last = conversation[-1]
    return [*conversation[:-1], Message(last.role, (*last.parts, _ASKED[options.lang]))]
